/// Where a device's SSH server is, and as whom to log in.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    /// Name or address (RFC 1123 host name, IPv4, or IPv6 without brackets).
    public let host: String
    /// TCP port, 1 to 65535.
    public let port: Int
    /// The login name.
    public let user: String

    /// An endpoint; nothing is looked up.
    public init(host: String, port: Int = 22, user: String) {
        self.host = host
        self.port = port
        self.user = user
    }

    /// `user@host:port`.
    public var description: String { "\(user)@\(host.contains(":") ? "[\(host)]" : host):\(port)" }
}
