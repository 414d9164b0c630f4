/// What a server shows of itself before anybody logs in.
public struct OfferedHostKeys: Sendable {
    /// Its host keys, most preferred first; at least one.
    public let keys: [HostKey]
    /// What was agreed on for the first of them.
    public let algorithms: AgreedAlgorithms
}
