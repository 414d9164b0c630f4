import Foundation
import GRDB
import Synchronization
import TestSupport
import Testing

@testable import Store

/// How long runs are remembered, and that what is computed from them stays the same.
@Suite struct SessionSweepTests {
    static let day: TimeInterval = 86_400

    /// Runs of one device that end in the second in which they begin. Returns the last one's number.
    @discardableResult
    func run(
        _ home: Home, _ device: Device, _ status: SessionStatus = .completed, _ totals: SessionTotals = SessionTotals(),
        times: Int = 1, operations: Int = 0
    ) async throws -> Int64 {
        var last: Int64 = 0
        for _ in 0..<times {
            let session = try await home.store.beginSession(
                device: device, trigger: .scheduled,
                operations: (0..<operations).map { SessionTests.line("Game \($0)", .hold) })
            if status != .inProgress {
                try await home.store.finishSession(session.id, status: status, error: nil, totals: totals)
            }
            last = session.id
        }
        return last
    }

    func numbers(_ home: Home) async throws -> [Int64] {
        try await home.store.sessions(limit: 10_000).map(\.id).reversed()
    }

    @Test func `runs in which nothing happened go after a week, and others after 90 days`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let idle = try await run(home, device)
        let cancelled = try await run(home, device, .cancelled)
        var kept: [Int64] = []
        for totals in [
            SessionTotals(pulled: 1), SessionTotals(pushed: 1), SessionTotals(removed: 1), SessionTotals(conflicts: 1),
        ] { kept.append(try await run(home, device, .completed, totals)) }
        kept.append(try await run(home, device, .failed))
        kept.append(try await run(home, device, .failed, SessionTotals(failed: 1)))
        kept.append(try await run(home, device, .inProgress))
        let newest = try await run(home, device, times: 200)
        let all = try await numbers(home)
        home.clock.advance(7 * Self.day - 1)
        #expect(try await SessionSweep(of: home.store).run() == 0)
        home.clock.advance(1)
        #expect(try await SessionSweep(of: home.store).run() == 2)
        #expect(try await numbers(home) == all.filter { ![idle, cancelled].contains($0) })
        home.clock.advance(83 * Self.day - 1)
        #expect(try await SessionSweep(of: home.store).run() == 0)
        home.clock.advance(1)
        // The one that is under way stays.
        #expect(try await SessionSweep(of: home.store).run() == kept.count - 1)
        home.clock.advance(1_000 * Self.day)
        #expect(try await SessionSweep(of: home.store).run() == 0)
        #expect(try await numbers(home) == [kept.last ?? 0] + Array(newest - 199...newest))
    }

    @Test func `what is computed from the runs stays the same`() async throws {
        let home = try await Home()
        let (rare, failing, never) = (
            try await home.device("rare"), try await home.device("failing"), try await home.device("never")
        )
        try await run(home, rare, times: 3)
        try await run(home, failing, .completed, SessionTotals(pulled: 1))
        try await run(home, failing, .completed)
        home.clock.advance(Self.day)
        for device in [failing, never] {
            try await run(home, device, .failed, times: 150)
            try await run(home, device, .cancelled)
            try await run(home, device, .failed, times: 99)
            try await run(home, device, .inProgress)
        }
        func picture() async throws -> [String] {
            var lines: [String] = []
            for status in try await home.store.status() {
                let last = try await home.store.lastSessionStart(device: status.device.id)
                lines.append(
                    "\(status.device.settings.name) \(status.errorsInARow) \(String(describing: status.lastSuccess)) "
                        + "\(status.lastSession?.id ?? 0) \(String(describing: last))")
            }
            return lines
        }
        let before = try await picture()
        #expect(before[0].hasPrefix("failing 249 ") && before[1].hasPrefix("never 249 "), "\(before)")
        home.clock.advance(200 * Self.day)
        // Of the 251 since the last success the newest 200 stay, and so does that success, not the one before.
        #expect(try await SessionSweep(of: home.store).run() == 51 + 1 + 51)
        #expect(try await picture() == before)
        // And goes on from there.
        try await home.store.closeAbandonedSessions(device: never.id)
        try await run(home, never, .failed)
        #expect(try await home.store.status().map(\.errorsInARow) == [249, 251, 0])
        try await run(home, never)
        #expect(try await home.store.status().map(\.errorsInARow) == [249, 0, 0])
    }

    @Test func `runs go with their operations, few rows in a transaction`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let last = try await run(home, device, times: 10, operations: 400)
        try await run(home, device, times: 200)
        home.clock.advance(8 * Self.day)
        // A run and its operations are 401 rows.
        #expect(try await home.store.forgetSessions(Array(1...last)[...], rows: 1_000) == 3)
        #expect(try await home.store.forgetSessions([4], rows: 1) == 1)
        #expect(try await SessionSweep(of: home.store, pageSize: 4).run() == 6)
        #expect(
            try await home.store.read { db in try Int.fetchOne(db, sql: "SELECT count(*) FROM sync_operations") } == 0)
    }

    @Test func `runs of devices that were removed are forgotten too`() async throws {
        let home = try await Home()
        for name in ["one", "two"] {
            let device = try await home.device(name)
            try await run(home, device, times: 150)
            try await home.store.removeDevice(device.id)
        }
        home.clock.advance(8 * Self.day)
        #expect(try await SessionSweep(of: home.store).run() == 100)
    }

    @Test func `no question that a run or status asks walks all runs`() async throws {
        let statements = Mutex<[String]>([])
        let home = try await Store.$onStatement.withValue({ text in statements.withLock { $0.append(text) } }) {
            try await Home()
        }
        let device = try await home.device()
        let last = try await run(home, device, times: 3)
        statements.withLock { $0 = [] }
        try await home.store.closeAbandonedSessions(device: device.id)
        _ = try await home.store.sessions(device: device.id)
        _ = try await home.store.lastSessionStart(device: device.id)
        _ = try await home.store.status()
        _ = try await home.store.expiredSessions(after: 0, limit: 500)
        try await home.store.finishSession(last, status: .completed, error: nil, totals: SessionTotals())
        let asked = statements.withLock { $0.filter { $0.contains("sync_sessions") } }
        #expect(asked.count == 6, "\(asked)")
        let plans = try await home.store.read { db in
            try asked.map { text in
                let statement = try db.makeStatement(sql: "EXPLAIN QUERY PLAN \(text)")
                statement.setUncheckedArguments([])
                return try Row.fetchAll(statement).map { $0["detail"] as String }
            }
        }
        for (text, plan) in zip(asked, plans) {
            // Numbers are the table's own key.
            #expect(!plan.contains { $0.contains(/SCAN (s|n|c|p|sync_sessions)\b/) }, "\(text): \(plan)")
            #expect(!plan.contains { $0.contains("TEMP B-TREE") }, "\(text): \(plan)")
        }
        #expect(plans[0].contains { $0.contains("sync_sessions_under_way") }, "\(plans[0])")
        #expect(plans[1].contains { $0.contains("sync_sessions_by_device (device_id=? AND ") }, "\(plans[1])")
        #expect(plans[3].contains { $0.contains("sync_sessions_completed") }, "\(plans[3])")
        #expect(plans[4].contains { $0.contains("sync_sessions_completed (device_id=?)") }, "\(plans[4])")
    }

    @Test func `failures in a row are known of a database that an earlier version wrote`() throws {
        let queue = try DatabaseQueue()
        try Migrations.all.migrate(queue, upTo: "3: the cards that save directories lie on")
        try queue.write { db in
            for device in 1...3 {
                try db.execute(
                    sql: """
                        INSERT INTO devices (name, host, port, user, authentication, owner, is_enabled, deletion_policy)
                        VALUES (?, 'h', 22, 'u', 'key', 'o', 1, 'keep')
                        """, arguments: ["d\(device)"])
            }
            for (device, status) in [
                (1, "FAILED"), (1, "COMPLETED"), (2, "FAILED"), (1, "FAILED"), (2, "CANCELLED"), (1, "FAILED"),
                (1, "IN_PROGRESS"),
            ] {
                try db.execute(
                    sql: """
                        INSERT INTO sync_sessions (device_id, device_name, session_trigger, status, started_at)
                        VALUES (?, 'd', 'scheduled', ?, 0)
                        """, arguments: [device, status])
            }
        }
        try Migrations.all.migrate(queue)
        let counts = try queue.read { db in try Int.fetchAll(db, sql: "SELECT failures FROM sync_sessions ORDER BY id")
        }
        // The newest that has ended tells.
        #expect(counts == [0, 0, 0, 0, 1, 2, 0])
    }
}
