import Foundation
import GRDB
import Glibc

/// The snapshots in a folder. An actor that runs where it may block.
public actor Snapshots {
    private nonisolated let disk = DiskExecutor()
    /// The actor runs where it may block.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { disk.asUnownedSerialExecutor() }
    /// Absolute path.
    public nonisolated let folder: String
    nonisolated let now: @Sendable () -> Date

    /// The snapshots in `folder`, which need not exist.
    public init(folder: String, now: @escaping @Sendable () -> Date) {
        self.folder = folder
        self.now = now
    }

    /// A snapshot, or why it can't be used.
    public typealias Entry = (path: String, sequence: Int, size: UInt64, snapshot: Result<Snapshot, StoreError>)

    /// Takes a snapshot of everything alive in the database: to `output`, which must not exist, or into the folder; in the
    /// library only where that is in its place (``Store/requireLibrary()``). Others may use the database meanwhile; the snapshot
    /// has what was committed before it began.
    ///
    /// The sequence number is kept in the database too (`user_version`), so that pruning or another folder doesn't repeat it.
    public func create(of store: Store, to output: String? = nil) async throws(StoreError) -> Snapshot {
        do {
            if (output ?? "\(folder)/").hasPrefix("\(store.library.root)/") { try await store.requireLibrary() }
            let highest = try files().last?.sequence ?? 0
            let sequence = try await store.write { db in
                let sequence = try Snapshot.sequence(
                    after: max(highest, try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0))
                try db.execute(sql: "PRAGMA user_version = \(sequence)")
                return sequence
            }
            let path = output ?? "\(folder)/\(Snapshot.name(sequence, now()))"
            let parent = FileCalls.parent(of: path)
            let made = output == nil ? try FileCalls.makeFolders(parent) : []
            let part = "\(path).part"
            removeAbandoned(part)
            try await write(store, sequence, to: part)
            do {
                guard try FileCalls.moveWithoutReplacing(part, to: path, isFolder: false) else {
                    throw StoreError(.alreadyExists, "\(path) exists already", advice: "Choose another name.")
                }
                for folder in [parent] + made.map(FileCalls.parent) { try FileCalls.sync(folder) }
            } catch {
                FileCalls.remove(part)
                throw error
            }
            return try SnapshotReader.read(path)
        } catch {
            throw StoreError(database: error)
        }
    }

    /// Writes page by page over a connection of its own, within one transaction, and lets others work between two pages.
    private func write(_ store: Store, _ sequence: Int, to part: String) async throws {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.allowsUnsafeTransactions = true
        configuration.targetQueue = .global(qos: .userInitiated)
        let database = try DatabaseQueue(path: Store.database(in: store.stateDirectory), configuration: configuration)
        defer { try? database.close() }
        let writer = try SnapshotWriter(path: part, try begin(sequence, database))
        do {
            try await write(database, by: writer)
        } catch {
            // The file is ours: where another process is writing one of that name, there is no writer.
            FileCalls.remove(part)
            throw error
        }
    }

    private func write(_ database: DatabaseQueue, by writer: SnapshotWriter) async throws {
        for entity in SnapshotEntity.all {
            try writer.begin(entity.table)
            var key: [DatabaseValue]?
            repeat {
                try Task.checkCancellation()
                let isFirst = key == nil
                let page = try page(of: entity, after: key, database)
                try writer.add(page.rows, isFirst: isFirst)
                key = page.last
                await Task.yield()
            } while key != nil
            try writer.end()
        }
        try writer.finish()
    }

    /// Begins the transaction, which sees nothing that is committed later.
    private func begin(_ sequence: Int, _ database: DatabaseQueue) throws -> SnapshotHeader {
        try database.unsafeRead { db in
            try db.execute(sql: "BEGIN")
            let bytes = try Int64.fetchOne(
                db,
                sql: """
                    SELECT sum(v.size) FROM save_versions v JOIN saves s ON s.id = v.save_id WHERE s.deleted_at IS NULL
                    """)
            let counts = try SnapshotEntity.all.map { ($0.table, try $0.count(db)) }
            // A later version may have brought the database further than this one knows.
            let schema = try String.fetchOne(
                db, sql: "SELECT identifier FROM grdb_migrations ORDER BY rowid DESC LIMIT 1")
            return SnapshotHeader(
                sequence, now(), schema: schema ?? "",
                contentBytes: UInt64(bitPattern: bytes ?? 0), counts: Dictionary(uniqueKeysWithValues: counts))
        }
    }

    private func page(
        of entity: SnapshotEntity, after key: [DatabaseValue]?, _ database: DatabaseQueue
    ) throws -> (rows: [String], last: [DatabaseValue]?) {
        try database.unsafeRead { db in try entity.page(after: key, limit: 500, db) }
    }

    /// What is in the folder, oldest first, each read to its end. Throws for a folder that can't be read.
    public func list() throws(StoreError) -> [Entry] {
        try files().map { name, sequence in
            let path = "\(folder)/\(name)"
            var info = stat()
            let size = stat(path, &info) == 0 ? UInt64(info.st_size) : 0
            let snapshot = Result { try SnapshotReader.read(path) }.mapError { StoreError(database: $0) }
            return (path, sequence, size, snapshot)
        }
    }

    /// The snapshot with this number in the folder, or at this path; and the names of the devices in it.
    public func show(_ text: String) throws(StoreError) -> (snapshot: Snapshot, devices: [String]) {
        struct Named: Decodable { let name: String }
        var devices: [String] = []
        do {
            let snapshot = try SnapshotReader.read(try path(of: text)) { entity, rows in
                guard entity.table == "devices" else { return }
                devices += try JSONDecoder().decode([Named].self, from: Data(rows.utf8)).map(\.name)
            }
            return (snapshot, devices.sorted())
        } catch {
            throw StoreError(database: error)
        }
    }

    /// Removes all that are older than the `kept` newest of those that can be read to their ends, and what snapshots left that
    /// were interrupted. Where fewer than that can be read, all stay. Returns the paths of those removed, oldest first; throws
    /// why the first could not be, after all others were.
    public func prune(keeping kept: Int, dryRun: Bool = false) throws(StoreError) -> [String] {
        var old = try files().map { "\(folder)/\($0.name)" }
        var readable = 0
        while readable < max(1, kept), let path = old.popLast() {
            if (try? SnapshotReader.read(path)) != nil { readable += 1 }
        }
        guard !dryRun else { return old }
        var failure: StoreError?
        for path in old where FileCalls.call("unlink", path, { unlink(path) }) != 0 && errno != ENOENT {
            failure = failure ?? StoreError(errno: errno, "remove the old snapshot \(path)")
        }
        for name in try FileCalls.namesIfThere(in: folder)
        where name.hasSuffix(".part") && Snapshot.sequence(in: String(name.dropLast(5))) != nil {
            removeAbandoned("\(folder)/\(name)")
        }
        if !old.isEmpty { try FileCalls.sync(folder) }
        if let failure { throw failure }
        return old
    }

    /// How long until the newest one is a day old; zero where there is none, and never more than a day.
    public func untilDue() -> Duration {
        guard let newest = try? files().last, let taken = try? SnapshotReader.read("\(folder)/\(newest.name)").created
        else {
            return .zero
        }
        return .seconds(min(86_400, max(0, taken.timeIntervalSince(now()) + 86_400)))
    }

    /// The path that a number in the folder, or a path, stands for.
    func path(of text: String) throws(StoreError) -> String {
        guard let number = Int(text) else { return text }
        guard let file = try files().first(where: { $0.sequence == number }) else {
            throw StoreError(
                .notFound, "there is no snapshot \(number) in \(folder)",
                advice: "See them with `saveferry snapshot list`.")
        }
        return "\(folder)/\(file.name)"
    }

    /// Oldest first; none where there is no such folder.
    private func files() throws(StoreError) -> [(name: String, sequence: Int)] {
        try FileCalls.namesIfThere(in: folder)
            .compactMap { name in Snapshot.sequence(in: name).map { (name, $0) } }
            .sorted { ($0.sequence, $0.name) < ($1.sequence, $1.name) }
    }

    private func removeAbandoned(_ part: String) {
        let descriptor = open(part, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { FileCalls.remove(part) }
    }
}
