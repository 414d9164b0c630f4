import Store

/// What is done beside the syncs.
public struct HousekeepingSettings: Sendable {
    /// Which old versions are let go; nil where everything stays.
    public var rule: RetentionRule?
    /// Where snapshots go, and how many of them stay; nil takes none.
    public var snapshots: (folder: Snapshots, keeping: Int)?

    /// Nothing unless told otherwise.
    public init(rule: RetentionRule? = nil, snapshots: (folder: Snapshots, keeping: Int)? = nil) {
        self.rule = rule
        self.snapshots = snapshots
    }
}
