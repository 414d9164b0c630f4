import Glibc

/// How files leave the library: aside first, in one rename, then for good. Links are never followed.
extension Library {
    nonisolated var removedFolder: String { "\(root)/.saveferry/removed" }

    /// Whether something stands at a path below the library.
    nonisolated func holds(_ libraryPath: String) -> Bool {
        var info = stat()
        return lstat(path(of: libraryPath), &info) == 0
    }

    /// Whether every file of a version stands in its place, a plain file with as many bytes as are on record. Says nothing of
    /// the bytes: that is what `verify` reads them for.
    nonisolated func holds(_ version: StoredVersion) -> Bool {
        version.entries.allSatisfy { entry in
            var info = stat()
            return lstat(path(of: entry, in: version), &info) == 0 && info.st_mode & S_IFMT == S_IFREG
                && UInt64(info.st_size) == entry.size
        }
    }

    /// Those of the versions whose files are all there.
    func present(_ versions: [StoredVersion]) -> Set<StoredVersion> { Set(versions.filter(holds)) }

    /// Those of the paths at which something stands.
    func present(_ libraryPaths: [String]) -> Set<String> { Set(libraryPaths.filter(holds)) }

    /// Makes the folder that ``setAside(_:)`` moves to.
    func makeRemovedFolder() throws(StoreError) { try makeHiddenFolder(removedFolder) }

    /// Moves a file or folder, or a link itself, to where ``emptyRemoved()`` removes it. Nothing to do when it is gone.
    /// Refuses a path that leads out of the library or through a link.
    nonisolated func setAside(_ libraryPath: String) throws(StoreError) {
        try move(libraryPath, to: "\(removedFolder)/\(String(UInt64.random(in: .min ... .max), radix: 16))")
    }

    /// Moves what stands at a path below the library, not following links, to the absolute path `target`. Returns false
    /// when there is nothing.
    @discardableResult
    nonisolated func move(_ libraryPath: String, to target: String) throws(StoreError) -> Bool {
        let components = libraryPath.split(separator: "/", omittingEmptySubsequences: false)
        var folder = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { if folder >= 0 { close(folder) } }
        guard folder >= 0 else { throw StoreError(errno: errno, "open the library \(root)") }
        for name in components.dropLast() {
            guard !["", ".", ".."].contains(name) else { throw outside(libraryPath) }
            let next = openat(folder, String(name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            guard next >= 0 else {
                if errno == ENOENT { return false }
                throw [ELOOP, ENOTDIR].contains(errno)
                    ? outside(libraryPath) : StoreError(errno: errno, "open the folder of \(path(of: libraryPath))")
            }
            close(folder)
            folder = next
        }
        guard let name = components.last, !["", ".", ".."].contains(name), components.first != ".saveferry" else {
            throw outside(libraryPath)
        }
        guard renameat(folder, String(name), AT_FDCWD, target) == 0 else {
            if errno == ENOENT { return false }
            throw StoreError(errno: errno, "move \(path(of: libraryPath))")
        }
        return true
    }

    private nonisolated func outside(_ libraryPath: String) -> StoreError {
        StoreError(
            .invalid, "\(path(of: libraryPath)) leads through a link, or out of the library",
            advice: "Remove that file by hand, or put the folder itself where the link is.")
    }

    /// Removes everything that was set aside.
    func emptyRemoved() {
        for name in FileCalls.names(in: removedFolder) ?? [] { FileCalls.removeTree("\(removedFolder)/\(name)") }
    }
}
