import Foundation
import GRDB
import Glibc
import Planner

extension Snapshots {
    /// What a restored database has, and what of it is not in the library.
    public struct Restored: Sendable {
        /// Where it came from.
        public let snapshot: Snapshot
        /// Files of versions that are missing in the library or have another size.
        public let missing: Int
        /// The first of them, paths below the library, at most 20.
        public let examples: [String]
        /// What was left beside a database that is gone, such as its `-wal`: the absolute paths under which it is kept.
        public let kept: [String]
    }

    /// Makes a database in `stateDirectory` of the snapshot with this number, or at this path.
    ///
    /// Refuses a state directory that has devices or saves (``StoreError/Code/alreadyExists``) or is in use, and a library
    /// that a run is just receiving files in (``StoreError/Code/held``). A damaged snapshot is refused before anything is
    /// written. The new database has its name only when it is whole and durable.
    public func restore(
        _ text: String, stateDirectory: String, libraryDirectory: String
    ) async throws(StoreError) -> Restored {
        do {
            let path = try path(of: text)
            let snapshot = try SnapshotReader.read(path)
            guard Migrations.all.migrations.contains(snapshot.schema) else {
                throw StoreError(
                    .newerSchema, "the snapshot \(path) was taken by a later version of SaveFerry",
                    advice: "Update this one.")
            }
            try requireLibrary(libraryDirectory, of: snapshot)
            // A daemon may have a database open that was renamed meanwhile.
            let daemon = try await DaemonLock.acquire(stateDirectory: stateDirectory, now: now())
            defer { daemon.release() }
            let lock = try DatabaseLock(stateDirectory: stateDirectory)
            defer { lock.release() }
            let staging = Staging.parent(inLibrary: libraryDirectory)
            guard try !Staging.isInUse(below: staging) else {
                throw StoreError(
                    .held, "a run is receiving files in the library \(libraryDirectory)", advice: "Wait for it to end.")
            }
            let file = Store.database(in: stateDirectory)
            let present = try open(emptyDatabase: file, libraryDirectory)
            defer { try? present?.close() }
            let part = "\(file).part"
            for suffix in [""] + SideFiles.suffixes { unlink(part + suffix) }
            do {
                let missing = try build(part, of: snapshot, libraryDirectory)
                try FileCalls.sync(part)
                // What runs recorded since the snapshot is not in it, and must stay in the library all the same.
                try Staging.forgetPlacements(in: staging)
                // Not before all else is done: under its new name nobody looks for it who was refused here.
                let kept = try SideFiles.keep(beside: file)
                do { try replace(file, with: part) } catch { throw SideFiles.telling(of: kept, error) }
                return Restored(snapshot: snapshot, missing: missing.count, examples: missing.examples, kept: kept)
            } catch {
                FileCalls.remove(part)
                throw error
            }
        } catch {
            throw StoreError(database: error)
        }
    }

    /// Throws unless the library is in its place. Beside an unmounted one nothing could be told to runs that died there, and
    /// what they stored after the snapshot would be removed once it is mounted.
    private func requireLibrary(_ directory: String, of snapshot: Snapshot) throws(StoreError) {
        let advice = "Mount it or put it back first, and check library_dir."
        guard let names = FileCalls.names(in: directory) else {
            let error = StoreError(errno: errno, "read the library \(directory)")
            throw StoreError(error.code, error.what, advice: advice)
        }
        let versions = snapshot.counts.first { $0.entity == "save_versions" }?.count ?? 0
        guard versions == 0 || !LibraryPresence.isNothing(in: names) else {
            throw StoreError(
                .notFound, "the library \(directory) is empty, and the snapshot names versions in it",
                advice: "\(advice) If it is lost for good, make any file there and begin again.")
        }
    }

