import Foundation
import GRDB
import Planner

extension Store {
    /// Records saves that both sides changed. A conflict that is open already, over the same two contents, stays as it
    /// is, whichever versions have them; when a side moved on, it is shown anew under another number, so that no decision is
    /// taken for contents that the user did not see. One transaction. Returns for each whether there was none of that save
    /// and device before.
    @discardableResult
    public func openConflicts(_ conflicts: [ConflictCommit]) async throws(StoreError) -> [Bool] {
        let time = time
        return try await write { [library] db in
            try conflicts.map { conflict in
                let seen = conflict.seen
                let version: Int64
                if let stored = conflict.version {
                    version = try insertVersion(
                        stored, in: library, of: conflict.save, archival: true,
                        source: try deviceName(conflict.device, db), modified: seen.content.modified, at: time, db)
                } else {
                    version = try findVersion(seen.content.digest, of: conflict.save, in: library, db)
                }
                let isNew = try show(conflict, version, at: time, db)
                // The content moved on, perhaps under an unchanged stamp: stamps prove nothing until both sides agree.
                try db.execute(
                    sql: """
                        DELETE FROM device_save_entries
                        WHERE sync_id = (SELECT id FROM device_save_sync WHERE device_id = ? AND save_id = ?)
                        """, arguments: [conflict.device, conflict.save])
                if conflict.endsAgreement {
                    try forgetAgreements(
                        where: "device_id = ? AND save_id = ?", [conflict.device, conflict.save], db)
                }
                try endOperation(conflict.operation, save: conflict.save, db)
                return isNew
            }
        }
    }

    /// How many conflicts of a device wait for the user.
    public func openConflictCount(device: Int64) async throws(StoreError) -> Int {
        try await read { db in
            try Int.fetchOne(
                db, sql: "SELECT count(*) FROM conflicts WHERE device_id = ? AND resolved_at IS NULL",
                arguments: [device])
                ?? 0
        }
    }

    /// Closes conflicts of a device in which nothing is left to decide: those of `saves`, of which a run saw that the sides don't
    /// stand against each other any more, and those of saves that the server has no content of. Both contents stay in the
    /// library. One transaction.
    public func closeConflicts(device: Int64, of saves: Set<Int64>) async throws(StoreError) {
        let time = time
        try await write { db in
            let open = try Row.fetchAll(
                db,
                sql: """
                    SELECT c.id, c.save_id, s.deleted_at IS NOT NULL OR s.current_version_id IS NULL AS is_gone
                    FROM conflicts c JOIN saves s ON s.id = c.save_id WHERE c.device_id = ? AND c.resolved_at IS NULL
                    """, arguments: [device])
            for conflict in open where conflict["is_gone"] as Bool || saves.contains(conflict["save_id"] as Int64) {
                try closeUndecided("id = ?", [conflict["id"] as Int64], at: time, db)
            }
        }
    }

    /// The conflicts that wait for the user, oldest first.
    public func conflicts() async throws(StoreError) -> [ConflictSummary] {
        try await read { db in try fetchConflicts(where: "c.resolved_at IS NULL", [], db) }
    }

    /// Decides a conflict. Throws ``StoreError/Code/changed`` when the server's side moved on: then it is shown anew under
    /// another number, or closed where the server has nothing any more. Nothing on the device is touched before its next
    /// run, and then only when it still has the content that the decision was made for.
    ///
    /// With ``ConflictResolution/server`` and ``ConflictResolution/both`` the agreement becomes the device's content, so
    /// that the server's counts as the newer one.
    public func resolveConflict(
        _ id: Int64, keep resolution: ConflictResolution
    ) async throws(StoreError) -> ConflictSummary {
        let found = try await read { db in
            try fetchConflicts(where: "c.id = ? AND c.resolved_at IS NULL", [id], db).first
        }
        guard let conflict = found else {
            throw StoreError(
                .notFound, "there is no open conflict \(id)", advice: "See the open ones with `saveferry conflicts`.")
        }
        try await confirmServerSide(of: conflict)
        // Devices get the content from a version with a slot; the archived copy stays in the archive.
        let identity: SaveIdentity
        switch resolution {
        case .server:
            try await record(resolution, of: conflict, promoting: nil)
            return conflict
        case .device: identity = conflict.identity
        case .both: identity = conflict.identity.inSlot("\(conflict.identity.slot)-\(conflict.deviceName)")
        }
        let archived = try await deviceVersion(of: conflict)
        try await withCopy(of: archived, as: identity) { copy throws(StoreError) in
            try await record(resolution, of: conflict, promoting: (copy, identity))
        }
        return conflict
    }

