import CLibSSH2

/// The libssh2 that this program runs with.
public enum SSHLibrary {
    /// For example "1.10.0".
    public static let version: String = {
        _ = initialized
        return libssh2_version(0).map { String(cString: $0) } ?? "unknown"
    }()

    /// Whether RSA keys can be used: libssh2 speaks rsa-sha2 (RFC 8332) only from 1.11 on.
    public static let supportsRSA: Bool = libssh2_version(0x010b00) != nil

    /// `libssh2_init` must have run once before anything else.
    static let initialized: Bool = libssh2_init(0) == 0

    /// Host key algorithms in order of preference, those that this libssh2 can verify.
    static let hostKeyAlgorithms: [String] =
        ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"]
        + (supportsRSA ? ["rsa-sha2-512", "rsa-sha2-256"] : [])

    /// Here and below, the last is for servers that have nothing else; see ``oldAlgorithms``.
    static let keyExchanges =
        "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,"
        + "diffie-hellman-group14-sha256"
    /// Nothing that only libssh2 1.11 has: there a hostile server can make AES-GCM (CVE-2026-66033) and encrypt-then-MAC
    /// (CVE-2026-66035) write outside their buffers, and no version number tells which builds are mended.
    static let ciphers = "aes128-ctr,aes256-ctr"
    static let macs = "hmac-sha2-256,hmac-sha2-512,hmac-sha1"
    /// What only old servers need; none of it is known to be broken.
    static let oldAlgorithms: Set = ["diffie-hellman-group14-sha256", "hmac-sha1"]

    /// The names by which a server may offer the pinned key's algorithm: an RSA key is pinned as `ssh-rsa` and
    /// offered with SHA-2 signatures.
    static func offerNames(for algorithm: String) -> [String] {
        algorithm == "ssh-rsa" ? hostKeyAlgorithms.filter { $0.hasPrefix("rsa-") } : [algorithm]
    }
}
