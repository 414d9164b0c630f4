import Foundation

/// tinysshd on a free port of 127.0.0.1, started for each connection. It has no cipher that the program offers.
public final class TinySSHServer: Sendable {
    /// The port it listens on.
    public let port: Int
    private let folder: TemporaryFolder
    private let process: ServerProcess

    /// Starts the server and waits until it accepts connections.
    public init() async throws {
        folder = try TemporaryFolder()
        port = try freePort()
        _ = try await Command.run("/usr/sbin/tinysshd-makekey", ["-q", folder("keys")])
        let program = """
            import os, signal, socket
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            listener = socket.create_server(('127.0.0.1', \(port)))
            while True:
                connection, _ = listener.accept()
                if os.fork() == 0:
                    os.dup2(connection.fileno(), 0)
                    os.dup2(connection.fileno(), 1)
                    os.execv('/usr/sbin/tinysshd', ['tinysshd', '-v', '\(folder("keys"))'])
                connection.close()
            """
        process = try ServerProcess("/usr/bin/python3", ["-c", program], log: folder("log"))
        let port = port
        try await eventually("tinysshd accepts connections: \(folder("log"))") { accepts(port) }
    }
}
