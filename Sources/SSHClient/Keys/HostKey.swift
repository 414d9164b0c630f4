import Crypto
import Foundation

/// The public key with which a server proves that it is itself (RFC 4253, section 6.6).
public struct HostKey: Hashable, Sendable {
    /// For example `ssh-ed25519`.
    public let algorithm: String
    /// The key in SSH wire format.
    public let blob: [UInt8]

    /// The key in this wire format, or nil when it does not begin with an algorithm's name.
    init?(blob: [UInt8]) {
        guard blob.count > 4 else { return nil }
        let length = blob[..<4].reduce(0) { $0 << 8 | Int($1) }
        guard length > 0, length <= 64, blob.count >= 4 + length,
            let name = String(validating: blob[4..<4 + length], as: UTF8.self)
        else { return nil }
        algorithm = name
        self.blob = blob
    }

    /// `SHA256:` and unpadded base64, as `ssh-keygen -l` prints it.
    public var fingerprint: String {
        let base64 = Data(SHA256.hash(data: blob)).base64EncodedString()
        return "SHA256:" + base64.trimmingCharacters(in: ["="])
    }
}
