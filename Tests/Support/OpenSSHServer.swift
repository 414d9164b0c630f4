import Foundation

/// OpenSSH's sshd as the current user on a free port of 127.0.0.1, a pretend handheld.
public final class OpenSSHServer: Sendable {
    /// What the server is like.
    public struct Options: Sendable {
        /// Extra arguments for sftp-server(8), for example `-P posix-rename` or `-R`.
        public var sftpArguments: String
        /// Name of the host keys in ``SSHKeys``.
        public var hostKeys: [String]
        /// Whether there is an SFTP subsystem at all.
        public var offersSFTP: Bool
        /// What sshd starts for SFTP, for example with other rights or by way of an ``SFTPGate``.
        public var sftpCommand = "/usr/lib/openssh/sftp-server"
        /// Shell commands that come before it in the same process, for example limits.
        public var sftpPrelude = ""
        /// After how many bytes of answers SFTP falls silent until ``OpenSSHServer/release()``.
        public var holdsAfter: Int?
        /// How much it logs, as sshd_config(5) names it.
        public var logLevel = "DEBUG1"
        /// Further lines of its configuration; the first one that sets something counts (sshd_config(5)).
        public var lines = ""

        /// A plain server unless told otherwise.
        public init(
            sftpArguments: String = "", hostKeys: [String] = ["host_ed25519", "host_ecdsa"], offersSFTP: Bool = true,
            holdsAfter: Int? = nil
        ) {
            self.sftpArguments = sftpArguments
            self.hostKeys = hostKeys
            self.offersSFTP = offersSFTP
            self.holdsAfter = holdsAfter
        }

        /// A server that is subject to permissions even when the tests run as root: without the capability to pass over
        /// them (capabilities(7)).
        public static var obeyingPermissions: Options {
            var options = Options()
            if getuid() == 0 {
                options.sftpCommand = "setpriv --bounding-set -dac_override,-dac_read_search \(options.sftpCommand)"
            }
            return options
        }

        /// A server whose SFTP goes through `gate`.
        public static func behind(_ gate: SFTPGate) -> Options {
            var options = Options()
            options.sftpCommand = gate.command
            return options
        }

        /// A server that loses no time: it logs little.
        public static var forMeasuring: Options {
            var options = Options()
            options.logLevel = "ERROR"
            return options
        }

        /// A server on which no file can grow beyond `kilobytes`, as on a card that is nearly full: SIGXFSZ is ignored, and
        /// writes beyond it fail (setrlimit(2)). What a client sees is the same answer as for a full card.
        public static func limitingFiles(toKilobytes kilobytes: Int) -> Options {
            var options = Options()
            options.sftpPrelude = "trap '' XFSZ; ulimit -f \(kilobytes * 2);"
            return options
        }
    }

    /// The port it listens on.
    public let port: Int
    private let folder: TemporaryFolder
    private let process: ServerProcess

    /// Starts the server and waits until it accepts connections.
    ///
    /// - Parameter port: nil for a free one.
    public init(_ options: Options = Options(), port: Int? = nil) async throws {
        folder = try TemporaryFolder()
        self.port = try port ?? freePort()
        if getuid() == 0 {
            // Privilege separation wants this directory when sshd runs as root.
            try FileManager.default.createDirectory(atPath: "/run/sshd", withIntermediateDirectories: true)
        }
        try folder.write(OpenSSHServer.users, to: "authorized_keys")
        // Unbuffered, because the first answers are small and must not wait in head(1).
        var sftp = "\(options.sftpCommand) \(options.sftpArguments)"
        if !options.sftpPrelude.isEmpty {
            try folder.write("\(options.sftpPrelude) exec \(sftp)", to: "limited.sh")
            sftp = "/bin/sh \(folder("limited.sh"))"
        }
        if let bytes = options.holdsAfter {
            let hold = try folder.write("", to: "hold")
            try folder.write(
                "\(sftp) | (stdbuf -o0 head -c \(bytes); while [ -e \(hold) ]; do sleep 0.05; done; exec cat)",
                to: "sftp.sh")
            sftp = "/bin/sh \(folder("sftp.sh"))"
        }
        let hostKeys = options.hostKeys.map { "HostKey \(SSHKeys.shared.path($0))" }.joined(separator: "\n")
        try folder.write(
            """
            ListenAddress 127.0.0.1:\(self.port)
            \(hostKeys)
            AuthorizedKeysFile \(folder("authorized_keys"))
            PidFile none
            StrictModes no
            UsePAM no
            \(options.lines)
            PasswordAuthentication no
            KbdInteractiveAuthentication no
            PermitRootLogin yes
            MaxStartups 100
            LogLevel \(options.logLevel)
            # Else bash takes a command for a login from afar, and reads the account's own .bashrc first.
            SetEnv SHLVL=1
            \(options.offersSFTP ? "Subsystem sftp \(sftp)" : "")
            """, to: "sshd_config")
        process = try ServerProcess("/usr/sbin/sshd", ["-D", "-e", "-f", folder("sshd_config")], log: folder("log"))
        let listening = self.port
        try await eventually("sshd accepts connections: \(folder("log"))") { accepts(listening) }
    }

    /// What it logged so far, at DEBUG1 unless its options say otherwise.
    public var log: String { String(decoding: folder.read("log") ?? [], as: UTF8.self) }

    /// Stops it from answering, as a handheld that falls asleep.
    public func freeze() { process.signal(SIGSTOP) }

    /// Lets it go on.
    public func thaw() { process.signal(SIGCONT) }

    /// Lets an SFTP server that was told to fall silent go on.
    public func release() { try? FileManager.default.removeItem(atPath: folder("hold")) }

    /// Cuts every connection; it still listens.
    public func cutConnections() { process.endConnections() }

    /// From now on it refuses every key, or accepts the users' again.
    public func setAccepting(_ isAccepting: Bool) throws {
        try folder.write(isAccepting ? OpenSSHServer.users : "", to: "authorized_keys")
    }

    private static var users: String {
        ["user", "user_ecdsa", "user_passphrase", "user_rsa"].map(SSHKeys.shared.publicLine).joined()
    }

    /// The user that can log in.
    public static var user: String { NSUserName() }
}
