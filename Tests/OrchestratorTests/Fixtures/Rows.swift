import TestSupport

/// Rows of the database as text, to see that they are the same rows.
enum Rows {
    static func synced(_ hub: Hub) async throws -> [String] {
        let query = """
            SELECT * FROM device_save_sync s LEFT JOIN device_save_entries e ON e.sync_id = s.id ORDER BY s.id, e.path
            """
        let result = try await Command.run("sqlite3", ["-readonly", hub.folder("state/saveferry.db"), query])
        return result.output.split(separator: "\n").map(String.init)
    }
}
