import Crypto
import Foundation

/// Reads OpenSSH's known_hosts (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT") to take over pins that the user already has.
///
/// libssh2's own reader misses `@revoked`, `@cert-authority` and wildcards, and takes another type of key for no entry.
public enum KnownHosts {
    /// The pins for `endpoint` in a file with this text, in the file's order. Revoked keys are left out; lines of
    /// certificate authorities and lines that can't be read are passed over.
    public static func pins(for endpoint: Endpoint, in text: String) -> [HostKeyPin] {
        let lines = text.split(whereSeparator: \.isNewline).compactMap { Line($0) }.filter { $0.names(endpoint) }
        let revoked = Set(lines.filter { $0.marker == "@revoked" }.map(\.key))
        var pins: [HostKeyPin] = []
        for line in lines where line.marker == nil && !revoked.contains(line.key) {
            let pin = HostKeyPin(line.key)
            if !pins.contains(pin) { pins.append(pin) }
        }
        return pins
    }

    private struct Line {
        let marker: String?
        let hosts: [Substring]
        let key: HostKey

        init?(_ text: Substring) {
            var fields = text.split(whereSeparator: { $0 == " " || $0 == "\t" })[...]
            guard let first = fields.first, !first.hasPrefix("#") else { return nil }
            marker = first.hasPrefix("@") ? String(fields.removeFirst()) : nil
            guard fields.count >= 3, let blob = Data(base64Encoded: String(fields[fields.startIndex + 2])),
                let key = HostKey(blob: Array(blob)), key.algorithm == fields[fields.startIndex + 1]
            else { return nil }
            hosts = fields[fields.startIndex].split(separator: ",")
            self.key = key
        }

        /// Whether one of the patterns names the endpoint and none excludes it.
        func names(_ endpoint: Endpoint) -> Bool {
            let host = endpoint.host.lowercased()
            let wanted = endpoint.port == 22 ? [host, "[\(host)]:22"] : ["[\(host)]:\(endpoint.port)"]
            var isNamed = false
            for pattern in hosts {
                if pattern.hasPrefix("|1|") {
                    if wanted.contains(where: { Line.isHash(pattern, of: $0) }) { isNamed = true }
                } else if pattern.hasPrefix("!") {
                    if wanted.contains(where: { Line.matches(pattern.dropFirst().lowercased(), $0) }) { return false }
                } else if wanted.contains(where: { Line.matches(pattern.lowercased(), $0) }) {
                    isNamed = true
                }
            }
            return isNamed
        }

        /// `|1|salt|HMAC-SHA1(salt, name)|`, both in base64.
        private static func isHash(_ pattern: Substring, of name: String) -> Bool {
            let parts = pattern.split(separator: "|", omittingEmptySubsequences: false)
            guard parts.count == 4, let salt = Data(base64Encoded: String(parts[2])),
                let hash = Data(base64Encoded: String(parts[3]))
            else { return false }
            return HMAC<Insecure.SHA1>.isValidAuthenticationCode(
                hash, authenticating: Data(name.utf8), using: SymmetricKey(data: salt))
        }

        /// `*` stands for any characters and `?` for one.
        private static func matches(_ pattern: String, _ name: String) -> Bool {
            let pattern = Array(pattern.utf8)
            let name = Array(name.utf8)
            var (p, n) = (0, 0)
            var star: (pattern: Int, name: Int)?
            while n < name.count {
                if p < pattern.count, pattern[p] == UInt8(ascii: "?") || pattern[p] == name[n],
                    pattern[p] != UInt8(ascii: "*")
                {
                    p += 1
                    n += 1
                } else if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
                    star = (p, n)
                    p += 1
                } else if let last = star {
                    p = last.pattern + 1
                    n = last.name + 1
                    star = (last.pattern, last.name + 1)
                } else {
                    return false
                }
            }
            return pattern[p...].allSatisfy { $0 == UInt8(ascii: "*") }
        }
    }
}
