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

    /// Makes the folder, if nothing stands there and no version is recorded that it should have.
    static func begin(_ root: String, for pool: DatabasePool) throws {
        var info = stat()
        guard lstat(root, &info) != 0, try !pool.read(hasVersions) else { return }
        try FileCalls.makeDurableFolders(root)
    }

    /// Whether nothing of a library is among the names in a folder: a new ext4 has a lost+found, and hidden ones are other
    /// programs'.
    static func isNothing(in names: [String]) -> Bool { names.allSatisfy { $0.hasPrefix(".") || $0 == "lost+found" } }

    /// Why a folder without the sign can't be a library that has versions; nil when it can.
    static func absence(of root: String) -> StoreError? {
        guard let names = FileCalls.names(in: root) else {
            guard errno == ENOENT else { return StoreError(errno: errno, "open the library \(root)") }
            return absence("the library \(root) is not there", root)
        }
        return isNothing(in: names) ? absence("the library \(root) is empty", root) : nil
    }

    private static func absence(_ what: String, _ root: String) -> StoreError {
        StoreError(
            .other, "\(what), and versions are recorded that should be in it",
            advice: "Mount its disk, put it back, or correct library_dir. To go on without its files, make the folder "
                + "\(sign(in: root)).")
    }

    /// Throws when a library that had its sign has it no more. To be asked before a folder is made there: one in a mount point
    /// would look like a library.
    static func requireSign(_ root: String) throws(StoreError) {
        guard hasSign(root) else { throw loss(of: root) }
    }

    /// That it was there before, and is not any more.
    static func loss(of root: String) -> StoreError {
        StoreError(
            .other, "the library \(root) is not there any more",
            advice: "Mount its disk again. If it is mounted, make the folder \(sign(in: root)), which it had.")
    }

    static func hasVersions(_ db: Database) throws -> Bool {
        try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM save_versions)") ?? false
    }
}

extension Store {
    /// Throws when the library is not there, or empty, while versions are recorded that should be in it; and when it was there
    /// before, and is not any more. To be asked before anything is put there, or read from there.
    public func requireLibrary() async throws(StoreError) {
        guard let absence = try await library.absence(), try await hasVersions() else { return }
        throw absence
    }

    /// Whether any version is recorded.
    func hasVersions() async throws(StoreError) -> Bool { try await read(LibraryPresence.hasVersions) }
}
