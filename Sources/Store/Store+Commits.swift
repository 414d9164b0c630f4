import Foundation
import GRDB
import Planner

extension Store {
    /// Records saves that came from a device: the save where it is new, its version as the current one, the agreement
    /// with the device, and the end of the operation. One transaction. Returns one outcome a save, in the order given.
    @discardableResult
    public func commitPulls(_ pulls: [PullCommit]) async throws(StoreError) -> [PullOutcome] {
        let time = time
        return try await write { [library] db in
            var sources: [Int64: String] = [:]
            return try pulls.map { pull in
                let save = try pull.server.map { SaveRow(id: $0.id) } ?? findOrInsertSave(pull.identity, db)
                let source = try sources[pull.device] ?? deviceName(pull.device, db)
                sources[pull.device] = source
                // Another device's run, or the user, may have been faster; with the same content, there is nothing to decide.
                let isCurrent = try holds(pull.server?.content ?? .absent, save, db)
                let isKnown = try !isCurrent && currentDigest(of: save, db) == pull.version.digest
                let version = try insertVersion(
                    pull.version, in: library, of: save.id, archival: !isCurrent, source: source,
                    modified: pull.seen.content.modified, at: time, db)
                guard isCurrent || isKnown else { return .superseded }
                if isCurrent { try setCurrent(version, of: save, at: time, db) }
                try agree(pull.seen, device: pull.device, save: save, at: time, db)
                try endOperation(pull.operation, save: save.id, db)
                return .current(save: save.id)
            }
        }
    }

    /// Records versions that now stand on a device. One transaction.
    public func commitPushes(_ pushes: [PushCommit]) async throws(StoreError) {
        let time = time
        try await write { db in
            for push in pushes {
                try agree(push.seen, device: push.device, save: SaveRow(id: push.save), at: time, db)
                try endOperation(push.operation, save: push.save, db)
            }
        }
    }

    /// Records contents that both sides turned out to hold, and the stamps they were seen under. One transaction.
    public func commitAgreements(_ agreements: [AgreementCommit]) async throws(StoreError) {
        let time = time
        try await write { db in
            for agreement in agreements {
                try agree(agreement.seen, device: agreement.device, save: SaveRow(id: agreement.save), at: time, db)
            }
        }
    }

    /// Remembers that these saves were seen to be gone from the device. One transaction.
    public func commitGone(_ saves: [Int64], device: Int64) async throws(StoreError) {
        try await write { db in
            for save in saves {
                try db.execute(
                    sql: "UPDATE device_save_sync SET is_gone = 1 WHERE device_id = ? AND save_id = ?",
                    arguments: [device, save])
            }
        }
    }

    /// Records the cards that save directories were seen on, by the directory's number. One transaction, none for no card.
    public func rememberCards(_ cards: [Int64: CardIdentity]) async throws(StoreError) {
        guard !cards.isEmpty else { return }
        try await write { db in
            for (directory, card) in cards {
                try db.execute(
                    sql: "UPDATE save_directories SET card_number = ?, card_bytes = ? WHERE id = ?",
                    arguments: [Int64(bitPattern: card.number), Int64(bitPattern: card.totalBytes), directory])
            }
        }
    }

    /// Forgets what was agreed on for saves that are gone on both sides. One transaction.
    public func retireBaselines(_ saves: [Int64], device: Int64) async throws(StoreError) {
        try await write { db in for save in saves { try retire(save, device: device, db) } }
    }

    /// Records saves that were removed from a device. One transaction.
    public func commitRemovals(_ removals: [RemovalCommit]) async throws(StoreError) {
        try await write { db in
            for removal in removals {
                try retire(removal.save, device: removal.device, db)
                try endOperation(removal.operation, save: removal.save, db)
            }
        }
    }

