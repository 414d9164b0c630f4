import Foundation

/// A host key that the user trusts, known by the SHA-256 of the whole key.
public struct HostKeyPin: Hashable, Sendable {
    /// The key's algorithm, for example `ssh-ed25519`, or nil when only the fingerprint is known.
    public let algorithm: String?
    /// `SHA256:` and 43 characters of unpadded base64.
    public let fingerprint: String

    /// A pin; see ``parse(_:)`` for text from a user.
    public init(algorithm: String?, fingerprint: String) {
        self.algorithm = algorithm
        self.fingerprint = fingerprint
    }

    /// The pin of this key.
    public init(_ key: HostKey) {
        self.init(algorithm: key.algorithm, fingerprint: key.fingerprint)
    }

    /// Reads `SHA256:…` as `ssh-keygen -l` prints it; padding and white space around it are allowed.
    public static func parse(_ text: String) throws(SSHError) -> HostKeyPin {
        let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
        let base64 = trimmed.dropFirst("SHA256:".count).prefix { $0 != "=" }
        guard trimmed.hasPrefix("SHA256:"), base64.count == 43, Data(base64Encoded: base64 + "=")?.count == 32 else {
            throw SSHError(
                .unsupported, "\"\(printable(trimmed.utf8))\" is not a host key fingerprint",
                advice: "Give SHA256: and 43 characters, as `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` prints "
                    + "them on the device.")
        }
        return HostKeyPin(algorithm: nil, fingerprint: "SHA256:" + base64)
    }

    /// Whether the libssh2 that runs can verify a key of this kind; true where the kind is not known.
    public var isUsable: Bool {
        guard let algorithm else { return true }
        return SSHLibrary.offerNames(for: algorithm).contains(where: SSHLibrary.hostKeyAlgorithms.contains)
    }

    /// Whether `key` is the trusted one.
    public func matches(_ key: HostKey) -> Bool {
        key.fingerprint == fingerprint && (algorithm == nil || algorithm == key.algorithm)
    }
}
