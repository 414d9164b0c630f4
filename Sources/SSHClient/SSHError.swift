/// What went wrong between us and a device.
public struct SSHError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure.
    public enum Code: Hashable, Sendable {
        /// No TCP connection: name unknown, refused, no route.
        case unreachable
        /// No answer within a deadline.
        case timedOut
        /// The connection ended in the middle.
        case disconnected
        /// Both sides have no algorithm in common.
        case noCommonAlgorithm
        /// No pin is known for the device.
        case hostKeyUnknown(offered: HostKey)
        /// The device shows other keys than the pinned ones.
        case hostKeyChanged(offered: [HostKey], pinned: [HostKeyPin])
        /// Every pinned key is of a kind that the SSH library can't use.
        case hostKeyUnusable
        case authenticationRefused
        case badKeyFile
        case permissionDenied
        case noSuchFile
        case noSpace
        case readOnly
        /// The device's file system can't hold a name.
        case unusableName
        /// The server lacks what was asked for.
        case unsupported
        /// The server said no and not why.
        case failure
        /// The server told an old size or an old content of a file.
        case oldListing
        /// The server's answers may have been about another file; what came of them was not used.
        case mixedUp
        /// The server sent what it must not send.
        case protocolError
        /// The caller gave up, or the connection was closed by us.
        case cancelled
    }

    /// The kind of failure.
    public let code: Code
    /// What happened, and to what.
    public let what: String
    /// What the user can do; empty where there is nothing but to try again.
    public let advice: String

    init(_ code: Code, _ what: String, advice: String = "") {
        self.code = code
        self.what = what
        self.advice = advice
    }

    /// Whether the same thing may work when it is tried again.
    public var isRetryable: Bool {
        switch code {
        case .unreachable, .timedOut, .disconnected, .mixedUp: true
        default: false
        }
    }

    /// What happened and what to do, in one line.
    public var description: String {
        advice.isEmpty ? what : "\(what). \(advice)"
    }
}
