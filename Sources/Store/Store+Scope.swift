import Foundation
import GRDB
import Planner

extension Store {
    /// The saves of the device's owner that a run needs, and what was agreed on with the device, in one snapshot and at most
    /// seven queries. Archival versions are never loaded.
    ///
    /// - Parameter platforms: those of which all saves are loaded, folded. Nil for those that are expected before the device
    ///   is listed: the ones that its directories name, and where each subfolder is one, those that it had before.
    public func syncScope(
        for device: Device, of platforms: Set<String>? = nil
    ) async throws(StoreError) -> SyncScopeIndex {
        try await read { db in
            let platforms = try platforms ?? expectedPlatforms(of: device, db)
            let saves = try loadSaves(of: device, platforms, db)
            let entries = try loadEntries(of: device.id, db)
            let baselines = try loadBaselines(of: device.id, entries, db)
            return SyncScopeIndex(
                owner: device.settings.owner, saves: saves, baselines: baselines, directories: device.directories,
                cards: try loadCards(of: device.id, db), platforms: platforms,
                decisions: try loadDecisions(on: device.id, db), lastRun: try lastRun(of: device.id, db))
        }
    }

    /// The versions with these numbers and their files; numbers that don't exist are left out.
    public func versions(_ ids: [Int64]) async throws(StoreError) -> [Int64: StoredVersion] {
        try await read { db in try loadVersions(ids, db) }
    }

    /// The versions of each save that have one of these contents and whose files are in the library, in no order: several
    /// where files with other bytes mean the same.
    public func versions(with wanted: [Int64: Set<Digest>]) async throws(StoreError) -> [Int64: [StoredVersion]] {
        let found = try await presentVersions(with: wanted)
        return Dictionary(grouping: found, by: \.save).mapValues { $0.map(\.version) }
    }

    /// Of the given contents of each save, those that the library has for it: a version names it, and its files are there.
    /// Retention counts their age from now on: the caller is about to replace them where they were seen. One transaction,
    /// none for no content.
    ///
    /// - Parameter inConflict: they are to stand in a conflict, and stay where they are. Then those that an open conflict keeps
    ///   already are left as they are, and nothing is written for them.
    public func knownDigests(
        of wanted: [Int64: Set<Digest>], inConflict: Bool = false
    ) async throws(StoreError) -> [Int64: Set<Digest>] {
        var found = try await presentVersions(with: wanted)
        var known: [Int64: Set<Digest>] = [:]
        if inConflict {
            let kept = try await read { [found] db in
                try Int64.fetchSet(
                    db,
                    sql: """
                        SELECT device_version_id FROM conflicts
                        WHERE resolved_at IS NULL AND device_version_id IN (SELECT value FROM json_each(?))
                        """, arguments: [json(found.map(\.id))])
            }
            for one in found where kept.contains(one.id) { known[one.save, default: []].insert(one.version.digest) }
            found.removeAll { known[$0.save]?.contains($0.version.digest) == true }
        }
        guard !found.isEmpty else { return known }
        return try await touch(found.map(\.id)).merging(known) { $0.union($1) }
    }

    /// Lets retention count the age of these versions from now on. Returns their contents by save.
    private func touch(_ versions: [Int64]) async throws(StoreError) -> [Int64: Set<Digest>] {
        let time = time
        return try await write { db in
            // One that retention took since then is not known any more.
            let rows = try Row.fetchAll(
                db,
                sql: """
                    UPDATE save_versions SET last_used_at = ? WHERE id IN (SELECT value FROM json_each(?))
                    RETURNING save_id, content_hash
                    """, arguments: [time, json(versions)])
            return rows.reduce(into: [:]) { known, row in
                if let digest = row.digest("content_hash") { known[row["save_id"], default: []].insert(digest) }
            }
        }
    }

