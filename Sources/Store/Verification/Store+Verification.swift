import Foundation
import GRDB
import Planner

extension Store {
    /// A recorded version with what it is called.
    struct RecordedVersion: Sendable {
        let reference: VersionReference
        let version: StoredVersion
    }

    /// Recorded versions in order of their numbers, beginning after the number `after`, at most `limit` of them.
    func recordedVersions(after: Int64, limit: Int) async throws(StoreError) -> [RecordedVersion] {
        try await read { db in try fetchRecorded(where: "v.id > ? ORDER BY v.id LIMIT ?", [after, limit], db) }
    }

    /// How many versions there are.
    public func versionCount() async throws(StoreError) -> Int {
        try await read { db in try Int.fetchOne(db, sql: "SELECT count(*) FROM save_versions") ?? 0 }
    }

    /// Those of the paths that are a version's, or that retention is about to remove.
    func named(_ libraryPaths: [String]) async throws(StoreError) -> Set<String> {
        try await read { db in
            var named: Set<String> = []
            for path in libraryPaths where try isNamed(path, db) { named.insert(path) }
            return named
        }
    }

    /// Moves a file that no version refers to, and that none refers to by the time it is moved, to the absolute path
    /// `target`. Returns whether it was moved. One transaction, so that no version is recorded under its name meanwhile.
    func moveOrphan(_ libraryPath: String, to target: String) async throws(StoreError) -> Bool {
        try await write { [library] db in
            guard try !isNamed(libraryPath, db) else { return false }
            return try library.move(libraryPath, to: target)
        }
    }

    /// Files of other versions that have these bytes on record, beginning after the version number `after`, at most
    /// `limit` of them.
    func twins(
        of sha256: Digest, notIn version: Int64, after: Int64, limit: Int
    ) async throws(StoreError) -> [(version: Int64, libraryPath: String)] {
        try await read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT v.id, iif(v.shape = 'folder', v.library_path || '/' || e.path, v.library_path) AS path
                    FROM version_entries e JOIN save_versions v ON v.id = e.version_id
                    WHERE e.sha256 = ? AND v.id <> ? AND v.id > ? ORDER BY v.id LIMIT ?
                    """, arguments: [sha256.data, version, after, limit]
            ).map { (version: $0["id"], libraryPath: $0["path"]) }
        }
    }
}

func fetchRecorded(
    where condition: String, _ arguments: StatementArguments, _ db: Database
) throws -> [Store.RecordedVersion] {
    let rows = try Row.fetchAll(
        db,
        sql: """
            SELECT v.id, v.save_id, v.number, s.owner, s.platform, s.game, s.kind, s.slot
            FROM save_versions v JOIN saves s ON s.id = v.save_id WHERE \(condition)
            """, arguments: arguments)
    let versions = try loadVersions(rows.map { $0["id"] }, db)
    return rows.compactMap { row in
        versions[row["id"]].map { version in
            Store.RecordedVersion(
                reference: VersionReference(
                    id: row["id"], save: row["save_id"], identity: SaveIdentity(row), number: row["number"]),
                version: version)
        }
    }
}

private func isNamed(_ libraryPath: String, _ db: Database) throws -> Bool {
    try Bool.fetchOne(
        db.cachedStatement(
            sql: """
                SELECT 1 FROM save_versions WHERE library_path = ?1
                UNION ALL SELECT 1 FROM library_removals WHERE library_path = ?1
                """), arguments: [libraryPath]) != nil
}
