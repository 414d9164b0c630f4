import Logging
import TestSupport
import Testing

@testable import SSHClient

/// Why the suite can't run here; looked up once.
private let missing = Task { await DropbearServer.whatIsMissing() }

private func isDropbearAvailable() async -> Bool {
    guard let reason = await missing.value else { return true }
    print("dropbear is not tested: \(reason)")
    return false
}

extension ServerTests {
    /// The client against dropbear, whose receive window is small, with OpenSSH's sftp-server.
    @Suite(.enabled("dropbear can be started", isDropbearAvailable)) struct DropbearTests {
        private let folder: TemporaryFolder

        init() throws {
            folder = try TemporaryFolder()
        }

        private func connect(_ server: DropbearServer, key: String = "user", pins: [HostKeyPin]? = nil) async throws
            -> SSHConnection
        {
            try await connect(
                server, try await Credential.keyFile(at: SSHKeys.shared.path(key), passphrase: nil), pins: pins)
        }

        private func connect(
            _ server: DropbearServer, _ credential: Credential, pins: [HostKeyPin]? = nil,
            deadlines: Deadlines = .patient
        ) async throws -> SSHConnection {
            let known = HostKeyPin(algorithm: nil, fingerprint: try await SSHKeys.shared.fingerprint("host_ed25519"))
            return try await SSHConnection.connect(
                to: Endpoint(host: "127.0.0.1", port: server.port, user: OpenSSHServer.user), pins: pins ?? [known],
                credentials: [credential], deadlines: deadlines, logger: Logger(label: "test"))
        }

        @Test func `a probe finds it online and says nothing`() async throws {
            let server = try await DropbearServer()
            let endpoint = Endpoint(host: "127.0.0.1", port: server.port, user: "nobody")
            #expect(await Probe().isOnline(endpoint))
            try await eventually("dropbear saw the end: \(server.log)") { server.log.contains("Exit before auth") }
        }

        @Test func `100 files are listed, read and replaced`() async throws {
            let server = try await DropbearServer()
            for index in 0..<100 { try folder.write(content(10_000, seed: index), to: "f\(index)") }
            let connection = try await connect(server)
            #expect(connection.serverBanner.contains("dropbear"))
            let sftp = try await connection.openSFTP()
            #expect(try await sftp.names(in: folder.path) == folder.everything())
            try await withThrowingTaskGroup(of: Void.self) { [folder] group in
                for index in 0..<100 {
                    group.addTask {
                        let got = try await sftp.get(folder("f\(index)"), expecting: 10_000)
                        #expect(got.bytes == content(10_000, seed: index))
                        try await sftp.put(content(12_000, seed: -index), to: folder("f\(index)"))
                    }
                }
                try await group.waitForAll()
            }
            for index in 0..<100 { #expect(folder.read("f\(index)") == content(12_000, seed: -index)) }
            #expect(folder.everything().count == 100)
            connection.close()
            withExtendedLifetime(server) {}
        }

        @Test func `4 MiB go there and back`() async throws {
            let server = try await DropbearServer()
            let connection = try await connect(server)
            let sftp = try await connection.openSFTP()
            let bytes = content(4 << 20)
            try await sftp.put(bytes, to: folder("large"))
            let hasArrived = folder.read("large") == bytes
            let hasReturned = try await sftp.get(folder("large"), expecting: 4 << 20).bytes == bytes
            #expect(hasArrived && hasReturned)
            connection.close()
            withExtendedLifetime(server) {}
        }

        @Test func `a command's output and status come back, again and again`() async throws {
            let server = try await DropbearServer()
            let connection = try await connect(server)
            for index in 0..<15 {
                let result = try await connection.execute("printf \(index); exit \(index)")
                #expect(result.status == Int32(index) && result.output == Array("\(index)".utf8))
            }
            connection.close()
            withExtendedLifetime(server) {}
        }

        @Test func `names of every kind are hashed by the device, and none is taken for a command`() async throws {
            let server = try await DropbearServer()
            try await hashNamesOfEveryKind(over: try await connect(server), in: folder)
            withExtendedLifetime(server) {}
        }

        @Test func `an account without a password lets everybody in`() async throws {
            let server = try await DropbearServer(hasPassword: false)
            for credential in [
                Credential.password(Secret("")), .password(Secret("any")),
                try await Credential.keyFile(at: SSHKeys.shared.path("stranger"), passphrase: nil),
            ] {
                let connection = try await connect(server, credential)
                #expect(try await connection.openSFTP().names(in: folder.path).isEmpty)
                connection.close()
            }
        }

        @Test(arguments: [("echo broken >&2; exit 3", SSHError.Code.unsupported), ("exec yes >&2", .timedOut)])
        func `an SFTP server that only complains is given up`(_ command: String, _ code: SSHError.Code) async throws {
            let server = try await DropbearServer(command: command)
            let credential = try await Credential.keyFile(at: SSHKeys.shared.path("user"), passphrase: nil)
            let connection = try await connect(
                server, credential,
                deadlines: Deadlines(
                    connect: .seconds(60), handshake: .seconds(60),
                    idle: code == .timedOut ? .milliseconds(100) : .seconds(60)))
            let error = await #expect(throws: SSHError.self) { try await connection.openSFTP() }
            #expect(error?.code == code)
            if code == .unsupported {
                #expect(error?.what.hasSuffix("ended at once with exit status 3: \"broken\"") == true)
            } else {
                #expect(error?.what.contains("accepted the login, but no SFTP came") == true)
            }
        }

        @Test func `a key that the device does not know is refused`() async throws {
            let server = try await DropbearServer()
            #expect(await code { _ = try await connect(server, key: "stranger") } == .authenticationRefused)
        }

        @Test func `an unknown host key is refused, and nobody logs in`() async throws {
            let server = try await DropbearServer()
            let error = await #expect(throws: SSHError.self) { try await connect(server, pins: []) }
            guard case .hostKeyUnknown(let offered) = error?.code else {
                Issue.record("\(String(describing: error))"); return
            }
            #expect(try await offered.fingerprint == SSHKeys.shared.fingerprint("host_ed25519"))
            try await eventually("dropbear has seen the connection end") { server.log.contains("Exit before auth") }
            #expect(!server.log.contains("auth succeeded"))
        }
    }
}
