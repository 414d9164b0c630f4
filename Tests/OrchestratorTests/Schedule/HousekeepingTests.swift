import Synchronization
import TestSupport
import Testing

@testable import Orchestrator
@testable import Store

/// What must be done before devices are synced.
@Suite struct HousekeepingTests {
    private func sql(_ hub: Hub, _ text: String) async throws -> String {
        try await Command.run("sqlite3", ["-cmd", ".timeout 10000", hub.folder("state/saveferry.db"), text]).output
    }

    @Test func `devices are not synced before content hashes are up to date, and why is told once`() async throws {
        let tries = Mutex(0)
        let hub = try await Store.$onStatement.withValue({ text in
            if text.hasPrefix("UPDATE save_versions SET content_hash") { tries.withLock { $0 += 1 } }
        }) { try await Hub() }
        let server = try await OpenSSHServer()
        let pocket = try await Handheld(of: hub, server: server)
        try pocket.write("Metroid.srm", "x")
        try await pocket.sync()
        _ = try await sql(hub, "UPDATE save_versions SET hash_algorithm = 0")
        _ = try await sql(
            hub,
            """
            CREATE TRIGGER refuse BEFORE UPDATE OF content_hash ON save_versions BEGIN SELECT RAISE(ABORT, 'no room'); END
            """)
        let log = LogLines()
        let housekeeping = Housekeeping(
            store: hub.store, settings: HousekeepingSettings(), logger: log.logger, retry: .milliseconds(10))
        await #expect(throws: StoreError.self) { try await housekeeping.rehash() }
        let logger = log.logger
        let running = Task { await housekeeping.run { logger.notice("the syncs begin") } }
        try await eventually("it was tried often: \(log.all)") { tries.withLock { $0 } >= 5 }
        // Also the attempt before said that it began.
        #expect(log.all.count == 3 && log.all.last?.hasPrefix("error") == true, "\(log.all)")
        #expect(housekeeping.obstacle?.contains("no room") == true)
        _ = try await sql(hub, "DROP TRIGGER refuse")
        try await eventually("the syncs begin: \(log.all)") { log.all.last == "notice -: the syncs begin" }
        #expect(housekeeping.obstacle == nil)
        running.cancel()
        try await finish("it ends") { await running.value }
        #expect(try await sql(hub, "SELECT min(hash_algorithm) > 0 FROM save_versions") == "1\n")
    }
}