    private func record(
        _ resolution: ConflictResolution, of conflict: ConflictSummary,
        promoting promoted: (version: StoredVersion, identity: SaveIdentity)?
    ) async throws(StoreError) {
        let (id, time) = (conflict.id, time)
        try await write { [library] db in
            guard
                let row = try Row.fetchOne(
                    db, sql: "SELECT * FROM conflicts WHERE id = ? AND resolved_at IS NULL", arguments: [id])
            else { throw StoreError(.notFound, "the conflict \(id) was resolved in the meantime") }
            guard try currentVersion(of: conflict.save, db) == row["server_version_id"] as Int64? else {
                throw StoreError(.changed, "the server's side of conflict \(id) changed just now", advice: "Try again.")
            }
            if let promoted {
                let save = try findOrInsertSave(promoted.identity, db)
                let version = try insertVersion(
                    promoted.version, in: library, of: save.id, archival: false, source: conflict.deviceName,
                    modified: row["device_time"], at: time, db)
                try setCurrent(version, of: save, at: time, db)
            }
            let content = DeviceContent(digest: conflict.device.digest, isBlank: false, entries: [])
            if let path = RelativePath(row["path"] as String) {
                let seen = SeenOnDevice(
                    directory: row["directory_id"], path: path, shape: SaveShape(rawValue: row["shape"]) ?? .file,
                    content: content)
                try agree(seen, device: row["device_id"], save: SaveRow(id: conflict.save), at: time, db)
            }
            try db.execute(
                sql: "UPDATE conflicts SET resolved_at = ?, resolution = ? WHERE id = ?",
                arguments: [time, resolution.rawValue, id])
        }
    }

    /// Throws unless the server still has the content that the conflict shows, be it as another version. What it has now is shown
    /// under another number.
    private func confirmServerSide(of conflict: ConflictSummary) async throws(StoreError) {
        let time = time
        let moved: String? = try await write { db in
            let shown = try Int64.fetchOne(
                db, sql: "SELECT server_version_id FROM conflicts WHERE id = ?", arguments: [conflict.id])
            let current = try currentVersion(of: conflict.save, db)
            guard let shown, current != shown else { return nil }
            guard let current else {
                try closeUndecided("id = ?", [conflict.id], at: time, db)
                return "was deleted on the server, so that there is nothing to decide; the conflict is closed"
            }
            if try haveSameContent(shown, current, db) {
                try db.execute(
                    sql: "UPDATE conflicts SET server_version_id = ? WHERE id = ?", arguments: [current, conflict.id])
                return nil
            }
            return "has another content now; it is conflict \(try renumber(conflict.id, server: current, at: time, db))"
        }
        guard let moved else { return }
        throw StoreError(
            .changed, "nothing was decided: \(FileName.escaped(conflict.identity.game)) \(moved)",
            advice: "See `saveferry conflicts`.")
    }

    private func deviceVersion(of conflict: ConflictSummary) async throws(StoreError) -> StoredVersion {
        let stored = try await read { db in
            let id = try Int64.fetchOne(
                db, sql: "SELECT device_version_id FROM conflicts WHERE id = ?", arguments: [conflict.id])
            return try id.flatMap { try loadVersion($0, db) }
        }
        guard let stored else {
            throw StoreError(.corrupt, "the device's content of conflict \(conflict.id) is not recorded")
        }
        return stored
    }
}

/// Opens a conflict and returns true, or brings the open one up to date.
private func show(_ conflict: ConflictCommit, _ version: Int64, at time: Int64, _ db: Database) throws -> Bool {
    let open = try Row.fetchOne(
        db,
        sql: """
            SELECT id, device_version_id, server_version_id FROM conflicts
            WHERE device_id = ? AND save_id = ? AND resolved_at IS NULL
            """, arguments: [conflict.device, conflict.save])
    let seen = conflict.seen
    let values: StatementArguments = [
        version, conflict.serverVersion, seen.directory, seen.path.text, seen.shape.rawValue, seen.content.modified,
        time,
    ]
    guard let open else {
        try db.execute(
            sql: """
                INSERT INTO conflicts (id, device_version_id, server_version_id, directory_id, path, shape, device_time,
                    opened_at, device_id, save_id)
                VALUES ((SELECT coalesce(max(id), 0) + 1 FROM conflicts), ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """, arguments: values + [conflict.device, conflict.save])
        return true
    }
    let (device, server): (Int64, Int64) = (open["device_version_id"], open["server_version_id"])
    guard device != version || server != conflict.serverVersion else { return false }
    if try haveSameContent(device, version, db), try haveSameContent(server, conflict.serverVersion, db) {
        // The number stands for the contents. A file may be gone, so the versions are those that were found just now.
        try db.execute(
            sql: "UPDATE conflicts SET device_version_id = ?, server_version_id = ? WHERE id = ?",
            arguments: [version, conflict.serverVersion, open["id"] as Int64])
        return false
    }
    try db.execute(
        sql: """
            UPDATE conflicts SET id = (SELECT max(id) + 1 FROM conflicts), device_version_id = ?, server_version_id = ?,
                directory_id = ?, path = ?, shape = ?, device_time = ?, opened_at = ?
            WHERE id = ?
            """, arguments: values + [open["id"] as Int64])
    return false
}

