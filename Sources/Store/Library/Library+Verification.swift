import Glibc
import Planner

import struct Crypto.SHA256

/// What the library has, as `verify` looks at it.
extension Library {
    /// What stands where a file is expected.
    enum Found: Equatable, Sendable {
        case nothing
        /// A plain file with these bytes.
        case file(sha256: Digest, isZip: Bool)
        /// A link, a folder, or something else that is no plain file.
        case other
        case unreadable(StoreError)

        static func == (a: Found, b: Found) -> Bool {
            switch (a, b) {
            case (.nothing, .nothing), (.other, .other): true
            case (.file(let a, _), .file(let b, _)): a == b
            default: false
            }
        }
    }

    /// A name in a folder of the library, and what it stands for.
    struct Item: Sendable {
        let libraryPath: String
        let isFolder: Bool
    }

    private static let chunk = 256 << 10

    /// Reads the file at a path below the library. A link at its end is not followed.
    func examine(_ libraryPath: String) -> Found {
        let path = path(of: libraryPath)
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            return switch errno {
            case ENOENT, ENOTDIR: .nothing
            case ELOOP, ENXIO: .other
            default: .unreadable(StoreError(errno: errno, "read \(path)"))
            }
        }
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return .other }
        do {
            var start: [UInt8] = []
            let sha256 = try hash(descriptor, path) { bytes in
                if start.count < 4 { start += bytes.prefix(4) }
            }
            return .file(sha256: sha256, isZip: ContentHash.looksLikeZip(start))
        } catch {
            return .unreadable(error)
        }
    }

    /// SHA-256 of what an open file has from here on; `each` gets the bytes.
    func hash(
        _ descriptor: Int32, _ path: String, each: ([UInt8]) throws(StoreError) -> Void
    ) throws(StoreError) -> Digest {
        var hasher = SHA256()
        var buffer = [UInt8](repeating: 0, count: Library.chunk)
        while true {
            let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw StoreError(errno: errno, "read \(path)") }
            guard count > 0 else { return ContentHash.digest(hasher.finalize()) }
            let bytes = Array(buffer[..<count])
            hasher.update(data: bytes)
            try each(bytes)
        }
    }

    /// The canonical hash of the file at a path below the library when it is a zip that can be read whole.
    func zipHash(_ libraryPath: String) -> Digest? { ContentHash.ofZip(at: path(of: libraryPath)) }

    /// Whether a folder, and no link to one, stands there.
    func holdsFolder(_ libraryPath: String) -> Bool {
        var info = stat()
        return lstat(path(of: libraryPath), &info) == 0 && info.st_mode & S_IFMT == S_IFDIR
    }

    /// What is in a folder of the library, at the top for an empty path, sorted by name. Hidden names are other programs'.
    func items(in libraryPath: String) -> [Item] {
        let folder = libraryPath.isEmpty ? root : path(of: libraryPath)
        return (FileCalls.names(in: folder) ?? []).filter { !$0.hasPrefix(".") }.sorted().map { name in
            let child = libraryPath.isEmpty ? name : "\(libraryPath)/\(name)"
            return Item(libraryPath: child, isFolder: holdsFolder(child))
        }
    }

    /// Whether a run is receiving files, whose versions may not be recorded yet.
    func isReceiving() throws(StoreError) -> Bool { try Staging.isInUse(below: stagingParent) }

    /// Where an orphan with these bytes is kept, below the library.
    nonisolated func orphanPath(_ libraryPath: String, _ sha256: Digest?) -> String {
        ".saveferry/orphans/\(sha256?.hex ?? "other")/\(libraryPath)"
    }

    /// Makes the folder of an absolute path that is free, beginning with the one for an orphan. Returns that path.
    func makeOrphanPlace(_ libraryPath: String, _ sha256: Digest?) throws(StoreError) -> String {
        let wanted = path(of: orphanPath(libraryPath, sha256))
        try makeHiddenFolder(FileCalls.parent(of: wanted))
        for attempt in 1...10_000 {
            let target = attempt == 1 ? wanted : "\(wanted) (\(attempt))"
            var info = stat()
            if lstat(target, &info) != 0 { return target }
        }
        throw StoreError(.alreadyExists, "every name for an orphan at \(wanted) is taken")
    }

    /// A file that an earlier repair kept and that should have these bytes, below the library.
    func keptOrphan(_ sha256: Digest) -> String? {
        var folder = ".saveferry/orphans/\(sha256.hex)"
        // Down the folders of its old place to the first file.
        while let name = FileCalls.names(in: path(of: folder))?.min() {
            folder += "/\(name)"
            guard holdsFolder(folder) else { return folder }
        }
        return nil
    }

    /// Copies a file of the library to another place in it, durable when it returns. Returns false, and leaves no trace,
    /// when it has not these bytes or the place is taken.
    func copy(_ source: String, to target: String, expecting sha256: Digest) throws(StoreError) -> Bool {
        try put(contentsOf: path(of: source), at: target, expecting: sha256)
    }

    /// The same from the file with this absolute path.
    func put(contentsOf source: String, at target: String, expecting sha256: Digest) throws(StoreError) -> Bool {
        let from = open(source, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard from >= 0 else { return false }
        defer { close(from) }
        // What a crash leaves there goes with the next sweep.
        try makeRemovedFolder()
        let temporary = "\(removedFolder)/\(String(UInt64.random(in: .min ... .max), radix: 16))"
        let to = try FileCalls.create(temporary)
        defer {
            close(to)
            unlink(temporary)
        }
        let copied = try hash(from, source) { bytes throws(StoreError) in
            try FileCalls.write(bytes, to: to, temporary)
        }
        guard copied == sha256 else { return false }
        guard fsync(to) == 0 else { throw StoreError(errno: errno, "force \(temporary) to the disk") }
        let final = path(of: target)
        try LibraryPresence.requireSign(root)
        let made = try FileCalls.makeFolders(FileCalls.parent(of: final))
        guard try FileCalls.moveWithoutReplacing(temporary, to: final, isFolder: false) else { return false }
        try FileCalls.sync(FileCalls.parent(of: final))
        for folder in made.reversed() { try FileCalls.sync(FileCalls.parent(of: folder)) }
        return true
    }
}
