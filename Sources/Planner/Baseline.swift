/// What one device and the server last agreed on for one save: the device-save sync row.
public struct Baseline: Hashable, Sendable {
    /// The save's number.
    public let saveID: Int64
    /// The save directory's number, or nil when that directory is no longer configured.
    public let directory: Int64?
    /// Where the save stands on the device, below its save directory.
    public let path: RelativePath
    /// A file or a folder.
    public let shape: SaveShape
    /// What both sides last agreed on.
    public let agreement: Agreement
    /// The files under which the content was last seen; empty for an imported row.
    public let entries: [EntryBaseline]
    /// The user said that this device and this save have nothing to do with each other.
    public let isUntracked: Bool
    /// The save was already missing from the device in an earlier run.
    public let isGone: Bool
    /// The user restored this very content since: the device gets it again where it is gone.
    public let isWantedBack: Bool

    /// What was agreed on.
    public enum Agreement: Hashable, Sendable {
        case content(Digest)
        /// An imported row knows only times, in seconds since 1970 by each side's clock.
        case times(device: Int64, server: Int64)
        /// Nothing any more: the row says only where the save stood.
        case forgotten
    }

    /// A device-save sync row.
    public init(
        saveID: Int64, directory: Int64?, path: RelativePath, shape: SaveShape, agreement: Agreement,
        entries: [EntryBaseline], isUntracked: Bool = false, isGone: Bool = false, isWantedBack: Bool = false
    ) {
        self.saveID = saveID
        self.directory = directory
        self.path = path
        self.shape = shape
        self.agreement = agreement
        self.entries = entries
        self.isUntracked = isUntracked
        self.isGone = isGone
        self.isWantedBack = isWantedBack
    }

    /// The content hash, where one was agreed on.
    public var digest: Digest? {
        if case .content(let digest) = agreement { digest } else { nil }
    }
}

/// The stamp under which one file of a baseline was last seen.
public struct EntryBaseline: Hashable, Sendable {
    /// Path below the save directory.
    public let path: RelativePath
    /// Size and time when it was last read.
    public let stamp: Stamp
    /// Whether the stamp may stand for the content.
    public let state: StampState

    /// The file at `path`.
    public init(path: RelativePath, stamp: Stamp, state: StampState) {
        self.path = path
        self.stamp = stamp
        self.state = state
    }
}
