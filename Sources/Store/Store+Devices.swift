import GRDB
import Planner

extension Store {
    /// Adds a device that is trusted by these host keys. Throws ``StoreError/Code/alreadyExists`` for a name that is taken.
    @discardableResult
    public func addDevice(
        _ settings: DeviceSettings, hostKeys: [PinnedHostKey] = []
    ) async throws(StoreError) -> Device {
        try settings.validate()
        return try await write { db in
            let id = try insert(settings, db)
            try pin(hostKeys, to: id, db)
            return try loadDevice(id, db)
        }
    }

    /// Changes a device's settings. Directories that keep their path and kind keep their number, and with it what was
    /// agreed on for the saves in them.
    @discardableResult
    public func updateDevice(_ id: Int64, _ settings: DeviceSettings) async throws(StoreError) -> Device {
        try settings.validate()
        return try await write { db in
            try update(id, settings, db)
            return try loadDevice(id, db)
        }
    }

    /// Adds those devices whose names are new and changes the others, all of them or none. Returns them in the same order.
    public func apply(_ changes: [DeviceChange]) async throws(StoreError) -> [ChangedDevice] {
        for change in changes { try change.settings.validate() }
        return try await write { db in
            try changes.map { change in
                let name = change.settings.name
                let old = try Int64.fetchOne(db, sql: "SELECT id FROM devices WHERE name = ?", arguments: [name])
                    .map { try loadDevice($0, db) }
                let id: Int64
                if let old {
                    id = old.id
                    try update(id, change.settings, db)
                } else {
                    id = try insert(change.settings, db)
                }
                if let keys = change.hostKeys { try pin(keys, to: id, db) }
                return ChangedDevice(old: old, new: try loadDevice(id, db))
            }
        }
    }

    /// Forgets a device and what was agreed on with it. Saves and versions stay.
    public func removeDevice(_ id: Int64) async throws(StoreError) {
        try await write { db in try db.execute(sql: "DELETE FROM devices WHERE id = ?", arguments: [id]) }
    }

    /// Forgets what was agreed on with a device, and which cards its directories lie on, so that its next plan compares afresh.
    /// Where its saves stood is remembered, and what is untracked stays so. Saves and versions are not touched.
    public func resetDevice(_ id: Int64) async throws(StoreError) {
        try await write { db in
            try forgetAgreements(where: "device_id = ?", [id], db)
            try db.execute(
                sql: "UPDATE save_directories SET card_number = NULL, card_bytes = NULL WHERE device_id = ?",
                arguments: [id])
        }
    }

