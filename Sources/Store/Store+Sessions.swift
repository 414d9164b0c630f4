import GRDB
import Planner

extension Store {
    /// Records that a run begins, with the operations it is to carry out. One transaction.
    public func beginSession(
        device: Device, trigger: SessionTrigger, operations: [OperationRecord]
    ) async throws(StoreError) -> SyncSession {
        let time = time
        return try await write { db in
            try db.execute(
                sql: """
                    INSERT INTO sync_sessions (device_id, device_name, session_trigger, status, started_at)
                    VALUES (?, ?, ?, 'IN_PROGRESS', ?)
                    """, arguments: [device.id, device.settings.name, trigger.rawValue, time])
            let session = db.lastInsertedRowID
            let insert = try db.cachedStatement(
                sql: """
                    INSERT INTO sync_operations (session_id, action, save_id, platform, game, kind, slot, remote_path,
                        size, reason, status)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'PENDING')
                    """)
            let ids = try operations.map { operation in
                let identity = operation.identity
                try insert.execute(arguments: [
                    session, operation.action.rawValue, operation.save, identity?.platform, identity?.game,
                    identity?.kind.rawValue, identity?.slot, operation.remotePath, Int64(bitPattern: operation.size),
                    operation.reason,
                ])
                return db.lastInsertedRowID
            }
            return SyncSession(id: session, operationIDs: ids)
        }
    }

    /// Records how operations ended. Those that were recorded with their work are left as they are. One transaction.
    public func endOperations(_ endings: [OperationEnding]) async throws(StoreError) {
        guard !endings.isEmpty else { return }
        try await write { db in
            let update = try db.cachedStatement(
                sql: "UPDATE sync_operations SET status = ?, error = ? WHERE id = ? AND status <> 'COMPLETED'")
            for ending in endings {
                try update.execute(arguments: [ending.status.rawValue, ending.error, ending.operation])
            }
        }
    }

    /// Records how a run ended, and the safety limits that closed in it. One transaction.
    public func finishSession(
        _ id: Int64, status: SessionStatus, error: String?, totals: SessionTotals, halts: [SessionHalt] = []
    ) async throws(StoreError) {
        let time = time
        try await write { db in
            try end(id, status, error, totals, at: time, db)
            for (position, halt) in halts.enumerated() {
                try db.execute(
                    sql: """
                        INSERT INTO session_halts (session_id, position, code, directory, message)
                        VALUES (?, ?, ?, ?, ?)
                        """, arguments: [id, position, halt.code, halt.directory, halt.message])
            }
        }
    }

    /// Ends what a process that died left open. To be called by the holder of the device's lease.
    public func closeAbandonedSessions(device: Int64) async throws(StoreError) {
        let open = try await read { db in
            try Int64.fetchAll(
                db, sql: "SELECT id FROM sync_sessions WHERE device_id = ? AND status = 'IN_PROGRESS' ORDER BY id",
                arguments: [device])
        }
        guard !open.isEmpty else { return }
        let time = time
        try await write { db in
            for session in open {
                try db.execute(
                    sql: """
                        UPDATE sync_operations SET status = 'CANCELLED'
                        WHERE status IN ('PENDING', 'IN_PROGRESS') AND session_id = ?
                        """, arguments: [session])
                try end(session, .failed, "interrupted: the process ended", SessionTotals(), at: time, db)
            }
        }
    }
}

extension Store {
    /// How many runs of its device had failed since the last one that was completed when this one ended, with it; nil where there is
    /// no such run. One that was halted counts only where single operations failed as well.
    public func failures(upTo session: Int64) async throws(StoreError) -> Int? {
        try await read { db in
            try Int.fetchOne(
                db,
                sql: """
                    SELECT (SELECT count(*) FROM sync_sessions f
                        WHERE f.device_id = s.device_id AND (f.status = 'FAILED' OR f.failed > 0) AND f.id <= s.id AND f.id > coalesce((
                            SELECT c.id FROM sync_sessions c
                            WHERE c.device_id = s.device_id AND c.status = 'COMPLETED' AND c.id <= s.id
                            ORDER BY c.id DESC LIMIT 1), 0))
                    FROM sync_sessions s WHERE s.id = ?
                    """, arguments: [session])
        }
    }
}

/// Ends a run, counting it with those of its device that failed or were halted before it.
private func end(
    _ session: Int64, _ status: SessionStatus, _ error: String?, _ totals: SessionTotals, at time: Int64, _ db: Database
) throws {
    try db.execute(
        sql: """
            UPDATE sync_sessions SET status = ?, error = ?, ended_at = ?, pulled = ?, pushed = ?, removed = ?,
                conflicts = ?, unchanged = ?, failed = ?, bytes = ?, held = ?, skipped = ?, failures = ? * (? + coalesce((
                    SELECT failures FROM sync_sessions p
                    WHERE p.device_id = sync_sessions.device_id AND p.id < sync_sessions.id
                        AND p.status <> 'IN_PROGRESS'
                    ORDER BY p.id DESC LIMIT 1), 0))
            WHERE id = ?
            """,
        arguments: [
            status.rawValue, error, time, totals.pulled, totals.pushed, totals.removed, totals.conflicts,
            totals.unchanged, totals.failed, Int64(bitPattern: totals.bytes), totals.held, totals.skipped,
            status != .completed, status == .failed || status == .halted, session,
        ])
}
