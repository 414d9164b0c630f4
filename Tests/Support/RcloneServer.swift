import Foundation

/// `rclone serve sftp` of the whole file system on a free port of 127.0.0.1. It lists from a cache.
public final class RcloneServer: Sendable {
    /// The port it listens on.
    public let port: Int
    private let folder: TemporaryFolder
    private let process: ServerProcess

    /// Starts the server and waits until it accepts connections.
    ///
    /// - Parameter cacheTime: how long it shows a directory as it was, as its option `--dir-cache-time` takes it.
    public init(cacheTime: String = "5m") async throws {
        folder = try TemporaryFolder()
        port = try freePort()
        let arguments = [
            "serve", "sftp", "/", "--addr", "127.0.0.1:\(port)", "--config", try folder.write("", to: "rclone.conf"),
            "--key", SSHKeys.shared.path("host_ed25519"), "--dir-cache-time", cacheTime,
            "--authorized-keys", try folder.write(SSHKeys.shared.publicLine("user"), to: "authorized_keys"),
        ]
        process = try ServerProcess("/usr/bin/rclone", arguments, log: folder("log"))
        let port = port
        try await eventually("rclone accepts connections: \(folder("log"))") { accepts(port) }
    }
}