    private func presentVersions(
        with wanted: [Int64: Set<Digest>]
    ) async throws(StoreError) -> [(save: Int64, id: Int64, version: StoredVersion)] {
        guard !wanted.isEmpty else { return [] }
        let contents = wanted.flatMap { save, digests in digests.map { "[\(save),\"\($0.hex)\"]" } }
        let found = try await read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT v.save_id, v.id FROM json_each(?) w CROSS JOIN save_versions v
                    WHERE v.save_id = json_extract(w.value, '$[0]')
                        AND lower(hex(v.content_hash)) = json_extract(w.value, '$[1]')
                    """, arguments: ["[\(contents.joined(separator: ","))]"])
            let versions = try loadVersions(rows.map { $0["id"] }, db)
            return rows.compactMap { row in
                versions[row["id"]].map { (save: row["save_id"] as Int64, id: row["id"] as Int64, version: $0) }
            }
        }
        let present = await library.present(found.map(\.version))
        return found.filter { present.contains($0.version) }
    }
}

private func expectedPlatforms(of device: Device, _ db: Database) throws -> Set<String> {
    let named = Set(device.directories.compactMap(\.foldedPlatform))
    guard device.directories.contains(where: { $0.foldedPlatform == nil }) else { return named }
    return try named.union(
        String.fetchSet(
            db,
            sql: """
                SELECT DISTINCT s.platform_key FROM device_save_sync b JOIN saves s ON s.id = b.save_id
                WHERE b.device_id = ?
                """, arguments: [device.id]))
}

/// All saves of these platforms, and those that were agreed on with the device. The sign keeps SQLite from going through
/// all that the owner has (https://www.sqlite.org/optoverview.html, section 4).
private func loadSaves(of device: Device, _ platforms: Set<String>, _ db: Database) throws -> [ServerSave] {
    let owner = device.settings.owner
    let rows = try Row.fetchCursor(
        db,
        sql: """
            SELECT s.id, s.platform, s.game, s.kind, s.slot, s.deleted_at, v.id, v.content_hash, v.shape, v.size,
                v.is_blank, v.original_name, v.modified_at, v.source GLOB :restored
            FROM saves s LEFT JOIN save_versions v ON v.id = s.current_version_id
            WHERE +s.owner = :owner AND s.id IN (
                SELECT id FROM saves WHERE owner = :owner AND platform_key IN (SELECT value FROM json_each(:platforms))
                UNION SELECT save_id FROM device_save_sync WHERE device_id = :device)
            """,
        arguments: [
            "owner": owner, "platforms": try json(platforms.map(storedKey)), "device": device.id,
            "restored": restoredSource + "*",
        ])
    var saves: [ServerSave] = []
    while let row = try rows.next() {
        let identity = SaveIdentity(
            owner: owner, platform: row[1], game: row[2], kind: SaveKind(rawValue: row[3]) ?? .save, slot: row[4])
        let version = (row[7] as Data?).flatMap { Digest(bytes: $0) }.map { digest in
            ServerVersion(
                id: row[6], digest: digest, shape: SaveShape(rawValue: row[8]) ?? .file,
                size: UInt64(bitPattern: row[9] as Int64), isBlank: row[10], originalName: row[11], modified: row[12],
                isRestored: row[13])
        }
        let isDeleted = (row[5] as Int64?) != nil
        let content: ServerSave.Content = isDeleted ? .deleted(last: version) : version.map { .version($0) } ?? .absent
        saves.append(ServerSave(id: row[0], identity: identity, content: content))
    }
    return saves
}

/// A JSON array, for one parameter however many there are (https://www.sqlite.org/json1.html#jeach).
private func json(_ texts: [String]) throws -> String {
    String(decoding: try JSONEncoder().encode(texts), as: UTF8.self)
}

/// The same for numbers.
func json(_ numbers: [Int64]) -> String { "[\(numbers.map(String.init).joined(separator: ","))]" }

private func loadEntries(of device: Int64, _ db: Database) throws -> [Int64: [EntryBaseline]] {
    let rows = try Row.fetchCursor(
        db,
        sql: """
            SELECT e.sync_id, e.path, e.size, e.modified, e.first_listed_boot, e.first_listed_ns
            FROM device_save_sync b JOIN device_save_entries e ON e.sync_id = b.id
            WHERE b.device_id = ? ORDER BY e.sync_id, e.path
            """, arguments: [device])
    var entries: [Int64: [EntryBaseline]] = [:]
    while let row = try rows.next() {
        guard let path = RelativePath(row[1] as String) else { continue }
        let state: StampState =
            if let boot = row[4] as String?, let nanoseconds = row[5] as Int64? {
                .unsettled(firstListed: Moment(boot: boot, nanoseconds: nanoseconds))
            } else {
                .settled
            }
        let stamp = Stamp(size: UInt64(bitPattern: row[2] as Int64), modified: row[3])
        entries[row[0], default: []].append(EntryBaseline(path: path, stamp: stamp, state: state))
    }
    return entries
}

private func loadBaselines(
    of device: Int64, _ entries: [Int64: [EntryBaseline]], _ db: Database
) throws -> [Baseline] {
    let rows = try Row.fetchCursor(
        db,
        sql: """
            SELECT id, save_id, directory_id, path, shape, content_hash, device_time, server_time, is_untracked, is_gone
            FROM device_save_sync WHERE device_id = ?
            """, arguments: [device])
    var baselines: [Baseline] = []
    while let row = try rows.next() {
        guard let path = RelativePath(row[3] as String) else { continue }
        let agreement: Baseline.Agreement =
            if let digest = (row[5] as Data?).flatMap({ Digest(bytes: $0) }) {
                .content(digest)
            } else if let deviceTime = row[6] as Int64? {
                .times(device: deviceTime, server: row[7] as Int64? ?? 0)
            } else {
                .forgotten
            }
        baselines.append(
            Baseline(
                saveID: row[1], directory: row[2], path: path, shape: SaveShape(rawValue: row[4]) ?? .file,
                agreement: agreement, entries: entries[row[0]] ?? [], isUntracked: row[8], isGone: row[9],
                // A time beside a content is that of its restoring; see `restore`.
                isWantedBack: (row[5] as Data?) != nil && (row[7] as Int64?) != nil))
    }
    return baselines
}

private func loadCards(of device: Int64, _ db: Database) throws -> [Int64: CardIdentity] {
    let rows = try Row.fetchCursor(
        db,
        sql: "SELECT id, card_number, card_bytes FROM save_directories WHERE device_id = ? AND card_number IS NOT NULL",
        arguments: [device])
    var cards: [Int64: CardIdentity] = [:]
    while let row = try rows.next() {
        cards[row[0]] = CardIdentity(
            number: UInt64(bitPattern: row[1] as Int64), totalBytes: UInt64(bitPattern: row[2] as Int64? ?? 0))
    }
    return cards
}

/// The versions that the user put over what the device has, by the save, in conflicts whose content on the device is still what
/// is agreed on. Snapshots have only open conflicts: after a restore the user may be asked once more.
private func loadDecisions(on device: Int64, _ db: Database) throws -> [Int64: Set<Int64>] {
    let rows = try Row.fetchAll(
        db,
        sql: """
            SELECT c.save_id, c.server_version_id
            FROM conflicts c JOIN save_versions v ON v.id = c.device_version_id
                JOIN device_save_sync b ON b.device_id = c.device_id AND b.save_id = c.save_id
            WHERE c.device_id = ? AND c.resolution IN ('server', 'both') AND b.content_hash = v.content_hash
            """, arguments: [device])
    return rows.reduce(into: [:]) { $0[$1[0], default: []].insert($1[1]) }
}

/// When the newest run of the device began that went through to its end, also where single saves failed.
private func lastRun(of device: Int64, _ db: Database) throws -> Int64? {
    try Int64.fetchOne(
        db,
        sql: """
            SELECT started_at FROM sync_sessions
            WHERE device_id = ? AND status IN ('COMPLETED', 'FAILED') AND error IS NULL ORDER BY id DESC LIMIT 1
            """, arguments: [device])
}

func loadVersion(_ id: Int64, _ db: Database) throws -> StoredVersion? {
    try loadVersions([id], db)[id]
}

func loadVersions(_ ids: [Int64], _ db: Database) throws -> [Int64: StoredVersion] {
    // One query however many there are (https://www.sqlite.org/json1.html#jeach).
    let wanted = json(ids)
    let files = try Row.fetchCursor(
        db,
        sql: """
            SELECT version_id, path, size, sha256 FROM version_entries
            WHERE version_id IN (SELECT value FROM json_each(?)) ORDER BY version_id, path
            """, arguments: [wanted])
    var entries: [Int64: [StoredVersion.Entry]] = [:]
    while let row = try files.next() {
        guard let path = RelativePath(row[1] as String), let sha256 = Digest(bytes: row[3] as Data) else { continue }
        entries[row[0], default: []].append(
            StoredVersion.Entry(path: path, size: UInt64(bitPattern: row[2] as Int64), sha256: sha256))
    }
    let rows = try Row.fetchCursor(
        db,
        sql: """
            SELECT id, library_path, content_hash, is_blank, shape, original_name FROM save_versions
            WHERE id IN (SELECT value FROM json_each(?))
            """, arguments: [wanted])
    var versions: [Int64: StoredVersion] = [:]
    while let row = try rows.next() {
        guard let digest = Digest(bytes: row[2] as Data) else { continue }
        versions[row[0]] = StoredVersion(
            libraryPath: row[1], entries: entries[row[0]] ?? [], digest: digest, isBlank: row[3],
            shape: SaveShape(rawValue: row[4]) ?? .file, originalName: row[5])
    }
    return versions
}
