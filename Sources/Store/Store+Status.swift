import GRDB
import Planner

extension Store {
    /// Runs, newest first, beginning before the number `before`, at most `limit` of them.
    public func sessions(
        device: Int64? = nil, before: Int64 = .max, limit: Int = 50
    ) async throws(StoreError) -> [SessionSummary] {
        try await read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT * FROM sync_sessions WHERE id < ? AND (? IS NULL OR device_id = ?) ORDER BY id DESC LIMIT ?
                    """, arguments: [before, device, device, limit]
            ).map(SessionSummary.init)
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
            return (SessionSummary(row), operations.map(OperationSummary.init))
        }
    }

    /// How each device fares, by name.
    public func status() async throws(StoreError) -> [DeviceStatus] {
        let devices = try await devices()
        return try await read { db in
            try devices.map { device in
                let sessions = try Row.fetchAll(
                    db, sql: "SELECT * FROM sync_sessions WHERE device_id = ? ORDER BY id DESC LIMIT 100",
                    arguments: [device.id]
                ).map(SessionSummary.init)
                func count(_ sql: String) throws -> Int { try Int.fetchOne(db, sql: sql, arguments: [device.id]) ?? 0 }
                return DeviceStatus(
                    device: device, lastSession: sessions.first,
                    trackedSaves: try count(
                        "SELECT count(*) FROM device_save_sync WHERE device_id = ? AND is_untracked = 0 AND is_gone = 0"
                    ),
                    openConflicts: try count(
                        "SELECT count(*) FROM conflicts WHERE device_id = ? AND resolved_at IS NULL"),
                    errorsInARow: sessions.prefix { $0.status == .failed }.count)
            }
        }
    }
}

extension SessionSummary {
    init(_ row: Row) {
        self.init(
            id: row["id"], deviceName: row["device_name"],
            trigger: SessionTrigger(rawValue: row["session_trigger"]) ?? .onDemand,
            status: SessionStatus(rawValue: row["status"]) ?? .failed, error: row["error"],
            started: row.date("started_at"), ended: row.optionalDate("ended_at"),
            totals: SessionTotals(
                pulled: row["pulled"], pushed: row["pushed"], removed: row["removed"], conflicts: row["conflicts"],
                unchanged: row["unchanged"], failed: row["failed"], bytes: UInt64(bitPattern: row["bytes"] as Int64)))
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
