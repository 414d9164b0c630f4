import Planner

/// Reads everything in the library anew and compares it with the database, a page at a time.
///
/// Orphans come first: a repair keeps them under their hash, where the repair of a version finds them.
public struct Verification: Sendable {
    /// How far it is.
    public struct Progress: Hashable, Sendable {
        /// Versions that were read.
        public let versions: Int
        /// Versions that there were at the start.
        public let all: Int
    }

    /// What it came to.
    public struct Totals: Hashable, Sendable {
        /// Versions that were read.
        public var versions = 0
        /// Differences that were found.
        public var differences = 0
        /// Those of them that were repaired.
        public var repaired = 0
        /// Whether files that no version refers to were looked for everywhere; not where a sync was under way.
        public var soughtOrphans = true

        /// Those that are there still.
        public var remaining: Int { differences - repaired }
    }

    let store: Store
    let repairs: Bool
    private let pageSize: Int
    var library: Library { store.library }

    /// A verification; with `repairs` it repairs what can be.
    public init(store: Store, repairs: Bool) {
        self.init(store: store, repairs: repairs, pageSize: 100)
    }

    init(store: Store, repairs: Bool, pageSize: Int) {
        self.store = store
        self.repairs = repairs
        self.pageSize = pageSize
    }

    /// Reads everything: orphans in order of their paths, then versions in order of their numbers. Removes nothing.
    ///
    /// `each` gets every difference, `progress` is called after every page. Cancelling the task ends it after the version
    /// in hand, with a `CancellationError`.
    public func run(
        each: (Difference) -> Void, progress: (Progress) -> Void = { _ in }
    ) async throws -> Totals {
        var totals = Totals()
        try await findOrphans(in: "") {
            count(&totals, $0, each)
        } unsought: {
            totals.soughtOrphans = false
        }
        let all = try await store.versionCount()
        var position: Int64 = 0
        while true {
            let page = try await store.recordedVersions(after: position, limit: pageSize)
            guard let last = page.last else { return totals }
            for version in page {
                try Task.checkCancellation()
                for difference in try await examine(version) { count(&totals, difference, each) }
                totals.versions += 1
            }
            position = last.reference.id
            progress(Progress(versions: totals.versions, all: all))
        }
    }

    private func count(_ totals: inout Totals, _ difference: Difference, _ each: (Difference) -> Void) {
        totals.differences += 1
        if !difference.remains { totals.repaired += 1 }
        each(difference)
    }

    // MARK: Orphans

    private func findOrphans(in folder: String, found: (Difference) -> Void, unsought: () -> Void) async throws {
        for batch in await library.items(in: folder).batches(of: pageSize) {
            try Task.checkCancellation()
            // What a run has just given its name is recorded a moment later. Asked before the database is.
            let isReceiving = try await library.isReceiving()
            let named = try await store.named(batch.map(\.libraryPath))
            for item in batch where !named.contains(item.libraryPath) {
                if item.isFolder {
                    try await findOrphans(in: item.libraryPath, found: found, unsought: unsought)
                } else if isReceiving {
                    unsought()
                } else if let difference = try await orphan(item.libraryPath) {
                    found(difference)
                }
            }
        }
    }

    // MARK: Versions

    private func examine(_ recorded: Store.RecordedVersion) async throws -> [Difference] {
        let version = recorded.version
        guard version.shape == .folder else {
            guard let entry = version.entries.first else { return [] }
            return try await examine(entry, at: version.libraryPath, of: recorded, ifMissing: .missing)
        }
        var differences: [Difference] = []
        let isThere = await library.holdsFolder(version.libraryPath)
        for entry in version.entries {
            differences += try await examine(
                entry, at: "\(version.libraryPath)/\(entry.path.text)", of: recorded,
                ifMissing: isThere ? .missingEntry : .missing)
        }
        let unknown = try await unknownFiles(in: version.libraryPath, besides: Set(version.entries.map(\.path.text)))
        if ContentHash.ofFolder(version.entries.map { ($0.path.text, $0.sha256) }) != version.digest {
            differences.append(difference(.contentHash, version.libraryPath, recorded))
        }
        return differences + unknown
    }

    private func examine(
        _ entry: StoredVersion.Entry, at libraryPath: String, of recorded: Store.RecordedVersion,
        ifMissing: Difference.Kind
    ) async throws -> [Difference] {
        let found = await library.examine(libraryPath)
        switch found {
        case .file(entry.sha256, let isZip):
            guard recorded.version.shape == .file else { return [] }
            let zip = isZip ? await library.zipHash(libraryPath) : nil
            return (zip ?? entry.sha256) == recorded.version.digest
                ? [] : [difference(.contentHash, libraryPath, recorded)]
        case .unreadable(let error):
            return [difference(.unreadable, libraryPath, recorded, .unrepairable(error.description))]
        case .nothing, .file, .other:
            let kind = found == .nothing ? ifMissing : .changed
            let outcome =
                repairs
                ? try await repair(entry, at: libraryPath, of: recorded, found) : await leave(entry, of: recorded)
            return [difference(kind, libraryPath, recorded, outcome)]
        }
    }

    /// Files in a version's folder that are none of its entries.
    private func unknownFiles(in folder: String, besides entries: Set<String>) async throws -> [Difference] {
        var differences: [Difference] = []
        var folders = [folder]
        while let next = folders.popLast() {
            for item in await library.items(in: next) {
                if item.isFolder {
                    folders.append(item.libraryPath)
                } else if !entries.contains(String(item.libraryPath.dropFirst(folder.count + 1))),
                    let difference = try await orphan(item.libraryPath)
                {
                    differences.append(difference)
                }
            }
        }
        return differences
    }

    private func difference(
        _ kind: Difference.Kind, _ libraryPath: String, _ recorded: Store.RecordedVersion,
        _ outcome: Difference.Outcome = .remains
    ) -> Difference {
        Difference(kind: kind, libraryPath: libraryPath, version: recorded.reference, outcome: outcome)
    }
}
