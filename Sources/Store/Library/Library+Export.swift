import Glibc
import Planner

extension Library {
    /// Copies a version out of the library, durable when it returns, and its bytes checked against the recorded hashes on
    /// the way. Returns the absolute path of the file or folder; nothing stands there before all of it is copied.
    ///
    /// A `path` that is a folder gets the version into it under its own name. With `replaces`, a file takes the place of
    /// a file and a folder that of a folder; never one that of the other.
    func export(_ version: StoredVersion, to path: String, replaces: Bool) throws(StoreError) -> String {
        var info = stat()
        let isFolder = stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFDIR
        let target = isFolder ? "\(path)/\(version.originalName)" : path
        let taken = try occupant(of: target, version.shape, replaces)
        let parent = FileCalls.parent(of: target)
        let temporary = "\(parent)/.saveferry-export-\(String(UInt64.random(in: .min ... .max), radix: 16))"
        do {
            try write(version, to: temporary)
            try place(temporary, at: target, version.shape, over: taken)
            try FileCalls.sync(parent)
            return target
        } catch {
            FileCalls.removeTree(temporary)
            throw error
        }
    }

    /// What stands at `target` and may be replaced, or nil for nothing.
    private func occupant(of target: String, _ shape: SaveShape, _ replaces: Bool) throws(StoreError) -> SaveShape? {
        var info = stat()
        guard lstat(target, &info) == 0 else { return nil }
        let found: SaveShape = info.st_mode & S_IFMT == S_IFDIR ? .folder : .file
        guard replaces else {
            throw StoreError(
                .alreadyExists, "\(target) exists", advice: "Choose another path, or replace it with --force.")
        }
        guard found == shape else {
            throw StoreError(
                .alreadyExists, "\(target) is a \(found) and the save a \(shape)", advice: "Choose another path.")
        }
        return found
    }

    private func write(_ version: StoredVersion, to temporary: String) throws(StoreError) {
        guard version.shape == .folder else {
            guard let entry = version.entries.first else {
                throw StoreError(.corrupt, "\(version.libraryPath) has no file on record")
            }
            return try copyOut(entry, version.libraryPath, to: temporary)
        }
        var folders: Set<String> = [temporary]
        _ = try FileCalls.makeFolders(temporary)
        for entry in version.entries {
            let file = "\(temporary)/\(entry.path.text)"
            folders.formUnion(try FileCalls.makeFolders(FileCalls.parent(of: file)))
            try copyOut(entry, "\(version.libraryPath)/\(entry.path.text)", to: file)
        }
        for folder in folders { try FileCalls.sync(folder) }
    }

    private func copyOut(_ entry: StoredVersion.Entry, _ libraryPath: String, to path: String) throws(StoreError) {
        let source = self.path(of: libraryPath)
        let from = open(source, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard from >= 0 else { throw StoreError(errno: errno, "read \(source)") }
        defer { close(from) }
        let to = try FileCalls.create(path)
        defer { close(to) }
        let sha256 = try hash(from, source) { bytes throws(StoreError) in try FileCalls.write(bytes, to: to, path) }
        guard sha256 == entry.sha256 else {
            throw StoreError(
                .corrupt, "\(source) is not what was stored", advice: "Try `saveferry verify --repair`.")
        }
        guard fsync(to) == 0 else { throw StoreError(errno: errno, "force \(path) to the disk") }
    }

    private func place(
        _ temporary: String, at target: String, _ shape: SaveShape, over taken: SaveShape?
    ) throws(StoreError) {
        switch taken {
        case nil:
            guard try FileCalls.moveWithoutReplacing(temporary, to: target, isFolder: shape == .folder) else {
                throw StoreError(.alreadyExists, "\(target) exists by now", advice: "Choose another path.")
            }
        case .file:
            guard rename(temporary, target) == 0 else { throw StoreError(errno: errno, "replace \(target)") }
        case .folder:
            let old = temporary + "-old"
            guard rename(target, old) == 0 else { throw StoreError(errno: errno, "replace \(target)") }
            guard rename(temporary, target) == 0 else {
                let code = errno
                rename(old, target)
                throw StoreError(errno: code, "replace \(target)")
            }
            FileCalls.removeTree(old)
        }
    }
}
