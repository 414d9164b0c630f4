import GRDB
import Glibc
import Logging

/// Brings the database into the state directory from where a setup on one volume had it: `<library>/.saveferry.db`.
///
/// It is copied to a `.part` file, which takes what is in the copy's `-wal` into itself, is checked and forced to the disk
/// before it gets its name. Only then is the old one renamed to `.migrated`. So at every instant one of the two is whole, and
/// a start that comes after an interruption goes on from there. The `-shm` is not copied: it is SQLite's index of the `-wal`,
/// made anew whenever a database is opened.
struct DatabaseMove {
    private let old: String
    private let new: String
    private let library: String
    private let stateDirectory: String
    private let logger: Logger

    private var part: String { new + ".part" }

    init(library: String, stateDirectory: String, logger: Logger) {
        old = DatabaseMove.earlierDatabase(in: library)
        new = Store.database(in: stateDirectory)
        self.library = library
        self.stateDirectory = stateDirectory
        self.logger = logger
    }

    /// Moves the database where there is one to move. Throws what keeps it from being copied, after which it stands in
    /// the library as before, and nothing in its place in the state directory.
    func run(_ lock: DatabaseLock) throws {
        guard let found = try DatabaseMove.look(at: old) else {
            if try DatabaseMove.look(at: new).map({ $0.st_size == 0 }) ?? true { try requireNothingKept() }
            return
        }
        guard let present = try DatabaseMove.look(at: new), present.st_size > 0 else { return try copy(lock) }
        if present.st_dev == found.st_dev, present.st_ino == found.st_ino { return }
        if let empty = try openEmpty() {
            defer { try? empty.close() }
            return try copy(lock)
        }
        if lock.origin == DatabaseMove.mark(found) {
            // The copy was made by a run that did not get to rename what it copied, or could not.
            setAside(failing: .info)
            return
        }
        logger.warning(
            "there are two databases: the one in the state directory is used, the one in the library is left alone",
            metadata: ["used": "\(new)", "left": "\(old)"])
        // What is a version there may be unknown here.
        try Staging.forgetPlacements(in: Staging.parent(inLibrary: library))
    }

    /// Throws when a database was moved from here, and not into this state directory. To be asked where that has nothing in its
    /// database, as any command makes it while the library is not in its place.
    func requireNothingMoved(_ lock: DatabaseLock) throws {
        if lock.origin.isEmpty { try requireNothingKept() }
    }

    /// Throws when the library has a database that was moved.
    private func requireNothingKept() throws {
        let kept = (FileCalls.names(in: library) ?? []).filter { name in
            name.hasPrefix(".saveferry.db.migrated") && !SideFiles.suffixes.contains { name.hasSuffix($0) }
        }
        guard let last = kept.max(by: { ($0.utf8.count, $0) < ($1.utf8.count, $1) }) else { return }
        throw StoreError(
            .other, "the database is gone from the state directory \(stateDirectory), to which it was moved",
            advice:
                "Check state_dir, or restore a snapshot (saveferry snapshot restore), or give \(library)/\(last) its "
                + "old name .saveferry.db. To begin with an empty database, move that file out of the library.")
    }

