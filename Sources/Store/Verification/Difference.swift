import Planner

/// Something in which the library and the database differ.
public struct Difference: Hashable, Sendable {
    /// What differs.
    public enum Kind: String, Hashable, Sendable {
        /// The file or folder of a version is not there.
        case missing
        /// A file of a version has other bytes, or is no plain file.
        case changed
        /// One file of a folder version is not there.
        case missingEntry = "missing_entry"
        /// A file in the library that no version refers to.
        case orphan
        /// The content hash on record is not that of the files; `saveferry rehash` computes it anew.
        case contentHash = "content_hash"
        /// What can't be read to know.
        case unreadable
    }

    /// What came of it.
    public enum Outcome: Hashable, Sendable {
        /// It is there still.
        case remains
        /// It is there still; a sync of one of these devices, which have the same content by the record, stores it again.
        case heldElsewhere([String])
        /// It was repaired; says how.
        case repaired(String)
        /// It can't be repaired; says why.
        case unrepairable(String)
    }

    /// What differs.
    public let kind: Kind
    /// Path below the library.
    public let libraryPath: String
    /// Which version of which save; nil for an orphan.
    public let version: VersionReference?
    /// What came of it.
    public let outcome: Outcome

    /// Whether it is there still.
    public var remains: Bool { if case .repaired = outcome { false } else { true } }
}

/// A version, as people name it.
public struct VersionReference: Hashable, Sendable {
    /// The row's number.
    public let id: Int64
    /// The save's number.
    public let save: Int64
    /// Which save.
    public let identity: SaveIdentity
    /// The version's number within its save.
    public let number: Int
}