    /// Records contents that are kept beside the current version. One transaction, none for no content.
    public func archive(_ archives: [ArchiveCommit]) async throws(StoreError) {
        guard !archives.isEmpty else { return }
        let time = time
        try await write { [library] db in
            for archive in archives {
                let source = try deviceName(archive.device, db)
                switch archive.place {
                case .archive(let save):
                    _ = try insertVersion(
                        archive.version, in: library, of: save, archival: true, source: source,
                        modified: archive.modified, at: time, db)
                case .history(let identity):
                    let save = try findOrInsertSave(identity, db)
                    _ = try insertVersion(
                        archive.version, in: library, of: save.id, archival: true, source: source,
                        modified: archive.modified, at: time, db)
                case .slot(let identity):
                    let save = try findOrInsertSave(identity, db)
                    let version = try insertVersion(
                        archive.version, in: library, of: save.id, archival: false, source: source,
                        modified: archive.modified, at: time, db)
                    try setCurrent(version, of: save, at: time, db)
                }
            }
        }
    }
}

/// A save in the database.
struct SaveRow {
    let id: Int64
    /// Made in this transaction just now: no version, no agreement and no conflict names it yet.
    var isNew = false
}

/// Whether the save still holds the content that a plan saw, be it as another version.
private func holds(_ content: ServerSave.Content, _ save: SaveRow, _ db: Database) throws -> Bool {
    if save.isNew { return content == .absent }
    guard let current = try current(of: save, db) else { return false }
    return switch content {
    case .absent: current.digest == nil && !current.isDeleted
    case .version(let version): current.digest == version.digest && !current.isDeleted
    case .deleted: current.isDeleted
    }
}

/// The digest of the save's current version; nil where it has none, or was deleted.
private func currentDigest(of save: SaveRow, _ db: Database) throws -> Digest? {
    guard let current = try current(of: save, db), !current.isDeleted else { return nil }
    return current.digest
}

/// What the save holds; nil where there is no such save.
private func current(of save: SaveRow, _ db: Database) throws -> (digest: Digest?, isDeleted: Bool)? {
    try Row.fetchOne(
        db.cachedStatement(
            sql: """
                SELECT v.content_hash, s.deleted_at IS NOT NULL AS is_deleted
                FROM saves s LEFT JOIN save_versions v ON v.id = s.current_version_id WHERE s.id = ?
                """),
        arguments: [save.id]
    ).map { ($0.digest("content_hash"), $0["is_deleted"]) }
}

func deviceName(_ id: Int64, _ db: Database) throws -> String {
    try String.fetchOne(db, sql: "SELECT name FROM devices WHERE id = ?", arguments: [id]) ?? "a removed device"
}

func findOrInsertSave(_ identity: SaveIdentity, _ db: Database) throws -> SaveRow {
    let key = identity.key
    let keys: StatementArguments = [
        identity.owner, storedKey(key.platform), storedKey(key.game), key.kind.rawValue, storedKey(key.slot),
    ]
    try db.cachedStatement(
        sql: """
            INSERT INTO saves (owner, platform_key, game_key, kind, slot_key, platform, game, slot)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
            """
    ).execute(arguments: keys + [identity.platform, identity.game, identity.slot])
    if db.changesCount > 0 { return SaveRow(id: db.lastInsertedRowID, isNew: true) }
    let found = try Int64.fetchOne(
        db.cachedStatement(
            sql: """
                SELECT id FROM saves
                WHERE owner = ? AND platform_key = ? AND game_key = ? AND kind = ? AND slot_key = ?
                """), arguments: keys)
    guard let found else { throw StoreError(.other, "the save \(identity.game) can't be recorded") }
    return SaveRow(id: found)
}

