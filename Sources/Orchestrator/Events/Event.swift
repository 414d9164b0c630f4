/// Something that happened in a run. Published only after it was recorded.
public struct Event: Sendable {
    /// The device's name.
    public let device: String
    /// The session's number, or nil for a failure before a session began.
    public let session: Int64?
    /// What happened.
    public let kind: Kind

    /// What happened.
    public enum Kind: Sendable {
        /// The plan is made and recorded, and the run begins.
        case started(operations: Int, bytes: UInt64)
        /// Operations that are done, successfully or not, of those that were planned.
        case progress(done: Int, of: Int, bytes: UInt64)
        /// Both sides changed this save.
        case conflict(platform: String, game: String, reason: String)
        case completed(pulled: Int, pushed: Int, failed: Int)
        case error(message: String)
    }
}
