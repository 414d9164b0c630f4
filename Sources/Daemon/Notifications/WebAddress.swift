import Foundation

/// An absolute http or https URL. Prints only its host, because its path may be all that keeps others out.
public struct WebAddress: Hashable, Sendable, CustomStringConvertible {
    /// The whole URL, which may be secret.
    let url: String
    /// Host and, where it is given, port.
    public let host: String

    /// From an http or https URL with a host and without a user name; nil for anything else.
    public init?(_ text: String) {
        guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            ["http", "https"].contains(scheme), let host = parts.host, !host.isEmpty, parts.user == nil,
            parts.password == nil, parts.fragment == nil
        else { return nil }
        url = text
        self.host = parts.port.map { "\(host):\($0)" } ?? host
    }

    /// The same server and folder with one more step in the path, for example `message`.
    func appending(_ step: String) -> String { url.hasSuffix("/") ? url + step : "\(url)/\(step)" }

    /// What the path's last step is, and the address without it; nil where there is none.
    public func splittingLast() -> (server: WebAddress, last: String)? {
        guard let parts = URLComponents(string: url), parts.query == nil,
            let last = parts.path.split(separator: "/").last, let end = url.range(of: last, options: .backwards),
            let server = WebAddress(String(url[..<end.lowerBound]))
        else { return nil }
        return (server, String(last))
    }

    /// Only the host.
    public var description: String { host }
}