/// Records a version. Throws when its file is gone from the library in the meantime: whoever takes a file away that no
/// row names does so in a write transaction too, so that a row never names a missing file.
func insertVersion(
    _ version: StoredVersion, in library: Library, of save: Int64, archival: Bool, source: String, modified: Int64,
    at time: Int64, _ db: Database
) throws -> Int64 {
    guard library.holds(version.libraryPath) else {
        throw StoreError(.notFound, "\(version.libraryPath) is gone from the library", advice: "Sync again.")
    }
    try db.cachedStatement(
        sql: """
            INSERT INTO save_versions (save_id, number, slot, content_hash, shape, size, is_blank, original_name,
                library_path, source, modified_at, created_at, hash_algorithm)
            SELECT id, (SELECT coalesce(max(number), 0) + 1 FROM save_versions WHERE save_id = saves.id),
                iif(?, NULL, slot), ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM saves WHERE id = ?
            """
    ).execute(arguments: [
        archival, version.digest.data, version.shape.rawValue, Int64(bitPattern: version.size), version.isBlank,
        version.originalName, version.libraryPath, source, modified, time, ContentHash.algorithm, save,
    ])
    let id = db.lastInsertedRowID
    let entries = try db.cachedStatement(
        sql: "INSERT INTO version_entries (version_id, path, size, sha256) VALUES (?, ?, ?, ?)")
    for entry in version.entries {
        try entries.execute(arguments: [id, entry.path.text, Int64(bitPattern: entry.size), entry.sha256.data])
    }
    return id
}

func setCurrent(_ version: Int64, of save: SaveRow, at time: Int64, _ db: Database) throws {
    if !save.isNew {
        try db.cachedStatement(
            sql: """
                UPDATE save_versions SET last_used_at = ? WHERE id = (SELECT current_version_id FROM saves WHERE id = ?)
                """
        ).execute(arguments: [time, save.id])
    }
    try db.cachedStatement(sql: "UPDATE saves SET current_version_id = ?, deleted_at = NULL WHERE id = ?")
        .execute(arguments: [version, save.id])
}

/// Writes the device-save sync row: device and server agree on this content, seen under these stamps.
func agree(_ seen: SeenOnDevice, device: Int64, save: SaveRow, at time: Int64, _ db: Database) throws {
    let row = try Int64.fetchOne(
        db.cachedStatement(
            sql: """
                INSERT INTO device_save_sync (device_id, save_id, directory_id, path, shape, content_hash, synced_at)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (device_id, save_id) DO UPDATE SET directory_id = excluded.directory_id,
                    path = excluded.path, shape = excluded.shape, content_hash = excluded.content_hash,
                    device_time = NULL, server_time = NULL, is_gone = 0, synced_at = excluded.synced_at
                RETURNING id
                """),
        arguments: [
            device, save.id, seen.directory, seen.path.text, seen.shape.rawValue, seen.content.digest.data, time,
        ])
    if !save.isNew {
        try db.cachedStatement(sql: "DELETE FROM device_save_entries WHERE sync_id = ?").execute(arguments: [row])
    }
    let insert = try db.cachedStatement(
        sql: """
            INSERT INTO device_save_entries (sync_id, path, size, modified, first_listed_boot, first_listed_ns)
            VALUES (?, ?, ?, ?, ?, ?)
            """)
    for entry in seen.content.entries {
        let first: Moment? = if case .unsettled(let moment) = entry.state { moment } else { nil }
        try insert.execute(arguments: [
            row, entry.path.text, Int64(bitPattern: entry.stamp.size), entry.stamp.modified, first?.boot,
            first?.nanoseconds,
        ])
    }
    guard !save.isNew else { return }
    // Sides that agree have no conflict any more.
    try db.cachedStatement(
        sql: """
            UPDATE conflicts SET resolved_at = ?, resolution = 'agreed'
            WHERE device_id = ? AND save_id = ? AND resolved_at IS NULL
            """
    ).execute(arguments: [time, device, save.id])
}

private func retire(_ save: Int64, device: Int64, _ db: Database) throws {
    try db.execute(
        sql: "DELETE FROM device_save_sync WHERE device_id = ? AND save_id = ?", arguments: [device, save])
}

func endOperation(_ operation: Int64?, save: Int64, _ db: Database) throws {
    guard let operation else { return }
    try db.cachedStatement(sql: "UPDATE sync_operations SET status = 'COMPLETED', save_id = ? WHERE id = ?")
        .execute(arguments: [save, operation])
}