    /// With how many saves a device has an agreement, and how many of those are gone from it.
    public func agreementCounts(device id: Int64) async throws(StoreError) -> (saves: Int, gone: Int) {
        try await read { db in
            let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT count(*) AS saves, coalesce(sum(is_gone), 0) AS gone FROM device_save_sync
                    WHERE device_id = ? AND is_untracked = 0 AND (content_hash IS NOT NULL OR device_time IS NOT NULL)
                    """, arguments: [id])
            return (row?["saves"] ?? 0, row?["gone"] ?? 0)
        }
    }

    /// Replaces the trusted host keys of a device.
    public func pinHostKeys(_ keys: [PinnedHostKey], for id: Int64) async throws(StoreError) {
        try await write { db in try pin(keys, to: id, db) }
    }

    /// Remembers that the device ended a connection over something that the work can be done without, at this time in seconds since
    /// 1970. Lasts until its settings are changed.
    public func recordFailedSpeedUp(of id: Int64, at time: Int64) async throws(StoreError) {
        try await write { db in
            try db.execute(sql: "UPDATE devices SET speed_ups_failed_at = ? WHERE id = ?", arguments: [time, id])
        }
    }

    /// All devices, by name.
    public func devices() async throws(StoreError) -> [Device] {
        try await read { db in
            try loadDevices(db)
        }
    }

    /// The device with this name. Throws ``StoreError/Code/notFound`` with the names there are.
    public func device(named name: String) async throws(StoreError) -> Device {
        try await read { db in
            guard let id = try Int64.fetchOne(db, sql: "SELECT id FROM devices WHERE name = ?", arguments: [name])
            else {
                let known = try String.fetchAll(db, sql: "SELECT name FROM devices ORDER BY name LIMIT 20")
                throw StoreError(
                    .notFound, "there is no device named \(FileName.escaped(name))",
                    advice: known.isEmpty
                        ? "Add one with `saveferry device add`." : "The devices are: \(known.joined(separator: ", ")).")
            }
            return try loadDevice(id, db)
        }
    }
}

extension DeviceSettings {
    /// In the order of the columns after `id`.
    fileprivate var columns: StatementArguments {
        let (kind, path): (String, String?) =
            switch authentication {
            case .keyFile(let path): ("key", path)
            case .passwordFile(let path): ("password", path)
            case .agent: ("agent", nil)
            }
        return [
            name, host, port, user, kind, path, owner, isEnabled, conflictPolicy?.rawValue, deletionPolicy.rawValue,
            schedule, runsCommands, allowsEmptyPassword,
        ]
    }
}

/// Adds a device, and returns its number.
private func insert(_ settings: DeviceSettings, _ db: Database) throws -> Int64 {
    try checkNames(settings, of: nil, db)
    try db.execute(
        sql: """
            INSERT INTO devices (name, host, port, user, authentication, secret_path, owner, is_enabled,
                conflict_policy, deletion_policy, schedule, runs_commands, allows_empty_password)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, arguments: settings.columns)
    let id = db.lastInsertedRowID
    try replaceDirectories(of: id, with: settings.directories, db)
    return id
}

private func update(_ id: Int64, _ settings: DeviceSettings, _ db: Database) throws {
    try checkNames(settings, of: id, db)
    try db.execute(
        sql: """
            UPDATE devices SET name = ?, host = ?, port = ?, user = ?, authentication = ?, secret_path = ?,
                owner = ?, is_enabled = ?, conflict_policy = ?, deletion_policy = ?, schedule = ?,
                runs_commands = ?, allows_empty_password = ?, speed_ups_failed_at = NULL WHERE id = ?
            """, arguments: settings.columns + [id])
    guard db.changesCount > 0 else { throw StoreError(.notFound, "the device is gone") }
    try replaceDirectories(of: id, with: settings.directories, db)
}

/// Makes `keys` the host keys that the device is trusted by.
private func pin(_ keys: [PinnedHostKey], to id: Int64, _ db: Database) throws {
    try db.execute(sql: "DELETE FROM device_host_keys WHERE device_id = ?", arguments: [id])
    for key in keys {
        try db.execute(
            sql: "INSERT INTO device_host_keys (device_id, fingerprint, algorithm) VALUES (?, ?, ?)",
            arguments: [id, key.fingerprint, key.algorithm])
    }
}

/// Refuses a name that another device has, and an owner that differs from another one only by case or by the
/// form of its accents: on a file system that folds names their saves would meet in the library.
private func checkNames(_ settings: DeviceSettings, of device: Int64?, _ db: Database) throws {
    let others: StatementArguments = ["device": device]
    let names = try String.fetchAll(db, sql: "SELECT name FROM devices WHERE id IS NOT :device", arguments: others)
    if names.contains(settings.name) {
        throw StoreError(
            .alreadyExists, "there is already a device named \(settings.name)",
            advice: "Choose another name, or change it with `saveferry device edit \(settings.name)`.")
    }
    let owners = try String.fetchAll(
        db, sql: "SELECT owner FROM devices WHERE id IS NOT :device UNION SELECT owner FROM saves", arguments: others)
    let folded = NameFolding.caseFolded(settings.owner)
    let same = owners.filter { NameFolding.caseFolded($0) == folded }
    if let other = same.first, !same.contains(where: { $0.utf8.elementsEqual(settings.owner.utf8) }) {
        throw StoreError(
            .invalid, "the owner \(FileName.escaped(settings.owner)) is already written \(FileName.escaped(other))",
            advice: "Use \(FileName.escaped(other)), or another name.",
            about: DeviceSetting(device: settings.name, key: .owner))
    }
}

private func replaceDirectories(of device: Int64, with directories: [SaveDirectory], _ db: Database) throws {
    let kept = directories.map { "\($0.kind.rawValue) \($0.path)" }
    for row in try Row.fetchAll(
        db, sql: "SELECT id, kind || ' ' || path AS place FROM save_directories WHERE device_id = ?",
        arguments: [device])
    where !kept.contains(row["place"]) {
        try db.execute(sql: "DELETE FROM save_directories WHERE id = ?", arguments: [row["id"] as Int64])
    }
    for (position, directory) in directories.enumerated() {
        let platform: String? = if case .named(let name) = directory.platform { name } else { nil }
        try db.execute(
            sql: """
                INSERT INTO save_directories (device_id, position, path, platform, kind, layout, extensions, accepts_new)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (device_id, kind, path) DO UPDATE SET position = excluded.position,
                    platform = excluded.platform, layout = excluded.layout, extensions = excluded.extensions,
                    accepts_new = excluded.accepts_new
                """,
            arguments: [
                device, position, directory.path, platform, directory.kind.rawValue, directory.layout.rawValue,
                directory.extensions.joined(separator: ","), directory.acceptsNew,
            ])
    }
}

/// Leaves of the rows that meet `condition`, but for those of untracked saves, only where the save stands.
func forgetAgreements(where condition: String, _ arguments: StatementArguments, _ db: Database) throws {
    let rows = try Int64.fetchAll(
        db,
        sql: """
            UPDATE device_save_sync SET content_hash = NULL, device_time = NULL, server_time = NULL, is_gone = 0
            WHERE is_untracked = 0 AND \(condition) RETURNING id
            """, arguments: arguments)
    for row in rows {
        try db.cachedStatement(sql: "DELETE FROM device_save_entries WHERE sync_id = ?").execute(arguments: [row])
    }
}

private func loadDevice(_ id: Int64, _ db: Database) throws -> Device {
    guard let device = try loadDevices(db, id).first else { throw StoreError(.notFound, "the device is gone") }
    return device
}

/// All devices, or one, by name; in three statements.
func loadDevices(_ db: Database, _ id: Int64? = nil) throws -> [Device] {
    func rows(_ table: String, by order: String) throws -> [Int64: [Row]] {
        let sql = "SELECT * FROM \(table) WHERE ?1 IS NULL OR device_id = ?1 ORDER BY device_id, \(order)"
        return Dictionary(grouping: try Row.fetchAll(db, sql: sql, arguments: [id])) { $0["device_id"] as Int64 }
    }
    let directories = try rows("save_directories", by: "position")
    let keys = try rows("device_host_keys", by: "fingerprint")
    return try Row.fetchAll(
        db, sql: "SELECT * FROM devices WHERE ?1 IS NULL OR id = ?1 ORDER BY name", arguments: [id]
    ).map { row in
        let id: Int64 = row["id"]
        return Device(row, (directories[id] ?? []).map(SaveDirectory.init), (keys[id] ?? []).map(PinnedHostKey.init))
    }
}

extension Device {
    fileprivate init(_ row: Row, _ directories: [SaveDirectory], _ hostKeys: [PinnedHostKey]) {
        let path: String? = row["secret_path"]
        let authentication: DeviceSettings.Authentication =
            switch row["authentication"] as String {
            case "password": .passwordFile(path: path ?? "")
            case "agent": .agent
            default: .keyFile(path: path)
            }
        let settings = DeviceSettings(
            name: row["name"], host: row["host"], port: row["port"], user: row["user"], authentication: authentication,
            owner: row["owner"], isEnabled: row["is_enabled"], directories: directories,
            conflictPolicy: (row["conflict_policy"] as String?).flatMap(ConflictPolicy.init),
            deletionPolicy: DeletionPolicy(rawValue: row["deletion_policy"]) ?? .hold, schedule: row["schedule"],
            runsCommands: row["runs_commands"], allowsEmptyPassword: row["allows_empty_password"])
        self.init(
            id: row["id"], settings: settings, directories: directories, hostKeys: hostKeys,
            speedUpsFailedAt: row["speed_ups_failed_at"])
    }
}

extension SaveDirectory {
    fileprivate init(_ row: Row) {
        let kind = SaveKind(rawValue: row["kind"]) ?? .save
        let stored = (row["extensions"] as String).split(separator: ",").map(String.init)
        self.init(
            id: row["id"], path: row["path"],
            platform: (row["platform"] as String?).map { .named($0) } ?? .eachSubfolder, kind: kind,
            layout: SaveDirectory.Layout(rawValue: row["layout"]) ?? .files,
            extensions: SaveFileName.current(stored, for: kind), acceptsNew: row["accepts_new"])
    }
}

extension PinnedHostKey {
    fileprivate init(_ row: Row) {
        self.init(algorithm: row["algorithm"], fingerprint: row["fingerprint"])
    }
}
