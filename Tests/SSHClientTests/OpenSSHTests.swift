import Foundation
import Logging
import TestSupport
import Testing

@testable import SSHClient

extension ServerTests {
    /// The whole client against OpenSSH's sshd.
    @Suite struct OpenSSHTests {
        private let folder: TemporaryFolder

        init() throws {
            folder = try TemporaryFolder()
        }

        // MARK: Transfers

        @Test func `a file goes there and back`() async throws {
            let server = try await OpenSSHServer()
            defer { withExtendedLifetime(server) {} }
            let connection = try await server.connect()
            let sftp = try await connection.openSFTP()
            let stands = try await sftp.put(content(100_000), to: folder("Game.srm"), modified: 1_000_000)
            #expect(stands.size == 100_000 && stands.modified == 1_000_000)
            #expect(folder.read("Game.srm") == content(100_000))
            let (bytes, read) = try await sftp.get(folder("Game.srm"), expecting: 100_000)
            #expect(bytes == content(100_000) && read.before == read.after)
            #expect(try await sftp.names(in: folder.path) == ["Game.srm"])
            connection.close()
        }

        @Test func `8 MiB go there and back`() async throws {
            let server = try await OpenSSHServer()
            defer { withExtendedLifetime(server) {} }
            let connection = try await server.connect()
            let sftp = try await connection.openSFTP()
            let bytes = content(8 << 20)
            try await sftp.put(bytes, to: folder("large"))
            // Compared outside of the expectation, which would print sixteen million bytes.
            let hasArrived = folder.read("large") == bytes
            let hasReturned = try await sftp.get(folder("large"), expecting: 8 << 20).bytes == bytes
            #expect(hasArrived && hasReturned)
            connection.close()
        }

        @Test func `300 files go there and back at once`() async throws {
            let server = try await OpenSSHServer()
            defer { withExtendedLifetime(server) {} }
            let connection = try await server.connect()
            let sftp = try await connection.openSFTP()
            try await withThrowingTaskGroup(of: Void.self) { [folder] group in
                for index in 0..<300 {
                    group.addTask {
                        try await sftp.put(content(8_192, seed: index), to: folder("f\(index)"))
                        let got = try await sftp.get(folder("f\(index)"), expecting: 8_192)
                        #expect(got.bytes == content(8_192, seed: index))
                    }
                }
                try await group.waitForAll()
            }
            #expect(folder.everything().count == 300)
            connection.close()
        }

