import Foundation

/// A port of 127.0.0.1 that takes connections and never says a word, as a device that hangs.
public final class SilentServer: Sendable {
    /// Where it listens.
    public let port: Int
    private let descriptor: Int32

    /// Takes connections from now on: nobody accepts them, and the kernel does not wait for that (listen(2)).
    ///
    /// At `port`, or where nothing else listens. What is left of a server's connections does not keep it from that (socket(7)).
    ///
    /// - Parameter isFull: takes none, and lets everyone wait who tries.
    public init(port wanted: Int? = nil, isFull: Bool = false) throws {
        port = try wanted ?? freePort()
        descriptor = tcpSocket()
        var isReused: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &isReused, socklen_t(MemoryLayout<Int32>.size))
        guard withLoopbackAddress(port, { bind(descriptor, $0, $1) }) == 0, listen(descriptor, isFull ? 0 : 1024) == 0
        else {
            let code = errno
            close(descriptor)
            throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EIO)
        }
        // The one connection that there is room for.
        if isFull { _ = accepts(port) }
    }

    /// Resets every connection.
    deinit { close(descriptor) }
}
