/// What a device says is in one save directory.
public struct DirectoryListing: Sendable {
    /// Which save directory was listed.
    public let directory: SaveDirectory
    /// What was found, or why nothing was.
    public let state: State
    /// What the directory lies on; nil where the server can't tell.
    public let card: CardIdentity?

    /// A listing of `directory` on `card` that ended in `state`.
    public init(directory: SaveDirectory, state: State, card: CardIdentity? = nil) {
        self.directory = directory
        self.state = state
        self.card = card
    }

    /// How the listing ended.
    public enum State: Sendable {
        case listed(Contents)
        case missing
        case unreadable(reason: String)
    }

    /// What was found, whatever its extension.
    public struct Contents: Sendable {
        /// Regular files at any depth, in no order.
        public var files: [ListedFile]
        /// Folders at any depth, for platforms and folder saves that hold nothing yet.
        public var folders: [RelativePath]
        /// Folders that could not be listed: nothing is known of what is below them.
        public var unreadable: [UnreadableFolder]
        /// Links, sockets, hostile names: left alone, with the reason.
        public var skipped: [SkippedEntry]

        /// An empty directory unless told otherwise.
        public init(
            files: [ListedFile] = [], folders: [RelativePath] = [], unreadable: [UnreadableFolder] = [],
            skipped: [SkippedEntry] = []
        ) {
            self.files = files
            self.folders = folders
            self.unreadable = unreadable
            self.skipped = skipped
        }

        /// Nothing at all stands in the directory.
        var isEmpty: Bool { files.isEmpty && folders.isEmpty && unreadable.isEmpty && skipped.isEmpty }
    }
}

/// A regular file as it was listed.
public struct ListedFile: Hashable, Sendable {
    /// Path below the save directory.
    public let path: RelativePath
    /// Size and time as listed.
    public let stamp: Stamp

    /// The file at `path` below its save directory.
    public init(path: RelativePath, stamp: Stamp) {
        self.path = path
        self.stamp = stamp
    }
}

/// A folder below a save directory that could not be listed.
public struct UnreadableFolder: Hashable, Sendable {
    /// Path below the save directory.
    public let path: RelativePath
    /// The device's own words for why.
    public let reason: String

    /// The folder at `path`, with the device's own words for why.
    public init(path: RelativePath, reason: String) {
        self.path = path
        self.reason = reason
    }
}

/// An entry that is never read or written.
public struct SkippedEntry: Hashable, Sendable {
    /// The folder that it is in, below the save directory; nil at the top.
    public let folder: RelativePath?
    /// The name as it was listed; it may be hostile.
    public let name: [UInt8]
    /// Why it is left alone, as one clause.
    public let reason: String

    /// The entry with this name in `folder`.
    public init(_ name: [UInt8], in folder: RelativePath?, reason: String) {
        self.folder = folder
        self.name = name
        self.reason = reason
    }

    /// The entry at `path` below the save directory.
    public init(path: RelativePath, reason: String) {
        self.init(Array(path.name.utf8), in: path.parent, reason: reason)
    }

    /// Path below the save directory; nil where the name can't be part of one.
    public var path: RelativePath? { try? RelativePath(name, in: folder) }

    /// Path below the save directory, safe to print.
    public var shownPath: String { (folder.map { "\($0)/" } ?? "") + FileName.escaped(name) }
}
