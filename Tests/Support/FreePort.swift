import Foundation
import Synchronization

/// A TCP port on 127.0.0.1 that nothing listens on, each time another.
///
/// Below the range from which the system gives ports to outgoing connections (ip(7), ip_local_port_range): one of those, or
/// another test's server, could take such a port before the server that it is meant for.
public func freePort() throws -> Int {
    for _ in ports {
        let port = nextPort.withLock { next in
            next = (next + 1) % ports.count
            return ports.lowerBound + next
        }
        if canBind(port) { return port }
    }
    throw TimedOut(what: "a port from \(ports.lowerBound) to \(ports.upperBound - 1) is free")
}

private let ports = 20_000..<32_000
/// Begins elsewhere in each process.
private let nextPort = Mutex(Int(getpid()) * 97 % ports.count)

private func canBind(_ port: Int) -> Bool {
    let descriptor = tcpSocket()
    defer { close(descriptor) }
    return withLoopbackAddress(port) { bind(descriptor, $0, $1) == 0 }
}

/// Whether something accepts connections on this port of 127.0.0.1.
public func accepts(_ port: Int) -> Bool {
    let descriptor = tcpSocket()
    defer { close(descriptor) }
    return withLoopbackAddress(port) { connect(descriptor, $0, $1) == 0 }
}

func tcpSocket() -> Int32 { socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0) }

/// The address of a port of 127.0.0.1.
func withLoopbackAddress<Result>(_ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    address.sin_port = UInt16(port).bigEndian
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}
