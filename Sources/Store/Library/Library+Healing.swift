import Planner

/// How the library gets back what it lost of a version.
extension Library {
    /// The numbers of those versions of which every file is there: in its size, and with `reading` with its bytes.
    func wholeVersions(among versions: [Int64: StoredVersion], reading: Bool) -> Set<Int64> {
        guard reading else {
            let present = present(Array(versions.values))
            return Set(versions.filter { present.contains($0.value) }.keys)
        }
        return Set(versions.filter { damage(to: $0.value) == nil }.keys)
    }

    /// Absolute path of the first file of a version that is not as it was stored, and whether it is gone; nil when all are.
    func damage(to version: StoredVersion) -> (path: String, isGone: Bool)? {
        for entry in version.entries {
            switch examine(libraryPath(of: entry, in: version)) {
            case .file(entry.sha256, _): continue
            case .nothing: return (path(of: entry, in: version), true)
            case .file, .other, .unreadable: return (path(of: entry, in: version), false)
            }
        }
        return nil
    }

    /// Puts the files of a version that are not as they were stored back from contents with their bytes, durable when it returns.
    /// Returns false, with nothing changed, when the contents lack one of them; and when another program has taken its place.
    func heal(_ version: StoredVersion, with contents: [StagedContent]) async throws(StoreError) -> Bool {
        var sources: [(entry: StoredVersion.Entry, found: Found, content: StagedContent)] = []
        for entry in version.entries {
            let found = examine(libraryPath(of: entry, in: version))
            if case .file(entry.sha256, _) = found { continue }
            guard let content = contents.first(where: { $0.sha256 == entry.sha256 }) else { return false }
            sources.append((entry, found, content))
        }
        for (entry, found, content) in sources {
            let target = libraryPath(of: entry, in: version)
            try clearPlace(of: target, found)
            let source: String
            do { source = try await content.file.persist() } catch { throw StoreError(database: error) }
            guard try put(contentsOf: source, at: target, expecting: entry.sha256) else { return false }
        }
        return true
    }

    /// Keeps what stands where a file is to be put back, as an orphan; nothing to do where nothing does.
    func clearPlace(of libraryPath: String, _ found: Found) throws(StoreError) {
        guard found != .nothing else { return }
        var sha256: Digest?
        if case .file(let digest, _) = found { sha256 = digest }
        try move(libraryPath, to: try makeOrphanPlace(libraryPath, sha256))
    }
}
