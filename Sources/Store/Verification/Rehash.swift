import Planner

/// Computes content hashes anew: after a change of how they are computed, or on demand for all. A page at a time, the
/// newest versions first. Ended anywhere, the next one goes on; done twice, the second changes nothing.
public struct Rehash: Sendable {
    /// Which versions.
    public enum Scope: Sendable {
        case all
        /// Those whose hash was computed in an older way.
        case old
    }

    /// What it came to.
    public struct Totals: Hashable, Sendable {
        /// Versions that were computed.
        public var versions = 0
        /// Those of them whose hash is another one now.
        public var changed = 0
        /// Versions whose files are missing or changed; they keep their hash.
        public var failed = 0
    }

    private let store: Store
    private let scope: Scope
    private let pageSize: Int

    /// A rehash of `scope`.
    public init(store: Store, scope: Scope) {
        self.init(store: store, scope: scope, pageSize: 100)
    }

    init(store: Store, scope: Scope, pageSize: Int) {
        self.store = store
        self.scope = scope
        self.pageSize = pageSize
    }

    /// Computes them. `failed` gets the versions whose files are not what was stored; `progress`, after every page, how
    /// many versions are done.
    ///
    /// Cancelling the task ends it between two pages, with an error.
    public func run(
        failed: (VersionReference) -> Void = { _ in }, progress: (Totals) -> Void = { _ in }
    ) async throws -> Totals {
        var totals = Totals()
        var position = Int64.max
        while true {
            try Task.checkCancellation()
            let page = try await store.versionsToRehash(scope, before: position, limit: pageSize)
            guard let last = page.last else { return totals }
            var hashes: [ComputedHash] = []
            for recorded in page {
                if let digest = await computed(recorded.version) {
                    hashes.append(
                        ComputedHash(
                            version: recorded.reference.id, save: recorded.reference.save,
                            recorded: recorded.version.digest, computed: digest))
                } else {
                    totals.failed += 1
                    failed(recorded.reference)
                }
            }
            try await store.record(hashes)
            totals.versions += page.count
            totals.changed += hashes.count { $0.recorded != $0.computed }
            position = last.reference.id
            progress(totals)
        }
    }

    /// Nil when its file is not what was stored.
    private func computed(_ version: StoredVersion) async -> Digest? {
        guard version.shape == .file else {
            return ContentHash.ofFolder(version.entries.map { ($0.path.text, $0.sha256) })
        }
        guard let entry = version.entries.first,
            case .file(entry.sha256, let isZip) = await store.library.examine(version.libraryPath)
        else { return nil }
        return isZip ? await store.library.zipHash(version.libraryPath) ?? entry.sha256 : entry.sha256
    }
}

/// A version's content hash as it is on record, and as it was computed anew.
struct ComputedHash: Sendable {
    let version: Int64
    let save: Int64
    let recorded: Digest
    let computed: Digest
}
