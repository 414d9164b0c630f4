import GRDB
import Glibc

extension Store {
    /// Why no run can begin, or nil: the state directory or the library is not there, or not what it was when it was opened. To be
    /// asked as often as anybody wants to know. Does not return where a disk or a network does not answer.
    public func obstacle() async -> StoreError? {
        if let error = await ObstacleFinder().stateLoss(of: self) { return error }
        do throws(StoreError) {
            guard let absence = try await ObstacleFinder().libraryAbsence(of: self), try await hasVersions() else {
                return nil
            }
            return absence
        } catch {
            return error
        }
    }

    /// Throws what keeps anything from being recorded, such as a disk without room. Writes a page of the database.
    public func requireWritable() async throws(StoreError) {
        try await write { db in
            let sequence = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
            try db.execute(sql: "PRAGMA user_version = \(sequence)")
        }
    }
}

/// Looks where that may block, and does not wait for what the library has in hand.
private actor ObstacleFinder {
    private nonisolated let disk = DiskExecutor()
    /// The actor runs where file calls do.
    nonisolated var unownedExecutor: UnownedSerialExecutor { disk.asUnownedSerialExecutor() }

    func stateLoss(of store: Store) -> StoreError? {
        let directory = store.stateDirectory
        guard FileID(of: Store.database(in: directory)) == store.databaseFile else {
            return StoreError(
                .changed, "the database in the state directory \(directory) is gone or another one than was opened",
                advice: "Put it back, and start `saveferry serve` anew.")
        }
        let leases = "\(directory)/leases"
        return access(leases, W_OK | X_OK) == 0 ? nil : StoreError(errno: errno, "take a lease in \(leases)")
    }

    func libraryAbsence(of store: Store) throws(StoreError) -> StoreError? { try store.library.absenceNow() }
}

/// What tells a file from every other one that there is, whatever its name.
struct FileID: Equatable, Sendable {
    private let device: dev_t
    private let inode: ino_t

    /// Nil where there is no such file.
    init?(of path: String) {
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        (device, inode) = (info.st_dev, info.st_ino)
    }
}
