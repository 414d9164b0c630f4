import Glibc

/// A port that only this machine can reach.
public struct LoopbackAddress: Hashable, Sendable, CustomStringConvertible {
    /// 127.0.0.1 or another of 127.0.0.0/8, or ::1.
    let host: String
    /// 0 lets the system choose one.
    let port: UInt16

    /// What one looks like, for error messages.
    public static let expectation =
        "a loopback address and a port, such as 127.0.0.1:9632 or [::1]:9632 (for other machines, put a reverse proxy before it)"

    /// From `127.0.0.1:9632`, `[::1]:9632` or `localhost:9632`; nil for everything that other machines could reach, and for
    /// what is no address.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        let name = text[..<colon]
        var address = in_addr()
        if name == "localhost" {
            host = "127.0.0.1"
        } else if name == "[::1]" {
            host = "::1"
        } else if inet_pton(AF_INET, String(name), &address) == 1, UInt32(bigEndian: address.s_addr) >> 24 == 127 {
            host = String(name)
        } else {
            return nil
        }
        self.port = port
    }

    /// As in a URL.
    public var description: String { "\(family == AF_INET6 ? "[\(host)]" : host):\(port)" }

    private init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// The same address with the port that the socket got.
    func withPort(of descriptor: CInt) -> LoopbackAddress {
        // The port stands at the same place in both kinds of address (ip(7), ipv6(7)).
        var address = sockaddr_in6()
        var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        return result == 0 ? LoopbackAddress(host: host, port: UInt16(bigEndian: address.sin6_port)) : self
    }

    var family: CInt { host == "::1" ? AF_INET6 : AF_INET }

    func withAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        func rebound<Address>(_ address: Address) -> Result {
            withUnsafePointer(to: address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<Address>.size))
                }
            }
        }
        if family == AF_INET6 {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            inet_pton(AF_INET6, host, &address.sin6_addr)
            return rebound(address)
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, host, &address.sin_addr)
        return rebound(address)
    }
}
