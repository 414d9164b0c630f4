import Foundation

/// ProFTPD with mod_sftp as the current user on a free port of 127.0.0.1. Its LSTAT follows links.
public final class ProFTPDServer: Sendable {
    /// The port it listens on.
    public let port: Int
    private let folder: TemporaryFolder
    private let process: ServerProcess

    /// Starts the server and waits until it accepts connections.
    public init() async throws {
        folder = try TemporaryFolder()
        port = try freePort()
        let group = try await Command.run("id", ["-gn"]).output.trimmingCharacters(in: .whitespacesAndNewlines)
        // It wants public keys in the form of RFC 4716.
        let keys = try await Command.run("ssh-keygen", ["-e", "-f", SSHKeys.shared.path("user") + ".pub"]).output
        try folder.write(keys, to: "authorized_keys")
        try folder.write(
            """
            ServerType standalone
            ServerName pocket
            UseIPv6 off
            DefaultAddress 127.0.0.1
            Port \(port)
            User \(NSUserName())
            Group \(group)
            RootLogin on
            UseFtpUsers off
            RequireValidShell off
            AuthOrder mod_auth_unix.c
            DelayEngine off
            MaxInstances 100
            PidFile \(folder("pid"))
            ScoreboardFile \(folder("scoreboard"))
            SystemLog \(folder("system.log"))
            WtmpLog off
            TransferLog NONE
            ModulePath /usr/lib/proftpd
            LoadModule mod_sftp.c
            SFTPEngine on
            SFTPHostKey \(SSHKeys.shared.path("host_ed25519"))
            SFTPAuthMethods publickey
            SFTPAuthorizedUserKeys file:\(folder("authorized_keys"))
            SFTPLog \(folder("sftp.log"))
            <Directory />
              AllowOverwrite on
            </Directory>
            """, to: "proftpd.conf")
        process = try ServerProcess("/usr/sbin/proftpd", ["-n", "-c", folder("proftpd.conf")], log: folder("log"))
        let port = port
        try await eventually("ProFTPD accepts connections: \(folder("log"))") { accepts(port) }
    }

    /// What its SSH part logged so far.
    public var log: String { String(decoding: folder.read("sftp.log") ?? [], as: UTF8.self) }
}
