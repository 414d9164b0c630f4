import Foundation
import TestSupport
import Testing

@testable import SSHClient

extension ServerTests {
    /// What logs in to OpenSSH's sshd, and what does not.
    @Suite struct LoginTests {
        private func key(_ name: String, passphrase: String? = nil) async throws -> Credential {
            try await Credential.keyFile(at: SSHKeys.shared.path(name), passphrase: passphrase.map { Secret($0) })
        }

        // MARK: Keys

        @Test func `ed25519, ecdsa and keys with a passphrase log in`() async throws {
            let server = try await OpenSSHServer()
            for credential in try await [
                key("user"), key("user_ecdsa"), key("user_passphrase", passphrase: "correct horse"),
            ] {
                let connection = try await server.connect(credentials: [credential])
                #expect(connection.serverBanner.hasPrefix("SSH-2.0-OpenSSH"))
                #expect(try await connection.execute("true").status == 0)
                connection.close()
            }
        }

        @Test(arguments: [nil, "", "wrong horse"]) func `without its passphrase a key is not usable`(
            _ passphrase: String?
        )
            async throws
        {
            let error = await #expect(throws: SSHError.self) {
                try await key("user_passphrase", passphrase: passphrase)
            }
            #expect(error?.code == .badKeyFile, "\(String(describing: error))")
        }

