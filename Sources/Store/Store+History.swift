import Foundation
import GRDB
import Planner

/// What a version that the user restored has as its source, before the number of the one that it is a copy of.
let restoredSource = "restored from version "

extension Store {
    /// Saves in order of their numbers, beginning after the number `after`, at most `limit` of them.
    public func saves(
        platform: String? = nil, after: Int64 = 0, limit: Int = 500
    ) async throws(StoreError) -> [SaveSummary] {
        let key = platform.map { storedKey(NameFolding.platform($0)) }
        return try await read { db in
            try fetchSaves(
                where: "s.id > ? AND (? IS NULL OR s.platform_key = ?) ORDER BY s.id LIMIT ?",
                [after, key, key, limit], db)
        }
    }

    /// The saves that a user's words name: a number, `platform/game`, `platform/game/slot`, or a game's name.
    public func findSaves(_ text: String) async throws(StoreError) -> [SaveSummary] {
        if let id = Int64(text) {
            let numbered = try await read { db in try fetchSaves(where: "s.id = ?", [id], db) }
            // A game may be called 1942.
            if !numbered.isEmpty { return numbered }
        }
        let parts = text.split(separator: "/").map(String.init)
        let game = storedKey(NameFolding.caseFolded(parts.count > 1 ? parts[1] : text))
        let platform = parts.count > 1 ? storedKey(NameFolding.platform(parts[0])) : nil
        let slot = parts.count > 2 ? storedKey(NameFolding.caseFolded(parts[2])) : nil
        return try await read { db in
            let found = try fetchSaves(
                where: """
                    s.game_key = ? AND (? IS NULL OR s.platform_key = ?) AND (? IS NULL OR s.slot_key = ?)
                    ORDER BY s.id LIMIT 100
                    """, [game, platform, platform, slot, slot], db)
            // Without a slot the main one is meant, where there is one.
            let main = found.filter { $0.identity.slot == SaveIdentity.mainSlot && $0.identity.kind == .save }
            return slot == nil && main.count == 1 ? main : found
        }
    }

