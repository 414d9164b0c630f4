import GRDB
import Glibc

/// Whether the library is where it should be. A disk that is mounted late, or was taken away, leaves an empty mount point or
/// none: what went there would be hidden as soon as it is mounted.
enum LibraryPresence {
    /// Where a library has what is no version; the sign that a folder is one.
    static func sign(in root: String) -> String { "\(root)/.saveferry" }

    static func hasSign(_ root: String) -> Bool {
        var info = stat()
        return lstat(sign(in: root), &info) == 0
    }

    /// Makes the folder, if no version is recorded that it should have.
    static func begin(_ root: String, for pool: DatabasePool) throws {
        var info = stat()
        guard stat(root, &info) != 0, try !pool.read(hasVersions) else { return }
        try FileCalls.makeDurableFolders(root)
    }

    /// Throws unless the folder has something in it, or no version is recorded that it should have.
    static func check(_ root: String, _ db: Database) throws {
        guard !hasSign(root), try hasVersions(db) else { return }
        guard let names = FileCalls.names(in: root) else {
            guard errno == ENOENT else { throw StoreError(errno: errno, "open the library \(root)") }
            throw absence("the library \(root) is not there", root)
        }
        // Every new ext4 has that one.
        guard names.allSatisfy({ $0 == "lost+found" }) else { return }
        throw absence("the library \(root) is empty", root)
    }

    private static func absence(_ what: String, _ root: String) -> StoreError {
        StoreError(
            .other, "\(what), and versions are recorded that should be in it",
            advice: "Mount its disk, put it back, or correct library_dir. To go on without its files, make the folder "
                + "\(sign(in: root)).")
    }

    private static func hasVersions(_ db: Database) throws -> Bool {
        try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM save_versions)") ?? false
    }
}

extension Store {
    /// Throws when the library is not there, or empty, while versions are recorded that should be in it. To be asked before
    /// anything is put there, or read from there.
    public func requireLibrary() async throws(StoreError) {
        try await read { [root = library.root] db in try LibraryPresence.check(root, db) }
    }
}
