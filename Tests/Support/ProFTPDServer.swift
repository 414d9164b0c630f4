import Foundation

/// ProFTPD with mod_sftp as root on a free port of 127.0.0.1: SFTP without a shell, by another implementation.
public final class ProFTPDServer: Sendable {
    /// The port it listens on.
    public let port: Int
    private let folder: TemporaryFolder
    private let process: ServerProcess

    /// Starts the server and waits until it accepts connections.
    public init() async throws {
        folder = try TemporaryFolder()
        port = try freePort()
        let key = try await Command.run("ssh-keygen", ["-e", "-f", SSHKeys.shared.path("user.pub")])
        try folder.write(key.output, to: "keys")
        try folder.write(
            """
            LoadModule mod_sftp.c
            ServerType standalone
            DefaultAddress 127.0.0.1
            UseIPv6 off
            Port \(port)
            User root
            Group root
            RootLogin on
            UseFtpUsers off
            RequireValidShell off
            WtmpLog off
            TransferLog none
            PidFile \(folder("pid"))
            ScoreboardFile \(folder("scoreboard"))
            SFTPEngine on
            SFTPLog \(folder("sftp.log"))
            SFTPHostKey \(SSHKeys.shared.path("host_ed25519"))
            SFTPAuthMethods publickey
            SFTPAuthorizedUserKeys file:\(folder("keys"))
            """, to: "proftpd.conf")
        process = try ServerProcess(
            "/usr/sbin/proftpd", ["-n", "-q", "-c", folder("proftpd.conf")], log: folder("log"))
        let port = port
        try await eventually("proftpd accepts connections: \(folder("log"))") { accepts(port) }
    }

    /// What its SSH part logged so far.
    public var log: String { String(decoding: folder.read("sftp.log") ?? [], as: UTF8.self) }
}