        @Test func `replacing many goes over several channels, and what is read back is the same`() async throws {
            let server = try await OpenSSHServer()
            defer { withExtendedLifetime(server) {} }
            let connection = try await server.connect()
            let sftp = try await connection.openSFTP()
            async let again: Void = sftp.widen(forReplacing: 200)
            await sftp.widen(forReplacing: 200)
            await again
            // One that began by itself, and three more.
            try await eventually("four SFTP servers are started") {
                server.log.components(separatedBy: "Starting session: subsystem 'sftp'").count == 5
            }
            try await withThrowingTaskGroup(of: Void.self) { [folder] group in
                for index in 0..<200 {
                    group.addTask(executorPreference: sftp.taskExecutor) {
                        try await sftp.put(content(40_000, seed: index), to: folder("f\(index)"))
                    }
                }
                try await group.waitForAll()
            }
            for index in 0..<200 { #expect(folder.read("f\(index)") == content(40_000, seed: index)) }
            connection.close()
        }

        @Test func `a server without SFTP says so at once, and goes on`() async throws {
            let server = try await OpenSSHServer(.init(offersSFTP: false))
            defer { withExtendedLifetime(server) {} }
            let connection = try await server.connect()
            for _ in 0..<12 { #expect(await code { _ = try await connection.openSFTP() } == .unsupported) }
            #expect(try await connection.execute("exit 4").status == 4)
            connection.close()
        }

        @Test(.timeLimit(.minutes(2)))
        func `a connection that ends while SFTP is being opened ends the opening, at any moment`()
            async throws
        {
            let server = try await OpenSSHServer()
            defer { withExtendedLifetime(server) {} }
            for moment in 0..<40 {
                let connection = try await server.connect()
                let opening = Task { try? await connection.openSFTP() }
                for _ in 0..<moment * 25 { await Task.yield() }
                connection.close()
                _ = await opening.value
            }
        }

        @Test func `who begins to listen to a stream that has ended is told so`() async throws {
            let server = try await OpenSSHServer()
            defer { withExtendedLifetime(server) {} }
            let connection = try await server.connect()
            let stream = try await connection.openSFTPStream()
            try await stream.eventLoop.submit { stream.end(SSHError(.disconnected, "gone")) }.get()
            #expect(await code { _ = try await SFTPClient.start(over: stream) } == .disconnected)
            connection.close()
        }

        // MARK: Commands

        @Test func `a command's output and status come back`() async throws {
            let server = try await OpenSSHServer()
            defer { withExtendedLifetime(server) {} }
            let connection = try await server.connect()
            let result = try await connection.execute("printf out; printf err >&2; exit 7")
            #expect(result.status == 7)
            #expect(String(decoding: result.output, as: UTF8.self) == "out")
            // sshd at DEBUG1 writes words of its own before those of the command.
            #expect(String(decoding: result.errorOutput, as: UTF8.self).hasSuffix("err"))
            #expect(try await connection.execute("true").status == 0)
            #expect(try await connection.execute("head -c 1000 /dev/zero", maxOutput: 1_000).output.count == 1_000)
            connection.close()
        }

        @Test func `a command that a signal ended has not succeeded`() async throws {
            let server = try await OpenSSHServer()
            defer { withExtendedLifetime(server) {} }
            let connection = try await server.connect()
            #expect(try await connection.execute("kill -KILL $$").status == -1)
            connection.close()
        }

        @Test func `the status is right when the output ended long before`() async throws {
            let server = try await OpenSSHServer()
            defer { withExtendedLifetime(server) {} }
            let connection = try await server.connect()
            let result = try await connection.execute(
                "exec >&- 2>&-; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exit 3")
            #expect(result.status == 3)
            connection.close()
        }

        /// sshd allows ten sessions at a time (sshd_config(5), MaxSessions).
        @Test func `one connection runs more commands than there are sessions`() async throws {
            let server = try await OpenSSHServer()
            defer { withExtendedLifetime(server) {} }
            let connection = try await server.connect()
            for index in 0..<25 { #expect(try await connection.execute("exit \(index)").status == Int32(index)) }
            for _ in 0..<15 { await (try await connection.openSFTP()).close() }
            connection.close()
        }

        // MARK: The end

        @Test func `a device that falls asleep is given up in time`() async throws {
            let server = try await OpenSSHServer()
            let connection = try await server.connect(
                deadlines: Deadlines(handshake: .seconds(3_600), idle: .seconds(2)))
            let sftp = try await connection.openSFTP()
            server.freeze()
            let start = ContinuousClock.now
            #expect(await code { _ = try await sftp.list(RemotePath(folder.path)) } == .timedOut)
            #expect(ContinuousClock.now - start >= .seconds(2))
            #expect(await code { _ = try await sftp.list(RemotePath(folder.path)) } == .timedOut)
            server.thaw()
        }

        @Test func `silence is no fault while nothing is asked`() async throws {
            let server = try await OpenSSHServer()
            let connection = try await server.connect(
                deadlines: Deadlines(handshake: .seconds(3_600), idle: .seconds(2)))
            let sftp = try await connection.openSFTP()
            #expect(try await sftp.names(in: folder.path).isEmpty)
            let end = ContinuousClock.now + .milliseconds(2_500)
            try await eventually("more than the idle time has passed") { ContinuousClock.now > end }
            #expect(try await sftp.names(in: folder.path).isEmpty)
            connection.close()
        }

        @Test func `a device that is switched off fails what waits and what comes after`() async throws {
            let server = try await OpenSSHServer()
            let connection = try await server.connect()
            let sftp = try await connection.openSFTP()
            let source = Chunks(content(4 << 20))
            let during = await code { [folder] in
                _ = try await sftp.replace(
                    RemotePath(folder("file")), size: 4 << 20, modified: nil,
                    source: { most in
                        server.cutConnections()
                        return await source.next(most)
                    }, beforeSwap: {})
            }
            #expect(during == .disconnected)
            #expect(folder.read("file") == nil)
            #expect(await code { _ = try await sftp.list(RemotePath(folder.path)) } == .disconnected)
            #expect(await code { _ = try await connection.execute("true") } == .disconnected)
            #expect(await code { _ = try await connection.openSFTP() } == .disconnected)
        }

        @Test func `channels that are opened while the connection is cut fail, each time`() async throws {
            for _ in 0..<10 {
                let server = try await OpenSSHServer()
                let connection = try await server.connect()
                await withTaskGroup(of: SSHError.Code?.self) { group in
                    for _ in 0..<8 { group.addTask { await code { _ = try await connection.openSFTP() } } }
                    server.cutConnections()
                    for await code in group { #expect(code == nil || code == .disconnected) }
                }
                connection.close()
            }
        }

        @Test func `a session whose connection is gone can still be asked and closed`() async throws {
            let server = try await OpenSSHServer()
            let sftp = try await sessionWithoutConnection(server)
            #expect(await code { _ = try await sftp.list(RemotePath(folder.path)) } == .cancelled)
            await sftp.close()
        }

        private func sessionWithoutConnection(_ server: OpenSSHServer) async throws -> SFTPClient {
            let connection = try await server.connect()
            let sftp = try await connection.openSFTP()
            connection.close()
            return sftp
        }
    }
}

extension OpenSSHServer {
    /// Logs in, unless told otherwise as the user whose key the server knows, trusting its ed25519 key.
    func connect(
        pins: [HostKeyPin]? = nil, credentials: [Credential]? = nil, deadlines: Deadlines = .patient
    ) async throws -> SSHConnection {
        let known = HostKeyPin(
            algorithm: "ssh-ed25519", fingerprint: try await SSHKeys.shared.fingerprint("host_ed25519"))
        let key = try await Credential.keyFile(at: SSHKeys.shared.path("user"), passphrase: nil)
        return try await SSHConnection.connect(
            to: endpoint, pins: pins ?? [known], credentials: credentials ?? [key], deadlines: deadlines,
            logger: Logger(label: "test"))
    }

    var endpoint: Endpoint { Endpoint(host: "127.0.0.1", port: port, user: OpenSSHServer.user) }
}
