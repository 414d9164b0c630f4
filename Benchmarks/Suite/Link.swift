import Foundation
import TestSupport

/// A server behind a proxy that delays every byte: what all peers connect to, at every delay, also at 0 ms.
final class Link: Sendable {
    /// Milliseconds.
    let roundTrip: Int
    /// Where the proxy listens on 127.0.0.1.
    let port: Int
    /// A configuration for ssh(1) in which ``host`` is this link. The name is the same on each, because unison and rclone
    /// keep what they know by name.
    let sshConfig: String
    /// The same for rclone: a remote of that name, described in a file, because what stands in the environment would become
    /// a part of the name.
    let rcloneConfig: String
    private let folder: TemporaryFolder
    private let proxy: ServerProcess

    static let host = "bench"
    static var user: String { OpenSSHServer.user }
    static var keyFile: String { SSHKeys.shared.path("user") }

    /// Starts `proxyProgram` before the server on `serverPort`.
    init(to serverPort: Int, roundTrip: Int, proxyProgram: String) async throws {
        self.roundTrip = roundTrip
        let folder = try TemporaryFolder()
        self.folder = folder
        proxy = try ServerProcess(proxyProgram, ["0", "\(serverPort)", "\(roundTrip)"], log: folder("proxy"))
        try await eventually("the proxy listens") { !Link.lines(folder).isEmpty }
        guard let port = Link.lines(folder).first.flatMap({ Int($0) }) else {
            throw BenchError("the proxy did not start")
        }
        self.port = port
        sshConfig = try folder.write(
            """
            Host \(Link.host)
                HostName 127.0.0.1
                Port \(port)
                User \(Link.user)
                IdentityFile \(Link.keyFile)
                IdentitiesOnly yes
                StrictHostKeyChecking no
                UserKnownHostsFile /dev/null
                LogLevel ERROR

            """, to: "ssh_config")
        rcloneConfig = try folder.write(
            """
            [\(Link.host)]
            type = sftp
            host = 127.0.0.1
            port = \(port)
            user = \(Link.user)
            key_file = \(Link.keyFile)
            shell_type = unix
            disable_hashcheck = true

            """, to: "rclone.conf")
    }

    /// What went through since the link began.
    struct Traffic {
        let connections: Int
        let sent: Int
        let received: Int
    }

    /// Waits until every connection has ended, and asks the proxy.
    func traffic() async throws -> Traffic {
        var numbers: [Int] = []
        try await eventually("the connections to the proxy end") {
            let before = Link.lines(folder).count
            proxy.signal(SIGUSR1)
            try await eventually("the proxy answers") { Link.lines(folder).count > before }
            numbers = Link.lines(folder).last.map { $0.split(separator: " ").compactMap { Int($0) } } ?? []
            return numbers.count == 4 && numbers[0] == numbers[1]
        }
        return Traffic(connections: numbers[0], sent: numbers[2], received: numbers[3])
    }

    /// The complete lines that the proxy wrote.
    private static func lines(_ folder: TemporaryFolder) -> [Substring] {
        let text = String(decoding: folder.read("proxy") ?? [], as: UTF8.self)
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    }
}
