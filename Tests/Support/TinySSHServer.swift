import Foundation

/// tinysshd on a free port of 127.0.0.1: a server with modern algorithms only. One process serves one connection.
public final class TinySSHServer: Sendable {
    /// The port it listens on.
    public let port: Int
    private let folder: TemporaryFolder
    private let listener: Int32

    /// Makes its host key and listens.
    public init() async throws {
        folder = try TemporaryFolder()
        let keys = folder("keys")
        let made = try await Command.run("tinysshd-makekey", ["-q", keys])
        guard made.status == 0 else { throw TimedOut(what: "tinysshd-makekey: \(made.errorOutput)") }
        let (descriptor, port) = try listeningSocket()
        listener = descriptor
        self.port = port
        Thread.detachNewThread {
            while let client = nextConnection(descriptor) {
                _ = try? spawn("/usr/sbin/tinysshd", ["-q", keys]) { actions in
                    for standard in [Int32(0), 1] { posix_spawn_file_actions_adddup2(&actions, client, standard) }
                }
                close(client)
            }
        }
    }

    deinit {
        // Wakes the thread that accepts. A process ends with its connection.
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }
}
