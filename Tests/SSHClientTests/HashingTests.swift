import Crypto
import Glibc
import TestSupport
import Testing

@testable import SSHClient

extension ServerTests {
    /// Files that the device hashes itself, over a real sshd. See also ``DropbearTests``.
    @Suite struct HashingTests {
        private let folder: TemporaryFolder

        init() throws {
            folder = try TemporaryFolder()
        }

        /// A server whose bash doesn't read the account's own .bashrc first: what is killed in the middle of that may leave a
        /// lock in the account's home.
        private func start(_ line: String = "") async throws -> OpenSSHServer {
            var options = OpenSSHServer.Options()
            options.lines = "SetEnv SHLVL=1\n\(line)"
            return try await OpenSSHServer(options)
        }

        @Test func `names of every kind are hashed, and none is taken for a command`() async throws {
            let server = try await start()
            defer { withExtendedLifetime(server) {} }
            try await hashNamesOfEveryKind(over: try await server.connect(), in: folder)
        }

        @Test func `what a login script prints is not taken for an answer`() async throws {
            let server = try await start(
                #"ForceCommand echo 1 2 welcome; echo; echo 7 7 7 7; eval "$SSH_ORIGINAL_COMMAND""#)
            defer { withExtendedLifetime(server) {} }
            let connection = try await server.connect()
            try folder.write("x", to: "file")
            let hashes = try await connection.hashes(
                of: [RemotePath(folder("file"))], silence: .seconds(60), limit: .seconds(60))
            #expect(hashes.map { $0?.sha256 } == [hex("x")])
            connection.close()
        }

        @Test(arguments: ["ForceCommand internal-sftp", "MaxSessions 1"])
        func `a server that runs no commands gives no hash, and SFTP goes on`(_ line: String) async throws {
            let server = try await start(line)
            defer { withExtendedLifetime(server) {} }
            let connection = try await server.connect()
            let sftp = try await connection.openSFTP()
            try folder.write("x", to: "file")
            // So many that not all of them fit into the channel's window.
            let paths = [RemotePath](repeating: RemotePath(folder("file")), count: 60_000)
            let hashes = try? await connection.hashes(of: paths, silence: .seconds(60), limit: .seconds(60))
            #expect(hashes?.allSatisfy { $0 == nil } != false)
            #expect(try await sftp.names(in: folder.path) == ["file"])
            connection.close()
        }

        @Test func `a command that hangs is given up, and the connection stays`() async throws {
            let server = try await start()
            defer { withExtendedLifetime(server) {} }
            let connection = try await server.connect()
            let sftp = try await connection.openSFTP()
            for _ in 0..<3 {
                let code = await code { _ = try await connection.execute("sleep 1000", silence: .milliseconds(20)) }
                #expect(code == .timedOut)
            }
            #expect(try await sftp.names(in: folder.path).isEmpty)
            #expect(try await connection.execute("exit 4").status == 4)
            connection.close()
        }

        @Test(
            arguments: [
                ("exec yes", .failure), ("exec yes >&2", .failure), ("while sleep 0.01; do echo; done", .timedOut),
            ] as [(String, SSHError.Code)])
        func `a command that never stops answering is given up, and SFTP goes on`(
            _ command: String, _ expected: SSHError.Code
        ) async throws {
            let server = try await start()
            defer { withExtendedLifetime(server) {} }
            let connection = try await server.connect()
            let sftp = try await connection.openSFTP()
            let code = await code {
                _ = try await connection.execute(
                    command, maxOutput: 4_096, silence: .seconds(60),
                    limit: .milliseconds(expected == .timedOut ? 200 : 60_000))
            }
            #expect(code == expected)
            try folder.write("x", to: "file")
            #expect(try await sftp.names(in: folder.path) == ["file"])
            #expect(try await connection.execute("exit 4").status == 4)
            connection.close()
        }

        @Test func `a connection that ends meanwhile ends the hashing`() async throws {
            let server = try await start()
            let connection = try await server.connect()
            try #require(mkfifo(folder("pipe"), 0o600) == 0)
            let hashing = Task { [folder] in
                await code {
                    _ = try await connection.hashes(
                        of: [RemotePath(folder("pipe"))], silence: .seconds(600), limit: .seconds(600))
                }
            }
            try await eventually("the command runs") { server.log.contains("Starting session: command") }
            server.cutConnections()
            #expect(await hashing.value == .disconnected)
        }
    }
}

/// What is hashed is right, one answer for each path, and nothing but that happens on the device.
func hashNamesOfEveryKind(over connection: SSHConnection, in folder: TemporaryFolder) async throws {
    let names = [
        "plain", "Mario & Luigi's", "two  spaces ", "\"quoted\"", "$(touch made)", "`touch made`", "; touch made",
        "a\\b\\n",
        "*", "%s", "-c", "!!", "~", "ümläut 電", "\u{1}\u{7f}\t",
    ]
    for name in names { try folder.write("this is \(name)", to: name) }
    try folder.writeRaw(Array("line\nbreak".utf8), in: "", "never asked")
    try folder.writeRaw([0x66, 0xff, 0xfe], in: "", "no UTF-8")
    let before = try folder.names("")
    var paths = names.map { RemotePath(folder($0)) }
    paths.insert(RemotePath(folder("line\nbreak")), at: 3)
    paths += [RemotePath(folder("missing")), RemotePath(folder.path), RemotePath("")]
    paths.append(RemotePath(folder.path).appending([0x66, 0xff, 0xfe]))

    let hashes = try await connection.hashes(of: paths, silence: .seconds(60), limit: .seconds(60))
    var expected: [String?] = names.map { hex("this is \($0)") }
    expected.insert(nil, at: 3)
    expected += [nil, nil, nil, hex("no UTF-8")]
    #expect(hashes.map { $0?.sha256.count == 64 ? $0?.sha256 : nil } == expected)
    #expect(hashes.first??.size == UInt64("this is plain".utf8.count))
    #expect(hashes.first??.modified == Int64(try folder.time(of: "plain")))
    #expect(try folder.names("") == before)

    // More than a command line, a channel's window or dropbear's longest command could hold.
    let many = [RemotePath](repeating: RemotePath(folder("plain")), count: 900)
    #expect(
        try await connection.hashes(of: many, silence: .seconds(60), limit: .seconds(60)).allSatisfy {
            $0?.sha256 == expected[0]
        })
    connection.close()
}

private func hex(_ text: String) -> String {
    SHA256.hash(data: Array(text.utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
