import Foundation
import GRDB

/// The right to sync one device: at most one process has it.
///
/// A lock on a file in the state directory (``FileLock``). The row in the database is for people.
public final class Lease: Sendable {
    private let lock: FileLock

    private init(_ lock: FileLock) {
        self.lock = lock
    }

    /// Takes the lease. Throws ``StoreError/Code/held``, naming the holder, when another process has it.
    public static func acquire(device: Device, in store: Store) async throws(StoreError) -> Lease {
        let path = "\(store.stateDirectory)/leases/\(device.id).lock"
        guard let lock = try FileLock.take(path, "the lease") else {
            throw StoreError(
                .held, "\(device.settings.name) is being synced by another run\(try await holder(device, store))",
                advice: "Wait for it to end.")
        }
        let lease = Lease(lock)
        let time = store.time
        try await store.write { db in
            try db.execute(
                sql: """
                    INSERT INTO device_leases (device_id, pid, host, acquired_at) VALUES (?, ?, ?, ?)
                    ON CONFLICT (device_id) DO UPDATE SET pid = excluded.pid, host = excluded.host,
                        acquired_at = excluded.acquired_at
                    """, arguments: [device.id, getpid(), ProcessInfo.processInfo.hostName, time])
        }
        return lease
    }

    private static func holder(_ device: Device, _ store: Store) async throws(StoreError) -> String {
        try await store.read { db in
            try Row.fetchOne(
                db, sql: "SELECT pid, acquired_at FROM device_leases WHERE device_id = ?", arguments: [device.id]
            ).map { row in
                let since = Date(timeIntervalSince1970: TimeInterval(row["acquired_at"] as Int64))
                return " (process \(row["pid"] as Int64), since \(since.formatted(.iso8601)))"
            } ?? ""
        }
    }

    /// Gives the lease back. Idempotent.
    public func release() { lock.release() }
}