    private func copy(_ lock: DatabaseLock) throws {
        logger.notice("moving the database into the state directory", metadata: ["from": "\(old)", "to": "\(new)"])
        let source = open(old, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { throw unmoved(StoreError(errno: errno, "open \(old)")) }
        // SQLite would make something of it.
        guard lseek(source, 0, SEEK_END) != 0 else { throw unmoved(StoreError(.corrupt, "it is empty")) }
        lseek(source, 0, SEEK_SET)
        // Closing it gives up SQLite's lock too (fcntl(2), "Record locks"): it goes last.
        defer { close(source) }
        let sole = try lockOld()
        defer { try? sole?.close() }
        let before = sole == nil ? try requireUnused(source) : []
        removeParts()
        let lost: (any Error)?
        do {
            try DatabaseMove.copy(source, old, to: part)
            lost = sole == nil ? try copySideFiles() : nil
            guard try sole != nil || requireUnused(source) == before else { throw SoleDatabase.inUse(old) }
            try check()
            for suffix in SideFiles.suffixes { removeIfThere(part + suffix) }
            try FileCalls.sync(part)
            try lock.remember(try DatabaseMove.look(at: old).map(DatabaseMove.mark) ?? "")
            try FileCalls.sync(stateDirectory)
            // Beside a database without content, from a first start that was interrupted.
            let kept = try SideFiles.keep(beside: new)
            if !kept.isEmpty {
                logger.warning("a database was taken away without its -wal", metadata: ["kept_as": "\(kept)"])
            }
            for suffix in [""] + SideFiles.suffixes { removeIfThere(new + suffix) }
            guard try FileCalls.moveWithoutReplacing(part, to: new, isFolder: false) else {
                throw StoreError(.alreadyExists, "\(new) exists")
            }
            try FileCalls.sync(stateDirectory)
        } catch {
            removeParts()
            // Else a database that gets there by another way would count as this one's copy.
            if access(new, F_OK) != 0 { try? lock.remember("") }
            throw unmoved(StoreError(database: error))
        }
        let aside = setAside(failing: .warning)
        if let lost {
            logger.warning(
                "the database's -wal could not be copied: the latest changes may be missing",
                metadata: ["reason": "\(lost)", "kept_as": "\(aside)-wal"])
        }
    }

    /// The old database, held so that nobody changes it meanwhile, with everything in its main file; nil where SQLite can't
    /// do that, as in a library that can't be written, and the files are to be taken as they are.
    private func lockOld() throws -> DatabaseQueue? {
        do {
            return try SoleDatabase.open(old)
        } catch let error as StoreError {
            throw error
        } catch {
            logger.debug("the database in the library can't be locked: \(error)")
            return nil
        }
    }

    /// What is to be seen of the old database's files from outside, for as long as nobody changes them. Throws when another
    /// process has the main file open: in WAL mode SQLite keeps a lock there, on one of 512 bytes
    /// (https://www.sqlite.org/lockingv3.html).
    private func requireUnused(_ source: Int32) throws -> [String] {
        var lock = flock()
        (lock.l_type, lock.l_whence, lock.l_start, lock.l_len) = (Int16(F_WRLCK), Int16(SEEK_SET), 0x4000_0000, 512)
        // It only asks: that can be done of a file that can't be written, too.
        guard fcntl(source, F_GETLK, &lock) != 0 || lock.l_type == Int16(F_UNLCK) else { throw SoleDatabase.inUse(old) }
        return try ["", "-wal", "-journal"].map { try DatabaseMove.look(at: old + $0).map(DatabaseMove.mark) ?? "" }
    }

    /// A `-journal` is what makes the main file whole: it must come along. A `-wal` has what was committed last; returns what
    /// kept it from being copied.
    private func copySideFiles() throws -> (any Error)? {
        try copySideFile("-journal")
        do {
            try copySideFile("-wal")
            return nil
        } catch {
            removeIfThere(part + "-wal")
            // Files that only the lost rows name are not strays.
            try Staging.forgetPlacements(in: Staging.parent(inLibrary: library))
            return error
        }
    }

    private func copySideFile(_ suffix: String) throws {
        guard try DatabaseMove.look(at: old + suffix) != nil else { return }
        let source = open(old + suffix, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { throw StoreError(errno: errno, "open \(old)\(suffix)") }
        defer { close(source) }
        try DatabaseMove.copy(source, old + suffix, to: part + suffix)
    }

    /// Throws unless the copy is a whole database of this program.
    private func check() throws {
        let queue: DatabaseQueue
        do {
            queue = try SoleDatabase.open(part)
        } catch let error as DatabaseError where error.resultCode == .SQLITE_NOTADB {
            throw StoreError(.corrupt, "it is no database")
        }
        defer { try? queue.close() }
        try queue.read { db in
            let found = try String.fetchOne(db, sql: "PRAGMA quick_check(1)") ?? "nothing"
            guard found == "ok" else { throw StoreError(.corrupt, "it is damaged: \(found)") }
            for table in ["devices", "saves", "save_versions", "grdb_migrations"] where try !db.tableExists(table) {
                throw StoreError(.corrupt, "it has no table \(table)")
            }
            if try Migrations.all.hasBeenSuperseded(db) {
                throw StoreError(.newerSchema, "it was made by a later version of SaveFerry")
            }
        }
    }

    /// Renames the database in the library, with what stands beside it, so that it can be gone back to. Returns under which
    /// name it stands now.
    @discardableResult
    private func setAside(failing level: Logger.Level) -> String {
        do {
            var aside = "\(old).migrated"
            var attempt = 1
            while try !FileCalls.moveWithoutReplacing(old, to: aside, isFolder: false) {
                attempt += 1
                aside = "\(old).migrated-\(attempt)"
            }
            for suffix in SideFiles.suffixes {
                guard let file = try DatabaseMove.look(at: old + suffix) else { continue }
                if file.st_size == 0 {
                    FileCalls.remove(old + suffix)
                } else {
                    _ = try FileCalls.moveWithoutReplacing(old + suffix, to: aside + suffix, isFolder: false)
                }
            }
            try FileCalls.sync(library)
            logger.notice("moved the database; the old one is kept", metadata: ["kept_as": "\(aside)"])
            return aside
        } catch {
            logger.log(
                level: level, "the database was moved, and the old one could not be renamed; it is not used any more",
                metadata: ["reason": "\(error)", "file": "\(old)"])
            return old
        }
    }

    /// The state directory's database, held against everyone else, when it has nothing in it: as any command makes it while
    /// the library is not in its place. Nil when there is something in it, or it can't be read.
    private func openEmpty() throws -> DatabaseQueue? {
        guard holdsNothing() else { return nil }
        let queue = try SoleDatabase.open(new)
        // Its last user may have put something in.
        guard try queue.read(SoleDatabase.holdsNothing) else {
            try queue.close()
            return nil
        }
        return queue
    }

    private func holdsNothing() -> Bool {
        var configuration = Configuration()
        configuration.targetQueue = .global(qos: .userInitiated)
        guard let queue = try? DatabaseQueue(path: new, configuration: configuration) else { return false }
        defer { try? queue.close() }
        return (try? queue.read(SoleDatabase.holdsNothing)) == true
    }

    private func removeParts() {
        for suffix in [""] + SideFiles.suffixes { removeIfThere(part + suffix) }
    }

    private func removeIfThere(_ path: String) {
        if access(path, F_OK) == 0 { FileCalls.remove(path) }
    }

    private func unmoved(_ error: StoreError) -> StoreError {
        StoreError(
            error.code, "the database can't be moved from \(old) into the state directory: \(error.what)",
            advice: "\(error.advice.isEmpty ? "" : "\(error.advice) ")It stands where it was.")
    }
}

extension DatabaseMove {
    /// Where a setup on one volume had the database.
    static func earlierDatabase(in library: String) -> String { "\(library)/.saveferry.db" }

    /// What is known of a file; nil when there is none.
    static func look(at path: String) throws(StoreError) -> stat? {
        var info = stat()
        if stat(path, &info) == 0 { return info }
        guard errno == ENOENT || errno == ENOTDIR else { throw StoreError(errno: errno, "look at \(path)") }
        guard lstat(path, &info) != 0 else {
            throw StoreError(
                .other, "\(path) is a link to something that is missing",
                advice: "Mount what it leads to; or remove the link, if that database is not wanted any more.")
        }
        return nil
    }

    /// By what a file is known again that was copied and not changed since.
    private static func mark(_ file: stat) -> String {
        "\(file.st_size) bytes, \(file.st_mtim.tv_sec).\(file.st_mtim.tv_nsec)\n"
    }

    /// Copies what an open file has to a new one.
    private static func copy(_ source: Int32, _ path: String, to target: String) throws(StoreError) {
        let descriptor = try FileCalls.create(target)
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = buffer.withUnsafeMutableBytes { buffer in
                FileCalls.call("read", path, of: buffer.count) { read(source, buffer.baseAddress, $0) }
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw StoreError(errno: errno, "read \(path)") }
            guard count > 0 else { return }
            try FileCalls.write(Array(buffer[..<count]), to: descriptor, target)
        }
    }
}
