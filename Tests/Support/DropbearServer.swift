import Foundation

/// dropbear as the current user on a free port of 127.0.0.1: the SSH server of many handhelds.
///
/// It reads `authorized_keys` from the home directory that /etc/passwd names, and from nowhere else. So it runs in a mount
/// namespace of its own, where /etc/passwd is a copy that names a private folder.
public final class DropbearServer: Sendable {
    /// The port it listens on.
    public let port: Int
    private let folder: TemporaryFolder
    private let process: ServerProcess

    private static let executable = "/usr/sbin/dropbear"
    /// An ordinary user needs a user namespace to be allowed a mount namespace, and keeps its own name in it.
    private static let unshare = getuid() == 0 ? ["-m"] : ["--map-current-user", "--keep-caps", "-m"]

    /// Why no server can be started here, or nil when one can.
    public static func whatIsMissing() async -> String? {
        for file in [executable, "/usr/lib/sftp-server"] where !FileManager.default.isExecutableFile(atPath: file) {
            return "\(file) is not installed (Debian: dropbear-bin, openssh-sftp-server)"
        }
        let script = "mount --bind /etc/passwd /etc/passwd"
        guard let attempt = try? await Command.run("unshare", unshare + ["sh", "-c", script]), attempt.status == 0
        else {
            return "neither root nor user namespaces: dropbear can't be given a home directory of its own"
        }
        return nil
    }

    /// Starts the server on this port, or on one that nothing else has, and waits until it accepts connections.
    ///
    /// - Parameters:
    ///   - hostKey: the name of its key in ``SSHKeys``.
    ///   - hasPassword: whether the account has one, and keys alone let anybody in; else it has none, and nobody needs any (`-B`).
    ///   - command: what it runs instead of everything that is asked for (`-c`).
    public init(
        port wanted: Int? = nil, hostKey: String = "host_ed25519", hasPassword: Bool = true, command: String? = nil
    ) async throws {
        folder = try TemporaryFolder()
        port = try wanted ?? freePort()
        try folder.write(SSHKeys.shared.publicLine("user"), to: "home/.ssh/authorized_keys")
        for path in ["home", "home/.ssh", "home/.ssh/authorized_keys"] {
            try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder(path))
        }
        try folder.write(
            "\(NSUserName()):\(hasPassword ? "x" : ""):\(getuid()):\(getgid())::\(folder("home")):/bin/sh\n",
            to: "passwd")
        // Only root may read it; who may not asks /etc/passwd alone.
        try folder.write("\(NSUserName())::19000:0:99999:7:::\n", to: "shadow")
        let shadow = hasPassword || getuid() != 0 ? "" : "mount --bind '\(folder("shadow"))' /etc/shadow &&"
        let options = (hasPassword ? "-s" : "-B") + (command.map { " -c '\($0)'" } ?? "")
        let converted = try await Command.run(
            "dropbearconvert", ["openssh", "dropbear", SSHKeys.shared.path(hostKey), folder("host_key")])
        guard converted.status == 0 else {
            throw TimedOut(what: "dropbear took the host key: \(converted.errorOutput)")
        }
        let script = """
            mount --bind '\(folder("passwd"))' /etc/passwd && \(shadow)
            exec \(Self.executable) -F -E \(options) -m -p 127.0.0.1:\(port) -P '\(folder("pid"))' -r '\(folder("host_key"))'
            """
        process = try ServerProcess("/usr/bin/unshare", Self.unshare + ["sh", "-c", script], log: folder("log"))
        let port = port
        try await eventually("dropbear accepts connections: \(log)") { accepts(port) }
    }

    /// What it logged so far.
    public var log: String { String(decoding: folder.read("log") ?? [], as: UTF8.self) }

    /// Stops it from answering, as a handheld that falls asleep.
    public func freeze() { process.signal(SIGSTOP) }

    /// Lets it go on.
    public func thaw() { process.signal(SIGCONT) }

    /// Cuts every connection; it still listens.
    public func cutConnections() { process.endConnections() }

    /// From now on it refuses every key, or accepts the user's again.
    public func setAccepting(_ isAccepting: Bool) throws {
        let file = "home/.ssh/authorized_keys"
        try folder.write(isAccepting ? SSHKeys.shared.publicLine("user") : "", to: file, mode: 0o600)
    }
}
