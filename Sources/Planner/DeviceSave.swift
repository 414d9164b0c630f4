/// A save as it stands on a device: which save it is and which files make it up. Contents are not known yet.
public struct DeviceSave: Hashable, Sendable {
    /// Which save it is, under the names that the device gives it.
    public let identity: SaveIdentity
    /// The save directory's number.
    public let directory: Int64
    /// The file, or the folder, below the save directory.
    public let path: RelativePath
    private let parts: Parts
    /// What else is in the folder of the save and belongs to no version: links, special files, names that can't be carried.
    public let foreign: [SkippedEntry]

    /// A file is what stands at ``path``, and needs no array of one.
    private enum Parts: Hashable {
        case file(Stamp)
        case folder([ListedFile])
    }

    /// A save that is the one file at `path`.
    public init(identity: SaveIdentity, directory: Int64, path: RelativePath, stamp: Stamp) {
        self.identity = identity
        self.directory = directory
        self.path = path
        parts = .file(stamp)
        foreign = []
    }

    /// A save that is the folder at `path` with `files` in it, in order of their paths, and `foreign` entries beside them.
    public init(
        identity: SaveIdentity, directory: Int64, path: RelativePath, files: [ListedFile], foreign: [SkippedEntry] = []
    ) {
        self.identity = identity
        self.directory = directory
        self.path = path
        parts = .folder(files)
        self.foreign = foreign
    }

    /// A file or a folder.
    public var shape: SaveShape {
        switch parts {
        case .file: .file
        case .folder: .folder
        }
    }

    /// The files in order of their paths; exactly one for ``SaveShape/file``. Paths are below the save directory.
    public var files: [ListedFile] {
        switch parts {
        case .file(let stamp): [ListedFile(path: path, stamp: stamp)]
        case .folder(let files): files
        }
    }

    /// Sum of the listed sizes in bytes.
    public var size: UInt64 {
        switch parts {
        case .file(let stamp): stamp.size
        case .folder(let files): files.reduce(0) { $0 &+ $1.stamp.size }
        }
    }
}

/// The content of a save on a device, known by reading it or by a settled stamp.
public struct DeviceContent: Hashable, Sendable {
    /// The canonical content hash.
    public let digest: Digest
    /// 0 bytes, or one byte repeated throughout.
    public let isBlank: Bool
    /// One for each file, in order of their paths.
    public let entries: [Entry]
    /// Which side has only the beginning of what the other one has; nil where neither does, or the save is a folder.
    public let truncation: Truncation?

    /// One side's file is shorter than the other's, and the same as far as it goes: what an emulator leaves that could not
    /// write the whole.
    public enum Truncation: Hashable, Sendable {
        /// The device's is the beginning of the server's, of what was deleted there, or of what was agreed on.
        case onDevice
        /// The server's is the beginning of the device's.
        case onServer
    }

    /// What is known of one file.
    public struct Entry: Hashable, Sendable {
        /// Path below the save directory.
        public let path: RelativePath
        /// Of the file's bytes.
        public let sha256: Digest
        /// Size and time, the same before and after the read.
        public let stamp: Stamp
        /// Whether the stamp may stand for the content from now on.
        public let state: StampState

        /// The file at `path` with the SHA-256 of its bytes.
        public init(path: RelativePath, sha256: Digest, stamp: Stamp, state: StampState) {
            self.path = path
            self.sha256 = sha256
            self.stamp = stamp
            self.state = state
        }
    }

    /// A content with this canonical hash.
    public init(digest: Digest, isBlank: Bool, entries: [Entry], truncation: Truncation? = nil) {
        self.digest = digest
        self.isBlank = isBlank
        self.entries = entries
        self.truncation = truncation
    }

    /// Bytes of all files together.
    public var size: UInt64 { entries.reduce(0) { $0 &+ $1.stamp.size } }
    /// The newest modification time, in seconds since 1970 by the device's clock.
    public var modified: Int64 { entries.map(\.stamp.modified).max() ?? 0 }
}
