import Foundation
import GRDB
import Planner

extension Store {
    /// Whether there is neither a device nor a save.
    public func isEmpty() async throws(StoreError) -> Bool {
        try await read { db in
            try Bool.fetchOne(
                db, sql: "SELECT NOT EXISTS (SELECT 1 FROM devices) AND NOT EXISTS (SELECT 1 FROM saves)") ?? true
        }
    }

    /// Runs, newest first, beginning before the number `before`, at most `limit` of them.
    public func sessions(
        device: Int64? = nil, before: Int64 = .max, limit: Int = 50
    ) async throws(StoreError) -> [SessionSummary] {
        try await read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT * FROM sync_sessions WHERE id < ? \(device == nil ? "" : "AND device_id = ?")
                    ORDER BY id DESC LIMIT ?
                    """, arguments: device.map { [before, $0, limit] } ?? [before, limit])
            let halts = try loadHalts(of: rows.map { $0["id"] }, db)
            return rows.map { SessionSummary($0, halts) }
        }
    }

    /// When the newest run of a device began that got to its end, also where single saves failed or safety limits closed. 1970 when
    /// none of its runs did; nil when it had none.
    public func lastSessionStart(device: Int64) async throws(StoreError) -> Date? {
        try await read { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT coalesce(
                        (SELECT started_at FROM sync_sessions
                            WHERE device_id = d.id AND error IS NULL AND status <> 'IN_PROGRESS'
                            ORDER BY id DESC LIMIT 1),
                        (SELECT 0 FROM sync_sessions WHERE device_id = d.id LIMIT 1)) AS started_at
                    FROM devices d WHERE d.id = ?
                    """, arguments: [device])?.optionalDate("started_at")
        }
    }

    /// One run with its recorded operations in the plan's order. Throws ``StoreError/Code/notFound``.
    public func session(_ id: Int64) async throws(StoreError) -> (
        session: SessionSummary, operations: [OperationSummary]
    ) {
        try await read { db in
            guard let row = try Row.fetchOne(db, sql: "SELECT * FROM sync_sessions WHERE id = ?", arguments: [id])
            else {
                throw StoreError(.notFound, "there is no session \(id)", advice: "See them with `saveferry sessions`.")
            }
            let operations = try Row.fetchAll(
                db, sql: "SELECT * FROM sync_operations WHERE session_id = ? ORDER BY id", arguments: [id])
            return (SessionSummary(row, try loadHalts(of: [id], db)), operations.map(OperationSummary.init))
        }
    }

    /// How each device fares, by name. As many statements however many devices there are.
    public func status() async throws(StoreError) -> [DeviceStatus] {
        try await read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT s.*, d.id AS device,
                        (SELECT count(*) FROM device_save_sync
                            WHERE device_id = d.id AND is_untracked = 0 AND is_gone = 0
                                AND (content_hash IS NOT NULL OR device_time IS NOT NULL)) AS tracked,
                        (SELECT count(*) FROM conflicts WHERE device_id = d.id AND resolved_at IS NULL) AS open,
                        coalesce((SELECT failures FROM sync_sessions
                            WHERE device_id = d.id AND status <> 'IN_PROGRESS' ORDER BY id DESC LIMIT 1), 0) AS errors,
                        p.ended_at AS succeeded, w.id AS whole, coalesce(w.held, 0) AS held_now
                    FROM devices d
                        LEFT JOIN sync_sessions s ON s.id = (SELECT max(id) FROM sync_sessions WHERE device_id = d.id)
                        LEFT JOIN sync_sessions p ON p.id = (SELECT id FROM sync_sessions
                            WHERE device_id = d.id AND status = 'COMPLETED' ORDER BY id DESC LIMIT 1)
                        LEFT JOIN sync_sessions w ON w.id = (SELECT id FROM sync_sessions
                            WHERE device_id = d.id AND error IS NULL AND status <> 'IN_PROGRESS' ORDER BY id DESC LIMIT 1)
                    """)
            let halts = try loadHalts(of: rows.flatMap { [$0["id"] as Int64?, $0["whole"]].compactMap(\.self) }, db)
            let status = Dictionary(rows.map { ($0["device"] as Int64, $0) }, uniquingKeysWith: { $1 })
            return try loadDevices(db).compactMap { device in
                status[device.id].map { row in
                    DeviceStatus(
                        device: device, lastSession: (row["id"] as Int64?).map { _ in SessionSummary(row, halts) },
                        lastSuccess: row.optionalDate("succeeded"), trackedSaves: row["tracked"],
                        openConflicts: row["open"], errorsInARow: row["errors"],
                        halts: (row["whole"] as Int64?).flatMap { halts[$0] } ?? [], heldSaves: row["held_now"])
                }
            }
        }
    }
}

/// The safety limits that closed in these runs, by the run's number.
private func loadHalts(of sessions: [Int64], _ db: Database) throws -> [Int64: [SessionHalt]] {
    let rows = try Row.fetchAll(
        db,
        sql: """
            SELECT * FROM session_halts WHERE session_id IN (SELECT value FROM json_each(?)) ORDER BY session_id, position
            """, arguments: [json(sessions)])
    return Dictionary(grouping: rows) { $0["session_id"] as Int64 }.mapValues { rows in
        rows.map { SessionHalt(code: $0["code"], directory: $0["directory"], message: $0["message"]) }
    }
}

extension SessionSummary {
    /// From a row of `sync_sessions`; `halts` are those of several runs, by the run's number.
    init(_ row: Row, _ halts: [Int64: [SessionHalt]]) {
        self.init(
            id: row["id"], deviceName: row["device_name"],
            trigger: SessionTrigger(rawValue: row["session_trigger"]) ?? .onDemand,
            status: SessionStatus(rawValue: row["status"]) ?? .failed, error: row["error"],
            started: row.date("started_at"), ended: row.optionalDate("ended_at"),
            totals: SessionTotals(
                pulled: row["pulled"], pushed: row["pushed"], removed: row["removed"], conflicts: row["conflicts"],
                unchanged: row["unchanged"], failed: row["failed"], bytes: UInt64(bitPattern: row["bytes"] as Int64),
                held: row["held"], skipped: row["skipped"]),
            halts: halts[row["id"]] ?? [])
    }
}

extension OperationSummary {
    init(_ row: Row) {
        let identity = (row["game"] as String?).map { game in
            SaveIdentity(
                owner: "", platform: row["platform"] as String? ?? "", game: game,
                kind: SaveKind(rawValue: row["kind"] as String? ?? "") ?? .save, slot: row["slot"] as String? ?? "")
        }
        self.init(
            id: row["id"],
            record: OperationRecord(
                action: Action(rawValue: row["action"]) ?? .skip, identity: identity, save: row["save_id"],
                remotePath: row["remote_path"], size: UInt64(bitPattern: row["size"] as Int64), reason: row["reason"]),
            status: OperationStatus(rawValue: row["status"]) ?? .failed, error: row["error"])
    }
}
