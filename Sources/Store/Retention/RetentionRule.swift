import Foundation
import Planner

/// Which versions stay: the newest of a slot, and everything young.
public struct RetentionRule: Hashable, Sendable {
    /// How many of a slot's newest versions stay, and as many of a save's newest archival ones. At least 1.
    public let versions: Int
    /// Whatever was stored, current, or on a device that lost it, within this many days stays.
    public let days: Int

    /// What holds unless the user says otherwise.
    public static let standard = RetentionRule(versions: 20, days: 90)

    /// A rule; fewer than 1 version is 1, fewer than 0 days are 0.
    public init(versions: Int, days: Int) {
        self.versions = max(1, versions)
        self.days = max(0, days)
    }
}

/// A version that a rule lets go.
public struct ExpiredVersion: Hashable, Sendable {
    /// The row's number.
    public let id: Int64
    /// The save's number.
    public let save: Int64
    /// Which save.
    public let identity: SaveIdentity
    /// The version's number within its save.
    public let number: Int
    /// Bytes.
    public let size: UInt64
    /// When it was stored.
    public let created: Date
    /// Path below the library.
    public let libraryPath: String
    /// The file of the save's current version; its own for a save without one.
    let witness: String
}
