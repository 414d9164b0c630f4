import Glibc

/// What a run gave a final name in the library and has not recorded yet, kept in the run's staging folder: so that what
/// a killed run leaves unrecorded is found without walking through the library.
struct PlacementJournal: Sendable {
    /// A file or folder that was about to get its final name.
    struct Placement: Hashable, Sendable {
        /// Below the library.
        let libraryPath: String
        /// Which file it was: a name alone could be that of another run's version by now.
        let inode: UInt64
    }

    private let path: String

    /// The journal of the run whose staging folder this is.
    init(staging folder: String) {
        path = "\(folder)/placed"
    }

    /// Notes that what stands at `path` now is about to become `libraryPath`. One line, one write, from any thread.
    ///
    /// Not forced to the disk: after a power cut a lost line leaves a stray file, and nothing worse.
    func add(_ placed: String, as libraryPath: String) throws(StoreError) {
        var info = stat()
        guard lstat(placed, &info) == 0 else { throw StoreError(errno: errno, "look at \(placed)") }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StoreError(errno: errno, "open \(path)") }
        defer { close(descriptor) }
        try FileCalls.write(Array("\(info.st_ino) \(libraryPath)\0".utf8), to: descriptor, path)
    }

    /// Everything that was noted is recorded by now.
    func settle() { unlink(path) }

    /// Has nothing noted, durable. Throws where that can't be done: what is noted will be removed from the library.
    func forget() throws(StoreError) {
        guard FileCalls.call("unlink", path, { unlink(path) }) == 0 || errno == ENOENT else {
            throw StoreError(errno: errno, "remove \(path)")
        }
        try FileCalls.sync(FileCalls.parent(of: path))
    }

    /// What is noted.
    func placements() -> [Placement] {
        guard let bytes = FileCalls.contents(of: path) else { return [] }
        return bytes.split(separator: 0).compactMap { line in
            let text = String(decoding: line, as: UTF8.self)
            guard let space = text.firstIndex(of: " "), let inode = UInt64(text[..<space]) else { return nil }
            return Placement(libraryPath: String(text[text.index(after: space)...]), inode: inode)
        }
    }
}
