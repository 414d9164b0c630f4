import CLinux
import Dispatch
import Foundation
import GRDB
import Glibc
import Logging
import Planner

/// The state of SaveFerry: one SQLite file, and the library of versions beside it.
public final class Store: Sendable {
    /// The versions on disk.
    public let library: Library
    /// Absolute path of the state directory.
    public let stateDirectory: String
    /// The file that was opened as the database.
    let databaseFile: FileID?
    private let pool: DatabasePool
    private let reads = DatabaseAccess()
    let now: @Sendable () -> Date

    private init(stateDirectory: String, pool: DatabasePool, library: Library, now: @escaping @Sendable () -> Date) {
        self.stateDirectory = stateDirectory
        databaseFile = FileID(of: Store.database(in: stateDirectory))
        self.pool = pool
        self.library = library
        self.now = now
    }

    /// Opens the state, making what does not exist: directories with mode 0700, the database with 0600. A library that has
    /// versions is not made; see ``requireLibrary()``.
    ///
    /// A database that stands in the library is moved first; see ``DatabaseMove``. Refuses a database that a later version
    /// made. Warns when the state directory is on a file system where writes may be slow and locks may not hold.
    public static func open(
        stateDirectory: String, libraryDirectory: String, now: @escaping @Sendable () -> Date, logger: Logger
    ) async throws(StoreError) -> Store {
        do {
            var configuration = Configuration()
            observe(&configuration)
            return try await DatabaseAccess().perform { [configuration] in
                try openBlocking(stateDirectory, libraryDirectory, configuration, now, logger)
            }
        } catch {
            throw StoreError(database: error, in: stateDirectory)
        }
    }

    /// The database's file in a state directory.
    public static func database(in stateDirectory: String) -> String { "\(stateDirectory)/saveferry.db" }

    private static func openBlocking(
        _ stateDirectory: String, _ libraryDirectory: String, _ configuration: Configuration,
        _ now: @escaping @Sendable () -> Date, _ logger: Logger
    ) throws -> Store {
        for folder in [stateDirectory, "\(stateDirectory)/leases"] {
            try FileCalls.makeDurableFolders(folder)
        }
        if let place = FileCalls.doubtfulFileSystem(ofType: Int(saveferry_file_system_type(stateDirectory))) {
            logger.warning(
                "the state directory is on \(place), where writes may be slow and locks may not hold: keep it on a local disk",
                metadata: ["state_dir": "\(stateDirectory)"])
        }
        // Nobody may put another database into its place until this one is open and up to date.
        let lock = try DatabaseLock(stateDirectory: stateDirectory)
        defer { lock.release() }
        let move = DatabaseMove(library: libraryDirectory, stateDirectory: stateDirectory, logger: logger)
        try move.run(lock)
        let file = Store.database(in: stateDirectory)
        let kept = try SideFiles.keep(beside: file)
        if !kept.isEmpty {
            logger.warning("a database was taken away without its -wal", metadata: ["kept_as": "\(kept)"])
        }
        let descriptor = Glibc.open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StoreError(errno: errno, "open the database \(file)") }
        Glibc.close(descriptor)

        var configuration = configuration
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(10)
        configuration.maximumReaderCount = 1
        // The pool that all blocking work has, instead of a thread of its own.
        configuration.targetQueue = .global(qos: .userInitiated)
        let pool = try DatabasePool(path: file, configuration: configuration)
        // GRDB sets NORMAL when it turns the WAL on, with which a power cut may take back what was committed.
        try pool.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA synchronous = FULL") }
        let migrations = Migrations.all
        if try pool.read(migrations.hasBeenSuperseded) {
            throw StoreError(
                .newerSchema, "the database \(file) was made by a later version of SaveFerry",
                advice: "Update this one, or use another state directory.")
        }
        if try !pool.read(migrations.hasCompletedMigrations) { try migrations.migrate(pool) }
        if try pool.read(SoleDatabase.holdsNothing) {
            try move.requireNothingMoved(lock)
            // What runs noted before this database was begun may be versions in another one.
            try Staging.forgetPlacements(in: Staging.parent(inLibrary: libraryDirectory))
        }
        try LibraryPresence.begin(libraryDirectory, for: pool)
        let library = Library(root: libraryDirectory, now: now)
        return Store(stateDirectory: stateDirectory, pool: pool, library: library, now: now)
    }

    /// Ends the use of the database.
    public func close() {
        // The reader first: the connection that is closed last puts the -wal into the database, and a reader can't.
        pool.releaseMemory()
        try? pool.close()
    }

    /// Reads in one snapshot of the database.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value, for purpose: StaticString = #function
    ) async throws(StoreError) -> Value {
        do {
            return try await Store.transaction("read", purpose, body) { [pool, reads] body in
                try await reads.perform { try pool.read(body) }
            }
        } catch {
            throw StoreError(database: error, in: stateDirectory)
        }
    }

    /// Writes in one transaction: all of it, durable when this returns, or nothing.
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value, for purpose: StaticString = #function
    ) async throws(StoreError) -> Value {
        do {
            return try await Store.transaction("write", purpose, body) { [pool] in try await pool.write($0) }
        } catch {
            throw StoreError(database: error, in: stateDirectory)
        }
    }

    /// Seconds since 1970.
    var time: Int64 { Int64(now().timeIntervalSince1970) }
}

extension Digest {
    /// As it is stored: 32 bytes.
    var data: Data { Data(bytes) }
}

extension Row {
    /// The digest in a column that holds 32 bytes, or nil for NULL.
    func digest(_ column: String) -> Digest? {
        (self[column] as Data?).flatMap { Digest(bytes: $0) }
    }
}

/// The form in which a folded name is a key in the database (Unicode NFC).
func storedKey(_ folded: String) -> String { folded.precomposedStringWithCanonicalMapping }
