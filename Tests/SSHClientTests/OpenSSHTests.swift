import Foundation
import Logging
import SSHClient
import TestSupport
import Testing

@Suite struct OpenSSHTests {
    let logger = Logger(label: "test")

    func connect(_ server: OpenSSHServer, key: String = "user", pinned: String = "host_ed25519") async throws
        -> SSHConnection
    {
        try await SSHConnection.connect(
            to: Endpoint(host: "127.0.0.1", port: server.port, user: OpenSSHServer.user),
            pins: [HostKeyPin(algorithm: nil, fingerprint: SSHKeys.shared.fingerprint(pinned))],
            credentials: [Credential.keyFile(at: SSHKeys.shared.path(key), passphrase: nil)], logger: logger)
    }

    @Test func `a file goes there and back`() async throws {
        let server = try await OpenSSHServer()
        let folder = try TemporaryFolder()
        let connection = try await connect(server)
        let sftp = try await connection.openSFTP()
        let content = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let target = RemotePath(folder("Game.srm"))
        let given = Chunks(content)
        let stands = try await sftp.replace(
            target, size: UInt64(content.count), modified: 1_000_000, source: { await given.next($0) }, beforeSwap: {})
        #expect(stands.size == 100_000)
        #expect(stands.modified == 1_000_000)
        #expect(folder.read("Game.srm") == content)
        let got = Chunks([])
        let read = try await sftp.read(target, expecting: 100_000) { await got.append($0) }
        #expect(await got.bytes == content)
        #expect(read.before == read.after)
        #expect(try await sftp.list(RemotePath(folder.path)).map(\.name) == [Array("Game.srm".utf8)])
        connection.close()
    }
}

actor Chunks {
    private(set) var bytes: [UInt8]
    init(_ bytes: [UInt8]) { self.bytes = bytes }
    func next(_ most: Int) -> [UInt8]? {
        defer { bytes.removeFirst(min(most, bytes.count)) }
        return Array(bytes.prefix(most))
    }
    func append(_ more: [UInt8]) { bytes += more }
}
