import GRDB

/// Forgets old runs together with their operations, a few at a time, so that no sync is held up.
///
/// Runs that moved, failed, opened or halted something stay for 90 days, those in which nothing happened for 7. The newest 200 of
/// each device stay however old they are, its last one that was completed, and what is under way.
public struct SessionSweep: Sendable {
    private let store: Store
    private let pageSize: Int

    static let eventfulDays: Int64 = 90
    static let idleDays: Int64 = 7
    static let newest = 200
    /// So many rows, or those of one run, go in one transaction.
    static let rowsAtOnce = 1_000

    /// A sweep of this store.
    public init(of store: Store) { self.init(of: store, pageSize: 500) }

    init(of store: Store, pageSize: Int) {
        self.store = store
        self.pageSize = pageSize
    }

    /// Forgets them, and returns how many. Cancelling the task ends it between two transactions, with an error; the next one
    /// goes on.
    public func run() async throws -> Int {
        var count = 0
        var position: Int64? = 0
        while let after = position {
            try Task.checkCancellation()
            let page = try await store.expiredSessions(after: after, limit: pageSize)
            var expired = page.sessions[...]
            while !expired.isEmpty {
                try Task.checkCancellation()
                let forgotten = try await store.forgetSessions(expired, rows: SessionSweep.rowsAtOnce)
                expired = expired.dropFirst(forgotten)
                count += forgotten
            }
            position = page.next
        }
        return count
    }
}

extension Store {
    /// The runs that are to be forgotten among the `limit` after the number `after`, in order of their numbers, and the
    /// number to go on after; nil at the end.
    func expiredSessions(after: Int64, limit: Int) async throws(StoreError) -> (sessions: [Int64], next: Int64?) {
        let time = time
        return try await read { db in
            // What nothing refers to any more are runs of devices that were removed: together they count as one.
            let page = try Row.fetchAll(
                db,
                sql: """
                    SELECT s.id, s.status <> 'IN_PROGRESS' AND s.started_at <= CASE
                            WHEN s.status IN ('FAILED', 'HALTED') OR s.pulled + s.pushed + s.removed + s.conflicts + s.failed > 0
                            THEN :eventful ELSE :idle END
                        AND s.id <= (SELECT n.id FROM sync_sessions n WHERE n.device_id IS s.device_id
                            ORDER BY n.id DESC LIMIT 1 OFFSET :newest)
                        AND s.id IS NOT (SELECT max(c.id) FROM sync_sessions c WHERE c.device_id IS s.device_id
                            AND c.status = 'COMPLETED') AS expired
                    FROM sync_sessions s WHERE s.id > :after ORDER BY s.id LIMIT :limit
                    """,
                arguments: [
                    "eventful": time - SessionSweep.eventfulDays * 86_400,
                    "idle": time - SessionSweep.idleDays * 86_400, "newest": SessionSweep.newest, "after": after,
                    "limit": limit,
                ])
            let expired = page.filter { ($0["expired"] as Bool?) == true }.map { $0["id"] as Int64 }
            return (expired, page.count < limit ? nil : page.last?["id"])
        }
    }

    /// Forgets the first of these runs, as many as go in one transaction of about so many rows, and at least one. Returns
    /// how many.
    func forgetSessions(_ sessions: ArraySlice<Int64>, rows: Int) async throws(StoreError) -> Int {
        try await write { db in
            let delete = try db.cachedStatement(sql: "DELETE FROM sync_sessions WHERE id = ?")
            let before = db.totalChangesCount
            var forgotten = 0
            for session in sessions where db.totalChangesCount - before < rows {
                try delete.execute(arguments: [session])
                forgotten += 1
            }
            return forgotten
        }
    }
}