    /// The versions of a save, newest first, beginning before the number `before`, at most `limit` of them.
    public func history(
        of save: Int64, before: Int = Int.max, limit: Int = 500
    ) async throws(StoreError) -> [VersionSummary] {
        try await read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT v.*, s.current_version_id = v.id AS is_current
                    FROM save_versions v JOIN saves s ON s.id = v.save_id
                    WHERE v.save_id = ? AND v.number < ? ORDER BY v.number DESC LIMIT ?
                    """, arguments: [save, before, limit]
            ).compactMap(VersionSummary.init)
        }
    }

    /// Makes a content of the save's history current again, as a new version. Devices get it at their next run, also those
    /// that had this very content and from which it is gone: their rows keep the time of this until their next agreement.
    public func restore(save: SaveSummary, version number: Int) async throws(StoreError) -> VersionSummary {
        let found = try await read { db in
            let id = try Int64.fetchOne(
                db, sql: "SELECT id FROM save_versions WHERE save_id = ? AND number = ?", arguments: [save.id, number])
            return try id.flatMap { try loadVersion($0, db) }
        }
        guard let found else {
            throw StoreError(
                .notFound, "\(save.identity.game) has no version \(number)",
                advice: "See its versions with `saveferry history \(save.id)`.")
        }
        let time = time
        return try await withCopy(of: found, as: save.identity) { copy throws(StoreError) in
            try await write { [library] db in
                let id = try insertVersion(
                    copy, in: library, of: save.id, archival: false, source: "\(restoredSource)\(number)",
                    modified: time, at: time, db)
                try setCurrent(id, of: SaveRow(id: save.id), at: time, db)
                try db.execute(
                    sql: """
                        UPDATE device_save_sync SET server_time = ?
                        WHERE save_id = ? AND content_hash = ? AND is_untracked = 0
                        """, arguments: [time, save.id, copy.digest.data])
                guard
                    let row = try Row.fetchOne(
                        db, sql: "SELECT *, 1 AS is_current FROM save_versions WHERE id = ?", arguments: [id]),
                    let summary = VersionSummary(row)
                else { throw StoreError(.other, "the new version can't be read back") }
                return summary
            }
        }
    }

    /// Copies a version out of the library, the current one for nil; see ``Library/export(_:to:replaces:)`` for what is
    /// at `path` before and after. Returns the version's number and the absolute path of the file or folder.
    public func export(
        save: SaveSummary, version number: Int?, to path: String, replaces: Bool
    ) async throws(StoreError) -> (version: Int, path: String) {
        let found = try await read { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT v.id, v.number FROM saves s JOIN save_versions v ON v.save_id = s.id
                    WHERE s.id = ?1 AND iif(?2 IS NULL, v.id = s.current_version_id, v.number = ?2)
                    """, arguments: [save.id, number]
            ).flatMap { row in try loadVersion(row["id"], db).map { (number: row["number"] as Int, version: $0) } }
        }
        guard let found else {
            throw StoreError(
                .notFound, "\(save.identity.game) has no \(number.map { "version \($0)" } ?? "current version")",
                advice: "See its versions with `saveferry history \(save.id)`.")
        }
        do throws(StoreError) {
            return (found.number, try await library.export(found.version, to: path, replaces: replaces))
        } catch {
            guard [.notFound, .corrupt].contains(error.code), let loss = try await loss(of: found.version) else {
                throw error
            }
            throw loss
        }
    }

    /// Marks a save as deleted. Its contents stay in the library.
    public func deleteSave(_ id: Int64) async throws(StoreError) {
        let time = time
        try await write { db in
            try db.execute(
                sql: "UPDATE saves SET deleted_at = ? WHERE id = ? AND deleted_at IS NULL", arguments: [time, id])
        }
    }

    /// Keeps a device and a save apart, or together again. What is kept apart has no conflict. Throws
    /// ``StoreError/Code/notFound`` for a save that the device never had.
    public func setUntracked(_ isUntracked: Bool, device: Device, save: SaveSummary) async throws(StoreError) {
        let time = time
        try await write { db in
            if isUntracked {
                try closeUndecided("device_id = ? AND save_id = ?", [device.id, save.id], at: time, db)
            } else {
                // A row that never held an agreement has nothing to go back to.
                try db.execute(
                    sql: """
                        DELETE FROM device_save_sync
                        WHERE device_id = ? AND save_id = ? AND content_hash IS NULL AND device_time IS NULL
                        """, arguments: [device.id, save.id])
                if db.changesCount > 0 { return }
            }
            try db.execute(
                sql: "UPDATE device_save_sync SET is_untracked = ? WHERE device_id = ? AND save_id = ?",
                arguments: [isUntracked, device.id, save.id])
            if db.changesCount > 0 { return }
            guard isUntracked, let directory = device.directories.first else {
                throw StoreError(.notFound, "\(device.settings.name) does not track \(save.identity.game)")
            }
            // Never synced so far: a row that says only that it never will be.
            try db.execute(
                sql: """
                    INSERT INTO device_save_sync (device_id, save_id, directory_id, path, shape, is_untracked, synced_at)
                    VALUES (?, ?, ?, ?, 'file', 1, 0)
                    """, arguments: [device.id, save.id, directory.id, ".untracked-\(save.id)"])
        }
    }
}

private func fetchSaves(
    where condition: String, _ arguments: StatementArguments, _ db: Database
) throws -> [SaveSummary] {
    try Row.fetchAll(
        db,
        sql: """
            SELECT s.*, v.size, v.created_at,
                (SELECT count(*) FROM save_versions WHERE save_id = s.id) AS version_count
            FROM saves s LEFT JOIN save_versions v ON v.id = s.current_version_id WHERE \(condition)
            """, arguments: arguments
    ).map { row in
        SaveSummary(
            id: row["id"], identity: SaveIdentity(row), size: (row["size"] as Int64?).map(UInt64.init(bitPattern:)),
            updated: row.optionalDate("created_at"), versionCount: row["version_count"],
            deleted: row.optionalDate("deleted_at"))
    }
}

extension VersionSummary {
    /// From the columns of `save_versions` and `is_current`.
    init?(_ row: Row) {
        guard let digest = row.digest("content_hash") else { return nil }
        self.init(
            id: row["id"], number: row["number"], slot: row["slot"], digest: digest,
            size: UInt64(bitPattern: row["size"] as Int64), created: row.date("created_at"),
            modified: row.date("modified_at"), source: row["source"], libraryPath: row["library_path"],
            isCurrent: (row["is_current"] as Bool?) ?? false)
    }
}
