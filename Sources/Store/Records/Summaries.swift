import Foundation
import Planner

/// A save as it is listed.
public struct SaveSummary: Hashable, Sendable {
    /// The save's number.
    public let id: Int64
    /// Whose, of which game.
    public let identity: SaveIdentity
    /// Bytes of the current version; nil when the slot holds none.
    public let size: UInt64?
    /// When the current version was stored.
    public let updated: Date?
    /// How many versions are kept, archival ones included.
    public let versionCount: Int
    /// When the user deleted it, if it is deleted.
    public let deleted: Date?
}

/// A version as it is listed.
public struct VersionSummary: Hashable, Sendable {
    /// The row's number.
    public let id: Int64
    /// 1, 2, 3 … within its save, in the order in which they were stored.
    public let number: Int
    /// Nil for an archival version.
    public let slot: String?
    /// The canonical content hash.
    public let digest: Digest
    /// Bytes.
    public let size: UInt64
    /// When it was stored.
    public let created: Date
    /// The time that came with the content, by the clock of where it was written.
    public let modified: Date
    /// The device it came from, or what made it.
    public let source: String
    /// Path below the library.
    public let libraryPath: String
    /// Whether it is the one that devices get.
    public let isCurrent: Bool
}

/// A save that both sides changed.
public struct ConflictSummary: Hashable, Sendable {
    /// One of the two contents.
    public struct Side: Hashable, Sendable {
        /// The version's number within its save.
        public let version: Int
        /// The canonical content hash.
        public let digest: Digest
        /// Bytes.
        public let size: UInt64
        /// The time that came with the content.
        public let modified: Date
    }

    /// The conflict's number.
    public let id: Int64
    /// The device's name.
    public let deviceName: String
    /// The save's number.
    public let save: Int64
    /// Which save.
    public let identity: SaveIdentity
    /// The device's content, kept as an archival version.
    public let device: Side
    /// The server's content.
    public let server: Side
    /// When it was found.
    public let opened: Date
}

/// How a conflict is resolved.
public enum ConflictResolution: String, Hashable, Sendable, CaseIterable {
    /// The device's content becomes current.
    case device
    /// The server's content goes to the device.
    case server
    /// The device's content becomes a slot of its own, and the server's goes to the device.
    case both
}

/// A run as it is listed.
public struct SessionSummary: Hashable, Sendable {
    /// The run's number.
    public let id: Int64
    /// The device's name at that time.
    public let deviceName: String
    /// What began it.
    public let trigger: SessionTrigger
    /// How it stands.
    public let status: SessionStatus
    /// What ended it, if that was an error.
    public let error: String?
    /// When it began.
    public let started: Date
    /// When it ended; nil while it runs.
    public let ended: Date?
    /// What it came to.
    public let totals: SessionTotals
    /// The safety limits that closed in it, in the plan's order.
    public let halts: [SessionHalt]
}

/// One recorded operation of a run.
public struct OperationSummary: Hashable, Sendable {
    /// The operation's number.
    public let id: Int64
    /// The plan's line.
    public let record: OperationRecord
    /// How it stands.
    public let status: OperationStatus
    /// Why it failed.
    public let error: String?
}

/// How a device fares.
public struct DeviceStatus: Hashable, Sendable {
    /// The device.
    public let device: Device
    /// The newest run.
    public let lastSession: SessionSummary?
    /// When the newest run ended that went through with nothing failed and nothing halted.
    public let lastSuccess: Date?
    /// Saves with an agreement.
    public let trackedSaves: Int
    /// Conflicts that wait for the user.
    public let openConflicts: Int
    /// Runs that failed or were halted since the last one that was neither.
    public let errorsInARow: Int
    /// The safety limits that closed in the newest run that got to its end.
    public let halts: [SessionHalt]
    /// Saves with which, by the same run, nothing is done until the user decides.
    public let heldSaves: Int
}
