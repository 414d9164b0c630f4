import GRDB

/// A database that nobody else uses, with all that was committed in its main file and nothing beside it.
enum SoleDatabase {
    /// Whether a database has neither devices nor saves: nobody loses anything with it.
    static func holdsNothing(_ db: Database) throws -> Bool {
        try ["devices", "saves"].allSatisfy { table in
            guard try db.tableExists(table) else { return true }
            return try Row.fetchOne(db, sql: "SELECT 1 FROM \(table)") == nil
        }
    }

    /// Opens the database at `path`, which must exist, and keeps everyone else out until it is closed
    /// (https://www.sqlite.org/pragma.html#pragma_locking_mode).
    ///
    /// What stands in its `-wal` goes into the main file, which is then a whole database by itself. Throws
    /// ``StoreError/Code/inUse`` when another process has it open.
    static func open(_ path: String) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.busyMode = .timeout(2)
        // The pool that all blocking work has, instead of a thread of its own.
        configuration.targetQueue = .global(qos: .userInitiated)
        // Before anything else is read: memory that is shared with other processes is not needed then.
        configuration.prepareDatabase { db in try db.execute(sql: "PRAGMA locking_mode = EXCLUSIVE") }
        do {
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.writeWithoutTransaction { db in
                // Of the journal an empty file may be left.
                let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode = TRUNCATE")
                guard mode == "truncate" else { throw DatabaseError(resultCode: .SQLITE_BUSY) }
                // A database that was in this mode already is not locked yet.
                try db.execute(sql: "BEGIN EXCLUSIVE; COMMIT")
            }
            return queue
        } catch let error as DatabaseError where [.SQLITE_BUSY, .SQLITE_LOCKED].contains(error.resultCode) {
            throw inUse(path)
        }
    }

    static func inUse(_ path: String) -> StoreError {
        StoreError(
            .inUse, "the database \(path) is in use by another process", advice: "Stop it, also `saveferry serve`.")
    }
}
