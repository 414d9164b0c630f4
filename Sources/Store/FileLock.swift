import Foundation
import Glibc
import Synchronization

/// A lock on a file that at most one process holds (flock(2)).
///
/// The kernel gives it back when the holder dies: a killed holder is taken over at once, a living one never is, whatever
/// the clocks say. The file stays, and may say who holds it.
final class FileLock: Sendable {
    private let descriptor: Mutex<Int32>

    private init(descriptor: Int32) {
        self.descriptor = Mutex(descriptor)
    }

    deinit { release() }

    /// Takes the lock, making the file with mode 0600. Nil when it is held already; `name` is for errors.
    static func take(_ path: String, _ name: String) throws(StoreError) -> FileLock? {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StoreError(errno: errno, "open \(name) \(path)") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(descriptor)
            guard code == EWOULDBLOCK else { throw StoreError(errno: code, "lock \(name) \(path)") }
            return nil
        }
        return FileLock(descriptor: descriptor)
    }

    /// Makes this the file's content. It is for people: where it can't be written, the lock holds all the same.
    func write(_ content: Data) {
        descriptor.withLock { descriptor in
            guard descriptor >= 0 else { return }
            ftruncate(descriptor, 0)
            _ = content.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        }
    }

    /// Gives the lock back. Idempotent.
    func release() {
        descriptor.withLock { descriptor in
            guard descriptor >= 0 else { return }
            // Closing alone would leave it to a process that is just being forked, until that one has called exec.
            flock(descriptor, LOCK_UN)
            close(descriptor)
            descriptor = -1
        }
    }
}
