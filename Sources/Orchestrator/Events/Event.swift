import Foundation
import Planner
import Store

/// Something that happened in a run. Published only after it was recorded.
public struct Event: Sendable {
    /// When it was published.
    public let date: Date
    /// The device's name.
    public let device: String
    /// The session's number, or nil for a run that was refused or could not be recorded.
    public let session: Int64?
    /// What happened.
    public let kind: Kind
    /// For the last event of a session, also of one that failed: what it came to until then.
    public var totals: SessionTotals?

    /// What happened.
    public enum Kind: Sendable {
        /// The plan is made and recorded, and the run begins.
        case started(operations: Int, bytes: UInt64)
        /// Operations that are done, successfully or not, of those that were planned.
        case progress(done: Int, of: Int, bytes: UInt64)
        /// A conflict was opened: both sides changed this save. Not again while it is open.
        case conflict(SaveIdentity, reason: String)
        /// The run went through; single operations may have failed, and safety limits may have stopped directories.
        case completed(SessionTotals, halts: [Halt])
        /// The run did not go through.
        case error(DeviceFailure)
    }

    /// How the run ended, as it is recorded; nil while it goes on.
    public var status: SessionStatus? {
        switch kind {
        case .started, .progress, .conflict: nil
        case .completed(let totals, let halts):
            SessionStatus(failure: nil, failed: totals.failed, halts: halts.count)
        case .error(let failure): SessionStatus(failure: failure, failed: 0, halts: 0)
        }
    }
}
