import Foundation
import GRDB
import Planner

extension Store {
    /// The versions that `rule` lets go among the `limit` versions after the number `after`, in order of their numbers,
    /// and the number to go on after; nil at the end.
    ///
    /// Never among them: a save's current version, also of a deleted save; every version with a content that a device
    /// last agreed on; the two sides of an open conflict; and a save's versions while the file of its current one is
    /// missing, because then they are what there is to go back to.
    public func expiredVersions(
        by rule: RetentionRule, after: Int64 = 0, limit: Int = 500
    ) async throws(StoreError) -> (versions: [ExpiredVersion], next: Int64?) {
        let time = time
        let (found, next) = try await read { db in
            let page = try Int64.fetchAll(
                db, sql: "SELECT id FROM save_versions WHERE id > ? ORDER BY id LIMIT ?", arguments: [after, limit])
            let expired = try fetchExpired(page, by: rule, at: time, db)
            return (expired, page.count < limit ? nil : page.last)
        }
        let present = await library.present(found.map(\.witness))
        return (found.filter { present.contains($0.witness) }, next)
    }

    /// Takes those of `versions` out of the records that `rule` still lets go, together with resolved conflicts about
    /// them, and remembers their files as to be removed. Returns what it took. One transaction.
    func forget(_ versions: [ExpiredVersion], by rule: RetentionRule) async throws(StoreError) -> [ExpiredVersion] {
        let time = time
        return try await write { db in
            let expired = try fetchExpired(versions.map(\.id), by: rule, at: time, db)
            for version in expired {
                try db.execute(
                    sql: "DELETE FROM conflicts WHERE ? IN (device_version_id, server_version_id)",
                    arguments: [version.id])
                try db.execute(sql: "DELETE FROM save_versions WHERE id = ?", arguments: [version.id])
                try db.execute(
                    sql: "INSERT OR IGNORE INTO library_removals (library_path) VALUES (?)",
                    arguments: [version.libraryPath])
            }
            return expired
        }
    }

    /// Sets the files of forgotten versions aside, at most `limit` of them after the number `after`. Returns the number
    /// to go on after, nil at the end, and why files stay where they are. One transaction, so that no version is
    /// recorded under such a name meanwhile.
    func setForgottenAside(
        after: Int64, limit: Int, before commit: @escaping @Sendable () throws -> Void
    ) async throws(StoreError) -> (next: Int64?, failures: [StoreError]) {
        try await library.makeRemovedFolder()
        return try await write { [library] db in
            let rows = try Row.fetchAll(
                db, sql: "SELECT id, library_path FROM library_removals WHERE id > ? ORDER BY id LIMIT ?",
                arguments: [after, limit])
            var failures: [StoreError] = []
            for row in rows {
                let path: String = row["library_path"]
                let isNamed = try Bool.fetchOne(
                    db, sql: "SELECT 1 FROM save_versions WHERE library_path = ?", arguments: [path])
                do {
                    if isNamed == nil { try library.setAside(path) }
                    try db.execute(sql: "DELETE FROM library_removals WHERE id = ?", arguments: [row["id"] as Int64])
                } catch let error as StoreError {
                    failures.append(error)
                }
            }
            try commit()
            return (rows.count < limit ? nil : rows.last?["id"], failures)
        }
    }
}

private func fetchExpired(
    _ ids: [Int64], by rule: RetentionRule, at time: Int64, _ db: Database
) throws -> [ExpiredVersion] {
    // Numbers grow with time within a save, so that a newer version is one with a greater number.
    try Row.fetchAll(
        db,
        sql: """
            SELECT v.id, v.save_id, v.number, v.size, v.created_at, v.library_path, s.owner, s.platform, s.game, s.kind,
                s.slot, coalesce(c.library_path, v.library_path) AS witness
            FROM save_versions v JOIN saves s ON s.id = v.save_id
                LEFT JOIN save_versions c ON c.id = s.current_version_id
            WHERE v.id IN (SELECT value FROM json_each(?))
                AND max(v.created_at, coalesce(v.last_used_at, v.created_at)) <= ?
                AND v.id IS NOT s.current_version_id
                AND EXISTS (
                    SELECT 1 FROM save_versions n
                    WHERE n.save_id = v.save_id AND n.number > v.number AND (n.slot IS NULL) = (v.slot IS NULL)
                    ORDER BY n.number LIMIT 1 OFFSET ?)
                AND NOT EXISTS (
                    SELECT 1 FROM device_save_sync b
                    WHERE b.save_id = v.save_id AND b.content_hash = v.content_hash)
                AND NOT EXISTS (
                    SELECT 1 FROM conflicts o
                    WHERE o.resolved_at IS NULL AND o.save_id = v.save_id
                        AND v.id IN (o.device_version_id, o.server_version_id))
            ORDER BY v.id
            """,
        arguments: [
            "[\(ids.map(String.init).joined(separator: ","))]", time - Int64(rule.days) * 86_400, rule.versions - 1,
        ]
    ).map { row in
        ExpiredVersion(
            id: row["id"], save: row["save_id"], identity: SaveIdentity(row), number: row["number"],
            size: UInt64(bitPattern: row["size"] as Int64), created: row.date("created_at"),
            libraryPath: row["library_path"], witness: row["witness"])
    }
}
