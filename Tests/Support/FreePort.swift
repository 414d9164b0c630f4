import Foundation

/// A TCP port on 127.0.0.1 that nothing listens on, each time another, and none that another test process hands out.
///
/// Below the range from which the system gives ports to outgoing connections (ip(7), ip_local_port_range): one of those
/// could take such a port before the server that it is meant for.
public func freePort() throws -> Int {
    for _ in 0..<ports.count {
        let port = try ports.next()
        if canBind(port) { return port }
    }
    throw TimedOut(what: "a port is free")
}

/// Not in TMPDIR, which may be another for each process.
private let ports = PortBlocks(lockedIn: "/tmp")

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
