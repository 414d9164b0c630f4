import Logging

/// Removes what a retention rule lets go, a page at a time.
///
/// First the row goes, in a transaction that remembers the file as to be removed; then the file is set aside, in one
/// that forgets it; then it is removed. Ended anywhere, a row never names a missing file, and the next sweep goes on
/// with what was left.
public struct RetentionSweep: Sendable {
    /// Where a test may end it.
    enum Step: Equatable, Sendable { case chosen, forgotten, settingAside, setAside, removed }

    /// What a sweep came to.
    public struct Totals: Sendable {
        /// Versions that were removed.
        public var removed = 0
        /// Their bytes.
        public var bytes: UInt64 = 0
        /// Why files of removed versions are still there; the next sweep tries again.
        public var failures: [StoreError] = []
    }

    private let store: Store
    private let rule: RetentionRule
    private let logger: Logger
    private let pageSize: Int
    private let reached: @Sendable (Step) throws -> Void

    /// A sweep by `rule`.
    public init(store: Store, rule: RetentionRule, logger: Logger) {
        self.init(store: store, rule: rule, logger: logger, pageSize: 500) { _ in }
    }

    init(
        store: Store, rule: RetentionRule, logger: Logger, pageSize: Int,
        reached: @escaping @Sendable (Step) throws -> Void
    ) {
        self.store = store
        self.rule = rule
        self.logger = logger
        self.pageSize = pageSize
        self.reached = reached
    }

    /// Removes what the rule lets go, from a library that is in its place (``Store/requireLibrary()``); `each` gets the versions
    /// that were removed, a hundred or fewer at a time.
    ///
    /// Cancelling the task ends it between two steps, with an error; `each` got all that were removed until then.
    public func run(each: ([ExpiredVersion]) -> Void = { _ in }) async throws -> Totals {
        try await store.requireLibrary()
        var totals = Totals()
        // What a sweep that was ended left.
        try await removeForgotten(&totals)
        var position: Int64? = 0
        while let after = position {
            let page = try await store.expiredVersions(by: rule, after: after, limit: pageSize)
            if !page.versions.isEmpty, totals.removed == 0 {
                logger.notice(
                    "removing old versions",
                    metadata: ["keep_versions": "\(rule.versions)", "keep_days": "\(rule.days)"])
            }
            try reached(.chosen)
            for batch in page.versions.batches(of: 100) {
                try Task.checkCancellation()
                let removed = try await store.forget(Array(batch), by: rule)
                each(removed)
                try reached(.forgotten)
                try await removeForgotten(&totals)
                let hundreds = totals.removed / 100
                totals.removed += removed.count
                totals.bytes += removed.reduce(0) { $0 + $1.size }
                if totals.removed / 100 > hundreds {
                    logger.notice("removed", metadata: ["versions": "\(totals.removed)", "bytes": "\(totals.bytes)"])
                }
            }
            position = page.next
        }
        return totals
    }

    /// What ``run(each:)`` would remove, a page at a time. Changes nothing.
    public func preview(each: ([ExpiredVersion]) -> Void) async throws -> Totals {
        var totals = Totals()
        var position: Int64? = 0
        while let after = position, !Task.isCancelled {
            let page = try await store.expiredVersions(by: rule, after: after, limit: pageSize)
            totals.removed += page.versions.count
            totals.bytes += page.versions.reduce(0) { $0 + $1.size }
            each(page.versions)
            position = page.next
        }
        try Task.checkCancellation()
        return totals
    }

    private func removeForgotten(_ totals: inout Totals) async throws {
        var failures: [StoreError] = []
        var position: Int64? = 0
        while let after = position {
            let (next, failed) = try await store.setForgottenAside(after: after, limit: pageSize) { [reached] in
                try reached(.settingAside)
            }
            failures += failed
            position = next
        }
        try reached(.setAside)
        await store.library.emptyRemoved()
        totals.failures = failures
        try reached(.removed)
    }
}
