import Foundation

/// The right to serve a state directory: at most one daemon has it.
public final class DaemonLock: Sendable {
    private let lock: FileLock

    /// What the lock's file says.
    private struct Holder: Codable {
        /// Its process id, on its own machine or in its own container.
        let pid: Int32
        /// When it began, in RFC 3339.
        let since: String
        /// The machine's or the container's name.
        let host: String
    }

    private init(_ lock: FileLock) {
        self.lock = lock
    }

    /// Takes the right for this process, making the state directory where there is none. Throws
    /// ``StoreError/Code/held``, naming the holder, when another one has it.
    public static func acquire(stateDirectory: String, now: Date) async throws(StoreError) -> DaemonLock {
        try FileCalls.makeDurableFolders(stateDirectory)
        guard let lock = try await take(stateDirectory) else {
            throw StoreError(
                .held,
                "another saveferry serves the state directory \(stateDirectory) (\(recorded(in: stateDirectory)))",
                advice: "End that one first, or use another state directory. Commands such as `sync` work beside it.")
        }
        let holder = Holder(pid: getpid(), since: now.formatted(.iso8601), host: ProcessInfo.processInfo.hostName)
        if let content = try? JSONEncoder().encode(holder) { lock.write(content + Data("\n".utf8)) }
        return DaemonLock(lock)
    }

    /// Who serves this state directory now, as `process 123 on nas, since 2025-06-15T15:06:40Z`; nil when nobody does.
    public static func holder(stateDirectory: String) throws(StoreError) -> String? {
        guard FileManager.default.fileExists(atPath: path(stateDirectory)) else { return nil }
        guard let lock = try FileLock.take(path(stateDirectory), name) else { return recorded(in: stateDirectory) }
        lock.release()
        return nil
    }

    /// Gives the right back. Idempotent.
    public func release() { lock.release() }

    /// ``holder(stateDirectory:)`` has the lock for a moment too, and that must keep no daemon from starting.
    private static func take(_ stateDirectory: String) async throws(StoreError) -> FileLock? {
        for _ in 0..<5 {
            if let lock = try FileLock.take(path(stateDirectory), name) { return lock }
            try? await Task.sleep(for: .milliseconds(50))
        }
        return nil
    }

    private static let name = "the daemon's lock"
    private static func path(_ stateDirectory: String) -> String { "\(stateDirectory)/daemon.lock" }

    /// What the holder wrote of itself, which it does the moment after it took the lock.
    private static func recorded(in stateDirectory: String) -> String {
        guard let content = FileManager.default.contents(atPath: path(stateDirectory)),
            let holder = try? JSONDecoder().decode(Holder.self, from: content)
        else { return "process unknown" }
        return "process \(holder.pid) on \(holder.host), since \(holder.since)"
    }
}
