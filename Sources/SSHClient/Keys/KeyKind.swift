/// What a key is for, as far as it decides whether it can log in.
enum KeyKind: Hashable {
    case usable
    case rsa
    case dsa
    /// By its name in SSH, safe to print; such as keys whose private half is on a security key.
    case other(String)

    /// The kind of a key whose algorithm has this name (RFC 4253, section 6.6; RFC 5656; RFC 8709).
    init(algorithm: String) {
        switch algorithm {
        case "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521": self = .usable
        case "ssh-rsa": self = .rsa
        case "ssh-dss": self = .dsa
        default: self = .other(printable(algorithm.utf8))
        }
    }
}
