import GRDB
import Planner

/// A kind of row that snapshots hold: the name of its table, and which of its rows are alive.
struct SnapshotEntity: Sendable {
    let table: String
    /// The columns of the primary key, in order.
    let key: [String]
    /// SQL that holds for the rows that are alive.
    let condition: String

    private init(_ table: String, key: [String] = ["id"], where condition: String = "true") {
        self.table = table
        self.key = key
        self.condition = condition
    }

    /// In an order in which no row refers to a later entity's, but for a save's current version.
    ///
    /// A baseline of a save that is gone from its device is alive: without it, the save would be pushed there again.
    static let all = [
        SnapshotEntity("devices"),
        SnapshotEntity("device_host_keys", key: ["device_id", "fingerprint"]),
        SnapshotEntity("save_directories"),
        SnapshotEntity("saves", where: "deleted_at IS NULL"),
        SnapshotEntity("save_versions", where: isAlive("save_versions.save_id")),
        SnapshotEntity(
            "version_entries", key: ["version_id", "path"],
            where: isAlive("(SELECT save_id FROM save_versions WHERE id = version_entries.version_id)")),
        SnapshotEntity("device_save_sync", where: isAlive("device_save_sync.save_id")),
        SnapshotEntity(
            "device_save_entries", key: ["sync_id", "path"],
            where: isAlive("(SELECT save_id FROM device_save_sync WHERE id = device_save_entries.sync_id)")),
        SnapshotEntity("conflicts", where: "resolved_at IS NULL AND " + isAlive("conflicts.save_id")),
    ]

    private static func isAlive(_ save: String) -> String {
        "EXISTS (SELECT 1 FROM saves s WHERE s.id = \(save) AND s.deleted_at IS NULL)"
    }

    func count(_ db: Database) throws -> Int {
        try Int.fetchOne(db, sql: "SELECT count(*) FROM \(table) WHERE \(condition)") ?? 0
    }

    /// At most `limit` rows after the one with this key, as JSON objects of their columns (https://www.sqlite.org/json1.html),
    /// with hashes in hexadecimal; and the key of the last one, nil at the end.
    func page(
        after key: [DatabaseValue]?, limit: Int, _ db: Database
    ) throws -> (rows: [String], last: [DatabaseValue]?) {
        let members = try db.columns(in: table).map { column in
            let value =
                column.type == "BLOB" ? "iif(\(column.name) IS NULL, NULL, lower(hex(\(column.name))))" : column.name
            return "'\(column.name)', \(value)"
        }
        let columns = self.key.joined(separator: ", ")
        let after = key == nil ? "" : "AND (\(columns)) > (\(self.key.map { _ in "?" }.joined(separator: ", ")))"
        let rows = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT json_object(\(members.joined(separator: ", "))), \(columns) FROM \(table)
                    WHERE \(condition) \(after) ORDER BY \(columns) LIMIT \(limit)
                    """), arguments: StatementArguments(key ?? []))
        let last =
            rows.count < limit ? nil : rows.last.map { row in self.key.indices.map { row[$0 + 1] as DatabaseValue } }
        return (rows.map { $0[0] }, last)
    }

    /// Adds rows that are given as one JSON array of them. A member that is missing is NULL. Throws
    /// ``StoreError/Code/corrupt`` for one that is no column: its content would be lost.
    func insert(_ rows: String, _ db: Database) throws {
        let columns = try db.columns(in: table)
        let unknown = try String.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT member.key FROM json_each(?) row, json_each(row.value) member
                    WHERE member.key NOT IN (\(columns.map { "'\($0.name)'" }.joined(separator: ", "))) LIMIT 1
                    """), arguments: [rows])
        if let unknown { throw StoreError(.corrupt, "\(table) has an unknown member \(unknown)") }
        let values = columns.map { column in
            let value = "json_extract(value, '$.\(column.name)')"
            return column.type == "BLOB" ? "\(SnapshotEntity.hash.name)(\(value))" : value
        }
        try db.cachedStatement(
            sql: """
                INSERT INTO \(table) (\(columns.map(\.name).joined(separator: ", ")))
                SELECT \(values.joined(separator: ", ")) FROM json_each(?)
                """
        ).execute(arguments: [rows])
    }

    /// SQL's function from a hash in hexadecimal to its bytes.
    static let hash = DatabaseFunction("saveferry_hash", argumentCount: 1, pure: true) { values in
        guard let text = String.fromDatabaseValue(values[0]) else { return nil }
        guard let digest = Digest(hex: text) else { throw StoreError(.corrupt, "a hash is none") }
        return digest.data
    }
}
