import Foundation
import TestSupport

/// An SSH server that a handheld may have, started for a test, and what keeps it running.
struct DeviceServer: Sendable {
    let port: Int
    private let server: any Sendable
    /// Files that it needs.
    private let folder: TemporaryFolder?

    private init(_ server: any Sendable, port: Int, folder: TemporaryFolder? = nil) {
        self.server = server
        self.port = port
        self.folder = folder
    }

    /// In the order of the table in docs/servers.md.
    static let kinds = [
        "OpenSSH", "OpenSSH without posix-rename and fsync", "dropbear with OpenSSH's sftp-server", "Erlang's ssh",
        "ProFTPD's mod_sftp", "rclone serve sftp", "gesftpserver", "MySecureShell", "asyncssh", "tinysshd",
    ]

    /// Those that can be logged in to.
    static let reachable = kinds.filter { $0 != "tinysshd" }

    static func start(_ kind: String) async throws -> DeviceServer {
        switch kind {
        case "OpenSSH without posix-rename and fsync":
            return try await openSSH(OpenSSHServer.Options(sftpArguments: "-P posix-rename,fsync"))
        case "dropbear with OpenSSH's sftp-server":
            let server = try await DropbearServer()
            return DeviceServer(server, port: server.port)
        case "Erlang's ssh":
            let server = try await ErlangServer()
            return DeviceServer(server, port: server.port)
        case "ProFTPD's mod_sftp":
            let server = try await ProFTPDServer()
            return DeviceServer(server, port: server.port)
        case "rclone serve sftp": return try await rclone(cacheTime: "5m")
        case "gesftpserver":
            var options = OpenSSHServer.Options()
            options.sftpCommand = "/usr/libexec/gesftpserver"
            return try await openSSH(options)
        case "MySecureShell":
            let folder = try TemporaryFolder()
            return try await openSSH(.mySecureShell(configuredIn: folder), folder)
        case "asyncssh":
            let server = try await AsyncSSHServer()
            return DeviceServer(server, port: server.port)
        case "tinysshd":
            let server = try await TinySSHServer()
            return DeviceServer(server, port: server.port)
        default: return try await openSSH(OpenSSHServer.Options())
        }
    }

    /// rclone with another time for which it shows a directory as it was.
    static func rclone(cacheTime: String) async throws -> DeviceServer {
        let server = try await RcloneServer(cacheTime: cacheTime)
        return DeviceServer(server, port: server.port)
    }

    private static func openSSH(
        _ options: OpenSSHServer.Options, _ folder: TemporaryFolder? = nil
    ) async throws -> DeviceServer {
        let server = try await OpenSSHServer(options)
        return DeviceServer(server, port: server.port, folder: folder)
    }
}
