import Glibc

/// The right to put a database into its place in a state directory, and to open the one that is there: one process after
/// the other has it (``FileLock``).
///
/// The file also remembers which database was brought in last, for whoever finishes what a killed process began.
struct DatabaseLock {
    private let path: String
    private let lock: FileLock

    /// How long another process may have it: as long as it takes to move, upgrade or restore a large database.
    private static let patience = 30.0

    /// Waits until no other process has it. Throws ``StoreError/Code/inUse`` when that takes too long.
    init(stateDirectory: String, patience: Double = patience) throws(StoreError) {
        path = "\(stateDirectory)/database.lock"
        for _ in 0...Int(patience / 0.005) {
            if let lock = try FileLock.take(path, "the database's lock") {
                self.lock = lock
                return
            }
            usleep(5_000)
        }
        throw StoreError(
            .inUse, "another process is moving, upgrading or restoring the database in \(stateDirectory)",
            advice: "Try again when it is done.")
    }

    /// Gives the right back. Idempotent.
    func release() { lock.release() }

    /// What was remembered last; empty for nothing.
    var origin: String { String(decoding: FileCalls.contents(of: path) ?? [], as: UTF8.self) }

    /// Remembers this instead, durable when it returns.
    func remember(_ origin: String) throws(StoreError) {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StoreError(errno: errno, "open \(path)") }
        defer { close(descriptor) }
        guard FileCalls.call("truncate", path, { ftruncate(descriptor, 0) }) == 0 else {
            throw StoreError(errno: errno, "empty \(path)")
        }
        try FileCalls.write(Array(origin.utf8), to: descriptor, path)
        try FileCalls.sync(path)
    }
}
