import Foundation

/// A port of 127.0.0.1 that takes connections and never says a word, as a device that hangs.
public final class SilentServer: Sendable {
    /// Where it listens.
    public let port: Int
    private let descriptor: Int32

    /// Takes connections from now on: nobody accepts them, and the kernel does not wait for that (listen(2)).
    public init() throws {
        port = try freePort()
        descriptor = tcpSocket()
        guard withLoopbackAddress(port, { bind(descriptor, $0, $1) }) == 0, listen(descriptor, 1024) == 0 else {
            let code = errno
            close(descriptor)
            throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EIO)
        }
    }

    /// Resets every connection.
    deinit { close(descriptor) }
}