        @Test func `only a file that is there is named as the public half`() async throws {
            let server = try await OpenSSHServer()
            let folder = try TemporaryFolder()
            let alone = try folder.write(SSHKeys.shared.privateText("stranger"), to: "all alone", mode: 0o600)
            for (path, part) in [
                (SSHKeys.shared.path("stranger"), "the public half (\(SSHKeys.shared.path("stranger.pub"))) to"),
                (alone, "the public half (`ssh-keygen -y -f '\(alone)'` prints it) to"),
            ] {
                let credential = try await Credential.keyFile(at: path, passphrase: nil)
                let error = await #expect(throws: SSHError.self) {
                    try await server.connect(credentials: [credential])
                }
                #expect(error?.advice.contains(part) == true, "\(String(describing: error))")
            }
        }

        @Test func `a key that the device does not know is refused, and the next one is tried`() async throws {
            let server = try await OpenSSHServer()
            let stranger = try await key("stranger")
            #expect(await code { _ = try await server.connect(credentials: [stranger]) } == .authenticationRefused)
            #expect(await code { _ = try await server.connect(credentials: []) } == .authenticationRefused)
            #expect(
                await code { _ = try await server.connect(credentials: [.password(Secret("x"))]) }
                    == .authenticationRefused
            )
            let connection = try await server.connect(credentials: [
                .password(Secret("wrong")), stranger, key("user"),
            ])
            connection.close()
        }

        @Test(.disabled(if: SSHLibrary.supportsRSA, "this libssh2 speaks rsa-sha2"))
        func `an RSA key is refused before it is tried, and what to do is said`() async throws {
            let error = await #expect(throws: SSHError.self) { try await key("user_rsa") }
            #expect(error?.code == .badKeyFile)
            #expect(error?.what.contains("RSA") == true && error?.advice.contains("ed25519") == true)
        }

        // MARK: Key files

        @Test func `what is no private key of one's own is refused`() async throws {
            let folder = try TemporaryFolder()
            let text = try String(contentsOfFile: SSHKeys.shared.path("user"), encoding: .utf8)
            let cases: [(what: String, content: String, mode: Int, part: String)] = [
                ("a key that others can read", text, 0o644, "others can read"),
                ("a key that the group can write", text, 0o620, "others can read"),
                ("a public key", SSHKeys.shared.publicLine("user"), 0o600, "public key"),
                ("a text", "hello", 0o600, "not a private key"), ("nothing", "", 0o600, "not a private key"),
            ]
            for (what, content, mode, part) in cases {
                let path = try folder.write(content, to: what)
                try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
                let error = await #expect(throws: SSHError.self) {
                    try await Credential.keyFile(at: path, passphrase: nil)
                }
                #expect(error?.code == .badKeyFile && error?.what.contains(part) == true, "\(what)")
            }
            for path in [folder("missing"), folder.path] {
                #expect(await code { _ = try await Credential.keyFile(at: path, passphrase: nil) } == .badKeyFile)
            }
        }

        @Test func `a damaged key is not usable`() async throws {
            let folder = try TemporaryFolder()
            let text = try String(contentsOfFile: SSHKeys.shared.path("user"), encoding: .utf8)
            let path = try folder.write(String(text.prefix(120)) + "\n-----END OPENSSH PRIVATE KEY-----\n", to: "key")
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
            #expect(await code { _ = try await Credential.keyFile(at: path, passphrase: nil) } == .badKeyFile)
        }

        /// Only libssh2 looks into what such a file encrypts.
        @Test func `a PEM key with a wrong passphrase is not usable, and nothing is sent`() async throws {
            let folder = try TemporaryFolder()
            let made = try await Command.run(
                "ssh-keygen", ["-q", "-t", "ecdsa", "-m", "PEM", "-N", "correct horse", "-f", folder("key")])
            try #require(made.status == 0, "\(made.errorOutput)")
            let credential = try await Credential.keyFile(at: folder("key"), passphrase: Secret("wrong"))
            let server = try await OpenSSHServer()
            #expect(await code { _ = try await server.connect(credentials: [credential]) } == .badKeyFile)
            #expect(!server.log.contains("userauth-request"))
        }

        // MARK: What the server wants

        @Test(arguments: [
            ("PubkeyAuthentication no\nPasswordAuthentication yes", "it takes no keys, only password", "password file"),
            (
                "AuthenticationMethods publickey,password\nPasswordAuthentication yes",
                "accepted the key \(SSHKeys.shared.path("user")), and wants a second factor: password",
                "AuthenticationMethods"
            ),
            (
                "AuthenticationMethods publickey,publickey",
                "accepted the key \(SSHKeys.shared.path("user")), and wants a second key after it",
                "AuthenticationMethods"
            ),
        ])
        func `what a server wants instead of the key is said`(_ lines: String, _ part: String, _ advice: String)
            async throws
        {
            var options = OpenSSHServer.Options()
            options.lines = lines
            let server = try await OpenSSHServer(options)
            let error = await #expect(throws: SSHError.self) { try await server.connect() }
            #expect(error?.code == .authenticationRefused)
            #expect(error?.what.contains(part) == true, "\(String(describing: error))")
            #expect(error?.advice.contains(advice) == true, "\(String(describing: error))")
        }

        /// Its public half is one that the server knows, and its private half another's.
        @Test func `a signature that is refused again is not taken for a second key that is wanted`() async throws {
            func body(_ name: String) throws -> [UInt8] {
                let lines = SSHKeys.shared.privateText(name).split(separator: "\n").dropFirst().dropLast()
                return Array(try #require(Data(base64Encoded: lines.joined())))
            }
            /// Where the seed begins: after the length of seed and public half together.
            func seed(_ body: [UInt8]) throws -> Range<Int> {
                let start = try #require(Data(body).range(of: Data([0, 0, 0, 64]))).upperBound
                return start..<start + 32
            }
            var key = try body("user")
            let stranger = try body("stranger")
            key.replaceSubrange(try seed(key), with: stranger[try seed(stranger)])
            let text = [OpenSSHKey.firstLine, Data(key).base64EncodedString(), OpenSSHKey.lastLine]
            let folder = try TemporaryFolder()
            let path = try folder.write(text.joined(separator: "\n") + "\n", to: "mixed", mode: 0o600)
            let server = try await OpenSSHServer()
            let credential = try await Credential.keyFile(at: path, passphrase: nil)
            let error = await #expect(throws: SSHError.self) { try await server.connect(credentials: [credential]) }
            #expect(
                error?.what.hasSuffix("knows the key \(path), and refused the login all the same") == true,
                "\(String(describing: error))")
        }

        @Test func `an agent's key is accepted, and a second one wanted`() async throws {
            var options = OpenSSHServer.Options()
            options.lines = "AuthenticationMethods publickey,publickey"
            let server = try await OpenSSHServer(options)
            let agent = try await Agent()
            try await agent.add("user")
            let error = await #expect(throws: SSHError.self) {
                try await server.connect(credentials: [agent.credential])
            }
            #expect(
                error?.what.hasSuffix("accepted the ssh-agent's key, and wants a second key after it") == true,
                "\(String(describing: error))")
        }

        @Test func `a connection that ends during login is no refusal, and the server's words for it are shown`()
            async throws
        {
            var options = OpenSSHServer.Options()
            options.lines = "MaxAuthTries 1"
            let server = try await OpenSSHServer(options)
            let stranger = try await key("stranger")
            let error = await #expect(throws: SSHError.self) { try await server.connect(credentials: [stranger]) }
            #expect(error?.code == .disconnected)
            #expect(
                error?.what == "the device ended the connection during login: Too many authentication failures")
        }

        // MARK: The agent

        @Test func `the keys of an ssh-agent log in`() async throws {
            let server = try await OpenSSHServer()
            let agent = try await Agent()
            #expect(
                await code { _ = try await server.connect(credentials: [agent.credential]) } == .authenticationRefused)
            try await agent.add("user_rsa")
            try await agent.add("stranger")
            #expect(
                await code { _ = try await server.connect(credentials: [agent.credential]) } == .authenticationRefused)
            for name in ["user_ecdsa", "user"] {
                try await agent.add(name)
                let connection = try await server.connect(credentials: [agent.credential])
                #expect(try await connection.execute("true").status == 0)
                connection.close()
                try await agent.remove(name)
            }
        }

        @Test func `a server that lets nobody try all keys is told the right one by its public half`() async throws {
            var options = OpenSSHServer.Options()
            options.lines = "MaxAuthTries 3"
            let server = try await OpenSSHServer(options)
            let agent = try await Agent()
            for name in ["stranger", "host_ed25519", "host_ecdsa", "user"] { try await agent.add(name) }
            let error = await #expect(throws: SSHError.self) {
                try await server.connect(credentials: [agent.credential])
            }
            #expect(error?.code == .authenticationRefused)
            #expect(
                error?.what.contains("ended the login after 3 of the ssh-agent's 4 keys") == true,
                "\(String(describing: error))")
            #expect(error?.advice.contains("--key") == true)

            let named = try await Credential.keyFile(
                at: SSHKeys.shared.path("user.pub"), passphrase: nil, agentSocket: agent.socket)
            (try await server.connect(credentials: [named])).close()
        }

        @Test func `an agent that is not there or never answers is no way in`() async throws {
            let folder = try TemporaryFolder()
            #expect(
                await code { _ = try await AgentClient(socketPath: folder("missing")).identities() }
                    == .authenticationRefused)
            let mute = try await MuteServer(.unix(folder("mute")))
            let client = AgentClient(socketPath: folder("mute"), patience: .milliseconds(50))
            #expect(await code { _ = try await client.identities() } != nil)
            #expect(try await client.sign([1], with: [2]) == nil)
            await mute.close()
        }
    }
}

/// A real ssh-agent, ended by its process id.
private final class Agent: Sendable {
    private let folder: TemporaryFolder
    private let process: ServerProcess

    init() async throws {
        let folder = try TemporaryFolder()
        self.folder = folder
        process = try ServerProcess("/usr/bin/ssh-agent", ["-D", "-a", folder("socket")], log: folder("log"))
        try await eventually("the agent listens") { FileManager.default.fileExists(atPath: folder("socket")) }
    }

    var credential: Credential { .agent(socketPath: socket) }
    var socket: String { folder("socket") }

    func add(_ name: String) async throws { try await run([SSHKeys.shared.path(name)]) }

    func remove(_ name: String) async throws { try await run(["-d", SSHKeys.shared.path(name)]) }

    private func run(_ arguments: [String]) async throws {
        let command = try await Command.run(
            "ssh-add", ["-q"] + arguments, environment: ["SSH_AUTH_SOCK": folder("socket")])
        #expect(command.status == 0, "\(command.errorOutput)")
    }
}
