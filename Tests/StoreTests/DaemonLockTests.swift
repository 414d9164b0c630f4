import Foundation
import TestSupport
import Testing

@testable import Store

/// One daemon a state directory.
@Suite struct DaemonLockTests {
    private let folder: TemporaryFolder
    private let now = Date(timeIntervalSince1970: 1_750_000_000)

    init() throws { folder = try TemporaryFolder() }

    private func acquire() async throws -> DaemonLock {
        try await DaemonLock.acquire(stateDirectory: folder("state"), now: now)
    }

    @Test func `a second daemon is told who serves the state directory`() async throws {
        #expect(try DaemonLock.holder(stateDirectory: folder("state")) == nil)
        let lock = try await acquire()
        let error = try await #require(throws: StoreError.self) { try await acquire() }
        let holder = "process \(getpid()) on \(ProcessInfo.processInfo.hostName), since 2025-06-15T15:06:40Z"
        #expect(error.code == .held)
        #expect(error.what == "another saveferry serves the state directory \(folder("state")) (\(holder))")
        #expect(try DaemonLock.holder(stateDirectory: folder("state")) == holder)
        lock.release()
        #expect(try DaemonLock.holder(stateDirectory: folder("state")) == nil)
        try await acquire().release()
    }

    @Test func `looking who serves keeps no daemon from starting`() async throws {
        try await acquire().release()
        let looking = Task { [folder] in
            while !Task.isCancelled { _ = try DaemonLock.holder(stateDirectory: folder("state")) }
        }
        for _ in 0..<50 { try await acquire().release() }
        looking.cancel()
        try await looking.value
    }

    @Test func `of many at once exactly one serves, and a lock that says nothing is a lock`() async throws {
        let locks = await withTaskGroup(of: DaemonLock?.self) { group in
            for _ in 0..<20 { group.addTask { try? await acquire() } }
            return await group.reduce(into: []) { locks, lock in if let lock { locks.append(lock) } }
        }
        #expect(locks.count == 1)
        try Data().write(to: URL(fileURLWithPath: folder("state/daemon.lock")))
        #expect(try DaemonLock.holder(stateDirectory: folder("state")) == "process unknown")
    }
}