    /// The database that is there, held against everyone else, when it has nothing in it; nil for none, and for an empty file:
    /// opening it would remove a `-wal` beside it.
    private func open(emptyDatabase file: String, _ libraryDirectory: String) throws -> DatabaseQueue? {
        var queue: DatabaseQueue?
        if let present = try DatabaseMove.look(at: file), present.st_size > 0 {
            do {
                queue = try SoleDatabase.open(file)
                guard try queue?.read(SoleDatabase.holdsNothing) == true else {
                    throw StoreError(
                        .alreadyExists, "the state directory has a database in use: \(file)",
                        advice: "Stop SaveFerry and rename that file with its -wal and -shm, or give another state_dir."
                    )
                }
            } catch let error as DatabaseError where [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode) {
                throw StoreError(
                    .corrupt, "the database \(file) is damaged: \(error.message ?? "")",
                    advice: "To restore the snapshot in its place, rename that file with its -wal and -shm.")
            }
        }
        let old = DatabaseMove.earlierDatabase(in: libraryDirectory)
        guard try DatabaseMove.look(at: old) == nil else {
            throw StoreError(
                .alreadyExists, "a database stands in the library: \(old)",
                advice:
                    "The next start moves it into the state directory. To restore the snapshot instead, rename it with its "
                    + "-wal and -shm.")
        }
        return queue
    }

    /// Writes the database of a snapshot: its schema as it was then, and all rows, which must refer to each other. Returns how
    /// many files the library lacks, and the first of them.
    private func build(
        _ part: String, of snapshot: Snapshot, _ libraryDirectory: String
    ) throws -> (count: Int, examples: [String]) {
        close(try FileCalls.create(part))
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        configuration.targetQueue = .global(qos: .userInitiated)
        configuration.prepareDatabase { db in
            // The file is of no use before it is whole.
            try db.execute(sql: "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE")
            db.add(function: SnapshotEntity.hash)
        }
        let queue = try DatabaseQueue(path: part, configuration: configuration)
        defer { try? queue.close() }
        try Migrations.all.migrate(queue, upTo: snapshot.schema)
        return try queue.write { db in
            do {
                _ = try SnapshotReader.read(snapshot.path) { entity, rows in try entity.insert(rows, db) }
                try db.checkForeignKeys()
            } catch let error as DatabaseError where [.SQLITE_ERROR, .SQLITE_CONSTRAINT].contains(error.resultCode) {
                throw StoreError(
                    .corrupt, "the snapshot \(snapshot.path) does not fit its schema: \(error.message ?? "")",
                    advice: "Take another one; see `saveferry snapshot list`.")
            }
            try db.execute(sql: "PRAGMA user_version = \(snapshot.sequence)")
            var missing: [String] = []
            var count = 0
            let files = try Row.fetchCursor(
                db,
                sql: """
                    SELECT v.library_path || iif(v.shape = 'folder', '/' || e.path, '') AS path, e.size
                    FROM version_entries e JOIN save_versions v ON v.id = e.version_id
                    """)
            while let row = try files.next() {
                let path: String = row["path"]
                var info = stat()
                if lstat("\(libraryDirectory)/\(path)", &info) == 0, info.st_size == row["size"] as Int64 { continue }
                count += 1
                if missing.count < 20 { missing.append(path) }
            }
            return (count, missing)
        }
    }

    /// Gives the new database its name, in the place of one without content.
    private func replace(_ file: String, with part: String) throws(StoreError) {
        // Of the database that was there, nothing is in it; the new one must not be taken for its main file.
        for suffix in SideFiles.suffixes {
            guard unlink(file + suffix) == 0 || errno == ENOENT else {
                throw StoreError(errno: errno, "remove \(file)\(suffix)")
            }
        }
        try FileCalls.sync(FileCalls.parent(of: file))
        guard FileCalls.call("rename", file, { rename(part, file) }) == 0 else {
            throw StoreError(errno: errno, "rename \(part) to \(file)")
        }
        try FileCalls.sync(FileCalls.parent(of: file))
    }
}
