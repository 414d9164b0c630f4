/// A save as the server has it.
public struct ServerSave: Hashable, Sendable {
    /// The save's number.
    public let id: Int64
    /// Which save it is, under the names that the server shows.
    public let identity: SaveIdentity
    /// What its slot holds.
    public let content: Content

    /// A save with this number.
    public init(id: Int64, identity: SaveIdentity, content: Content) {
        self.id = id
        self.identity = identity
        self.content = content
    }

    /// What the save's slot holds.
    public enum Content: Hashable, Sendable {
        /// No version in the slot: never filled, or only archival versions exist.
        case absent
        case version(ServerVersion)
        /// Deleted by the user; `last` is what it had, if anything.
        case deleted(last: ServerVersion?)

        /// The current version, or the last one before the save was deleted.
        public var newest: ServerVersion? {
            switch self {
            case .absent: nil
            case .version(let version): version
            case .deleted(let last): last
            }
        }
    }
}

/// The current version of a save's slot.
public struct ServerVersion: Hashable, Sendable {
    /// The version's number.
    public let id: Int64
    /// The canonical content hash.
    public let digest: Digest
    /// A file or a folder.
    public let shape: SaveShape
    /// Bytes.
    public let size: UInt64
    /// Empty, or one byte repeated.
    public let isBlank: Bool
    /// The name it had where it came from: a hint for devices that have no name of their own for this save.
    public let originalName: String
    /// Seconds since 1970: the time that came with the content, by the clock of where it was written.
    public let modified: Int64
    /// The user made it the current one.
    public let isRestored: Bool

    /// A version; see the properties.
    public init(
        id: Int64, digest: Digest, shape: SaveShape, size: UInt64, isBlank: Bool, originalName: String, modified: Int64,
        isRestored: Bool = false
    ) {
        self.id = id
        self.digest = digest
        self.shape = shape
        self.size = size
        self.isBlank = isBlank
        self.originalName = originalName
        self.modified = modified
        self.isRestored = isRestored
    }
}
