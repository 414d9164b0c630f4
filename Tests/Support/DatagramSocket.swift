import Foundation
import Synchronization

/// A UNIX datagram socket that keeps what it is sent, as a service manager's (sd_notify(3)).
public final class DatagramSocket: Sendable {
    /// As NOTIFY_SOCKET has it: a path, or `@` and an abstract name.
    public let name: String
    private let descriptor: Int32
    private let kept = Mutex<[String]>([])

    /// Listens at `name`, an absolute path or `@` and a name of the abstract namespace (unix(7)).
    public init(_ name: String) throws {
        self.name = name
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(name.utf8)
        if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let bound = withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        guard bound == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    }

    deinit { close(descriptor) }

    /// Every datagram so far, in the order in which they came.
    public var messages: [String] {
        kept.withLock { kept in
            var buffer = [UInt8](repeating: 0, count: 4_096)
            while case let count = recv(descriptor, &buffer, buffer.count, 0), count > 0 {
                kept.append(String(decoding: buffer[..<count], as: UTF8.self))
            }
            return kept
        }
    }
}
