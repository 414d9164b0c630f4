/// What client and server agreed on in their key exchange.
public struct AgreedAlgorithms: Hashable, Sendable {
    /// For example `curve25519-sha256`.
    public let keyExchange: String
    /// Of the host key, for example `ssh-ed25519`.
    public let hostKey: String
    /// For example `aes128-ctr`.
    public let cipher: String
    /// What protects each packet from being changed, for example `hmac-sha2-256`.
    public let mac: String

    /// All of them, in this order.
    public var names: [String] { [keyExchange, hostKey, cipher, mac] }

    /// Those that are only used with servers that know nothing newer.
    public var old: [String] { names.filter(SSHLibrary.oldAlgorithms.contains) }
}
