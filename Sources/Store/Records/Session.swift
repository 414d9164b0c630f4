import Planner

/// What began a run.
public enum SessionTrigger: String, Sendable { case onDemand = "on_demand", scheduled }

/// How a run stands.
public enum SessionStatus: String, Sendable {
    case inProgress = "IN_PROGRESS", completed = "COMPLETED"
    /// A safety limit kept something from being synced; the rest was.
    case halted = "HALTED"
    case failed = "FAILED", cancelled = "CANCELLED"
}

/// A safety limit that closed in a run, as it is recorded.
public struct SessionHalt: Hashable, Sendable {
    /// Which limit it is, for example `mass-deletion`.
    public let code: String
    /// Path on the device.
    public let directory: String
    /// What was found and what was not done because of it.
    public let message: String

    /// A halt; see the properties.
    public init(code: String, directory: String, message: String) {
        self.code = code
        self.directory = directory
        self.message = message
    }
}

/// How one operation of a run stands.
public enum OperationStatus: String, Sendable {
    case pending = "PENDING", inProgress = "IN_PROGRESS", completed = "COMPLETED", failed = "FAILED"
    case cancelled = "CANCELLED"
}

/// A run that has begun.
public struct SyncSession: Hashable, Sendable {
    /// The row's number.
    public let id: Int64
    /// The numbers of its operations, in the order in which they were given.
    public let operationIDs: [Int64]
}

/// One line of a plan, as it is recorded.
public struct OperationRecord: Hashable, Sendable {
    /// What is done.
    public let action: Action
    /// Which save; nil for an entry that is none.
    public let identity: SaveIdentity?
    /// The save's number, if it has one yet.
    public let save: Int64?
    /// Path on the device, safe to print.
    public let remotePath: String
    /// Bytes.
    public let size: UInt64
    /// One sentence for people.
    public let reason: String

    /// A line of a plan.
    public init(
        action: Action, identity: SaveIdentity?, save: Int64?, remotePath: String, size: UInt64, reason: String
    ) {
        self.action = action
        self.identity = identity
        self.save = save
        self.remotePath = remotePath
        self.size = size
        self.reason = reason
    }
}

/// How a recorded operation ended.
public struct OperationEnding: Hashable, Sendable {
    /// The operation's number.
    public let operation: Int64
    /// How it ended.
    public let status: OperationStatus
    /// Why it failed.
    public let error: String?

    /// An ending.
    public init(operation: Int64, status: OperationStatus, error: String? = nil) {
        self.operation = operation
        self.status = status
        self.error = error
    }
}

/// What a run came to.
public struct SessionTotals: Hashable, Sendable {
    /// Saves that came from the device.
    public var pulled: Int
    /// Saves that went to the device.
    public var pushed: Int
    /// Saves that were removed from the device.
    public var removed: Int
    /// Conflicts that were recorded.
    public var conflicts: Int
    /// Saves with nothing to do.
    public var unchanged: Int
    /// Operations that failed.
    public var failed: Int
    /// Bytes that pulls and pushes moved.
    public var bytes: UInt64
    /// Saves with which nothing is done until the user decides.
    public var held: Int
    /// Files and saves that were left alone, without being held or having failed.
    public var skipped: Int

    /// All zero unless told otherwise.
    public init(
        pulled: Int = 0, pushed: Int = 0, removed: Int = 0, conflicts: Int = 0, unchanged: Int = 0, failed: Int = 0,
        bytes: UInt64 = 0, held: Int = 0, skipped: Int = 0
    ) {
        self.pulled = pulled
        self.pushed = pushed
        self.removed = removed
        self.conflicts = conflicts
        self.unchanged = unchanged
        self.failed = failed
        self.bytes = bytes
        self.held = held
        self.skipped = skipped
    }
}
