import Planner

/// A version that stands in the library, whole and durable.
public struct StoredVersion: Hashable, Sendable {
    /// One of its files.
    public struct Entry: Hashable, Sendable {
        /// Path inside the save; the file's name for a save of one file.
        public let path: RelativePath
        /// Bytes.
        public let size: UInt64
        /// Of the file's bytes.
        public let sha256: Digest
    }

    /// Path of the file or folder below the library.
    public let libraryPath: String
    /// In order of their paths.
    public let entries: [Entry]
    /// The canonical content hash.
    public let digest: Digest
    /// Empty or one byte repeated.
    public let isBlank: Bool
    /// A file or a folder.
    public let shape: SaveShape
    /// The name it had where it came from.
    public let originalName: String

    /// Bytes of all entries.
    public var size: UInt64 { entries.reduce(0) { $0 + $1.size } }
}