/// Gives an open conflict another number and another content on the server's side. Returns the number.
private func renumber(_ id: Int64, server version: Int64, at time: Int64, _ db: Database) throws -> Int64 {
    let number = try Int64.fetchOne(db, sql: "SELECT max(id) + 1 FROM conflicts") ?? id
    try db.execute(
        sql: "UPDATE conflicts SET id = ?, server_version_id = ?, opened_at = ? WHERE id = ?",
        arguments: [number, version, time, id])
    return number
}

private func haveSameContent(_ version: Int64, _ other: Int64, _ db: Database) throws -> Bool {
    try Bool.fetchOne(
        db,
        sql: """
            SELECT a.content_hash = b.content_hash FROM save_versions a, save_versions b WHERE a.id = ? AND b.id = ?
            """, arguments: [version, other]) ?? false
}

/// Closes the open conflicts for which `condition` holds without a decision, which is what no resolution stands for.
func closeUndecided(
    _ condition: String, _ arguments: StatementArguments, at time: Int64, _ db: Database
) throws {
    try db.execute(
        sql: "UPDATE conflicts SET resolved_at = ? WHERE resolved_at IS NULL AND \(condition)",
        arguments: [time] + arguments)
}

/// What the server has of a save, or nil when it has nothing or deleted it.
private func currentVersion(of save: Int64, _ db: Database) throws -> Int64? {
    try Int64.fetchOne(
        db, sql: "SELECT current_version_id FROM saves WHERE id = ? AND deleted_at IS NULL", arguments: [save])
}

/// The newest version with this content whose files are there, for which the content counts as known.
private func findVersion(_ digest: Digest, of save: Int64, in library: Library, _ db: Database) throws -> Int64 {
    let ids = try Int64.fetchAll(
        db, sql: "SELECT id FROM save_versions WHERE save_id = ? AND content_hash = ? ORDER BY id DESC",
        arguments: [save, digest.data])
    let versions = try loadVersions(ids, db)
    guard let found = ids.first(where: { versions[$0].map(library.holds) == true }) else {
        throw StoreError(.corrupt, "the device's content of a conflict is not in the library", advice: "Sync again.")
    }
    return found
}

private func fetchConflicts(
    where condition: String, _ arguments: StatementArguments, _ db: Database
) throws -> [ConflictSummary] {
    try Row.fetchAll(
        db,
        sql: """
            SELECT c.id, c.save_id, c.opened_at, c.device_time, d.name, s.owner, s.platform, s.game, s.kind, s.slot,
                dv.number AS d_number, dv.content_hash AS d_hash, dv.size AS d_size,
                sv.number AS s_number, sv.content_hash AS s_hash, sv.size AS s_size, sv.modified_at AS s_time
            FROM conflicts c JOIN devices d ON d.id = c.device_id JOIN saves s ON s.id = c.save_id
                JOIN save_versions dv ON dv.id = c.device_version_id
                JOIN save_versions sv ON sv.id = c.server_version_id
            WHERE \(condition) ORDER BY c.id
            """, arguments: arguments
    ).compactMap { row in
        guard let device = row.digest("d_hash"), let server = row.digest("s_hash") else { return nil }
        return ConflictSummary(
            id: row["id"], deviceName: row["name"], save: row["save_id"], identity: SaveIdentity(row),
            device: ConflictSummary.Side(
                version: row["d_number"], digest: device, size: UInt64(bitPattern: row["d_size"] as Int64),
                modified: row.date("device_time")),
            server: ConflictSummary.Side(
                version: row["s_number"], digest: server, size: UInt64(bitPattern: row["s_size"] as Int64),
                modified: row.date("s_time")),
            opened: row.date("opened_at"))
    }
}

extension SaveIdentity {
    /// From the columns `owner`, `platform`, `game`, `kind` and `slot`.
    init(_ row: Row) {
        self.init(
            owner: row["owner"], platform: row["platform"], game: row["game"],
            kind: SaveKind(rawValue: row["kind"]) ?? .save, slot: row["slot"])
    }
}

extension Row {
    /// The date in a column of seconds since 1970.
    func date(_ column: String) -> Date { Date(timeIntervalSince1970: TimeInterval(self[column] as Int64)) }

    /// The date in a column of seconds since 1970, or nil for NULL.
    func optionalDate(_ column: String) -> Date? {
        (self[column] as Int64?).map { Date(timeIntervalSince1970: TimeInterval($0)) }
    }
}
