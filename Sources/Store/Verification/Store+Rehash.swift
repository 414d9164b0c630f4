import GRDB
import Planner

extension Store {
    /// Whether a version's content hash was computed in an older way than this program's.
    public func hasOldHashes() async throws(StoreError) -> Bool {
        try await read { db in
            try Bool.fetchOne(
                db, sql: "SELECT 1 FROM save_versions WHERE hash_algorithm < ? LIMIT 1",
                arguments: [ContentHash.algorithm]) != nil
        }
    }

    /// Recorded versions, newest first, beginning before the number `before`, at most `limit` of them.
    func versionsToRehash(
        _ scope: Rehash.Scope, before: Int64, limit: Int
    ) async throws(StoreError) -> [RecordedVersion] {
        let wanted = scope == .old ? ContentHash.algorithm : Int.max
        return try await read { db in
            try fetchRecorded(
                where: "v.id < ? AND v.hash_algorithm < ? ORDER BY v.id DESC LIMIT ?", [before, wanted, limit], db)
        }
    }

    /// Records content hashes that were computed anew. What devices agreed on under the old hash follows in the same
    /// transaction, so that no run finds a version and its agreement apart.
    ///
    /// Contents that were the same by the old hash and are not by the new one: the agreement follows the newest version,
    /// which is recorded first.
    func record(_ hashes: [ComputedHash]) async throws(StoreError) {
        try await write { db in
            for hash in hashes {
                try db.execute(
                    sql: """
                        UPDATE save_versions SET content_hash = ?, hash_algorithm = ? WHERE id = ? AND content_hash = ?
                        """,
                    arguments: [hash.computed.data, ContentHash.algorithm, hash.version, hash.recorded.data])
                guard db.changesCount > 0, hash.computed != hash.recorded else { continue }
                try db.execute(
                    sql: "UPDATE device_save_sync SET content_hash = ? WHERE save_id = ? AND content_hash = ?",
                    arguments: [hash.computed.data, hash.save, hash.recorded.data])
            }
        }
    }
}
