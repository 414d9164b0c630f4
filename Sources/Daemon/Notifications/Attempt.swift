/// How one attempt to deliver a notice ended.
enum Attempt: Hashable, Sendable {
    case delivered
    /// It may work later; a server may have said after how many seconds.
    case failed(String, retryAfter: Double?)
    /// It will not work until somebody does something about it: what is wrong, and what to do.
    case refused(String)
}
