/// A save as the server has it.
public struct ServerSave: Hashable, Sendable {
    public let id: Int64
    public let identity: SaveIdentity
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
        /// Deleted by the user; `last` is the content it had, if any.
        case deleted(last: Digest?)
    }
}

/// The current version of a save's slot.
public struct ServerVersion: Hashable, Sendable {
    public let id: Int64
    public let digest: Digest
    public let shape: SaveShape
    /// Bytes.
    public let size: UInt64
    public let isBlank: Bool
    /// The name it had where it came from: a hint for devices that have no name of their own for this save.
    public let originalName: String
    /// Seconds since 1970: the time that came with the content, by the clock of where it was written.
    public let modified: Int64

    /// A version; see the properties.
    public init(
        id: Int64, digest: Digest, shape: SaveShape, size: UInt64, isBlank: Bool, originalName: String, modified: Int64
    ) {
        self.id = id
        self.digest = digest
        self.shape = shape
        self.size = size
        self.isBlank = isBlank
        self.originalName = originalName
        self.modified = modified
    }
}
