import Foundation
import Planner
import Synchronization
import TestSupport
import Testing

@testable import Store

/// Runs as they are recorded, also by those that follow a run that died.
@Suite struct SessionTests {
    static func line(_ game: String, _ action: Action = .pull) -> OperationRecord {
        OperationRecord(
            action: action, identity: Home.identity(game), save: nil, remotePath: "/saves/gba/\(game).srm", size: .max,
            reason: "new on device")
    }

    static let skip = OperationRecord(
        action: .skip, identity: nil, save: nil, remotePath: "/saves/gba/x\\x0a", size: 0, reason: "a control character"
    )

    @Test func `the newest run that went through is known by its beginning`() async throws {
        let home = try await Home()
        let (device, other) = (try await home.device(), try await home.device("other"))
        #expect(try await home.store.lastSessionStart(device: device.id) == nil)
        var begun: [Date] = []
        func run(_ status: SessionStatus, error: String? = nil) async throws {
            let session = try await home.store.beginSession(device: device, trigger: .scheduled, operations: [])
            begun.append(try await home.store.session(session.id).session.started)
            if status != .inProgress {
                try await home.store.finishSession(session.id, status: status, error: error, totals: SessionTotals())
            }
            home.clock.advance(60)
        }
        try await run(.failed, error: "no answer")
        #expect(try await home.store.lastSessionStart(device: device.id) == Date(timeIntervalSince1970: 0))
        // In the second of them single saves failed.
        for status in [SessionStatus.completed, .failed] {
            try await run(status)
            #expect(try await home.store.lastSessionStart(device: device.id) == begun.last)
        }
        try await run(.failed, error: "no answer")
        try await run(.cancelled, error: "interrupted")
        try await run(.inProgress)
        let session = try await home.store.beginSession(device: other, trigger: .onDemand, operations: [])
        try await home.store.finishSession(session.id, status: .completed, error: nil, totals: SessionTotals())
        #expect(try await home.store.lastSessionStart(device: device.id) == begun[2])
        #expect(Set(begun).count == begun.count)
    }

    @Test func `a run is recorded with its operations in the plan's order`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let lines = ["C", "A", "B"].map { Self.line($0) } + [Self.skip]
        let session = try await home.store.beginSession(device: device, trigger: .scheduled, operations: lines)
        var (summary, operations) = try await home.store.session(session.id)
        #expect(summary.status == .inProgress && summary.trigger == .scheduled && summary.ended == nil)
        #expect(operations.map(\.id) == session.operationIDs)
        #expect(operations.map(\.record.remotePath) == lines.map(\.remotePath))
        #expect(operations.map(\.record.identity?.game) == ["C", "A", "B", nil])
        #expect(operations[0].record.size == .max)

        try await home.store.endOperations([
            OperationEnding(operation: session.operationIDs[0], status: .completed),
            OperationEnding(operation: session.operationIDs[1], status: .failed, error: "no space left"),
        ])
        home.clock.advance(5)
        let totals = SessionTotals(
            pulled: 1, pushed: 2, removed: 3, conflicts: 4, unchanged: 5, failed: 6, bytes: 1 << 40)
        try await home.store.finishSession(session.id, status: .failed, error: "1 failed", totals: totals)
        (summary, operations) = try await home.store.session(session.id)
        #expect(summary.status == .failed && summary.error == "1 failed" && summary.totals == totals)
        #expect(summary.ended?.timeIntervalSince(summary.started) == 5)
        #expect(operations.map(\.status) == [.completed, .failed, .pending, .pending])
        #expect(operations[1].error == "no space left")
    }

    @Test func `an operation that was recorded with its work stays completed`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let session = try await home.store.beginSession(
            device: device, trigger: .onDemand, operations: [Self.line("Metroid")])
        let save = try await home.pull("x", from: device, operation: session.operationIDs[0])
        try await home.store.endOperations([OperationEnding(operation: session.operationIDs[0], status: .cancelled)])
        let operation = try #require(try await home.store.session(session.id).operations.first)
        #expect(operation.status == .completed && operation.record.save == save)
    }

    @Test func `63 what a dead run left open is closed by the next`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let other = try await home.device("phone")
        let dead = try await home.store.beginSession(
            device: device, trigger: .onDemand, operations: ["A", "B"].map { Self.line($0) })
        try await home.pull("x", of: "A", from: device, operation: dead.operationIDs[0])
        let alive = try await home.store.beginSession(device: other, trigger: .onDemand, operations: [Self.line("A")])
        home.clock.advance(5)
        for _ in 0..<2 { try await home.store.closeAbandonedSessions(device: device.id) }

        let (summary, operations) = try await home.store.session(dead.id)
        #expect(summary.status == .failed && summary.error?.hasPrefix("interrupted") == true)
        #expect(summary.ended == home.clock.now)
        #expect(operations.map(\.status) == [.completed, .cancelled])
        // Another device's run is none of ours.
        #expect(try await home.store.session(alive.id).session.status == .inProgress)
        #expect(try await home.store.session(alive.id).operations.map(\.status) == [.pending])
    }

    @Test func `runs are paged by number, newest first, for one device or all`() async throws {
        let home = try await Home()
        let deck = try await home.device()
        let phone = try await home.device("phone")
        for number in 0..<7 {
            _ = try await home.store.beginSession(
                device: number % 2 == 0 ? deck : phone, trigger: .onDemand, operations: [])
        }
        var ids: [Int64] = []
        while true {
            let page = try await home.store.sessions(before: ids.last ?? .max, limit: 3)
            if page.isEmpty { break }
            ids += page.map(\.id)
        }
        #expect(ids == (1...7).reversed())
        #expect(try await home.store.sessions(device: phone.id).map(\.id) == [6, 4, 2])
        let error = try await #require(throws: StoreError.self) { try await home.store.session(99) }
        #expect(error.code == .notFound)
    }

    @Test func `status tells the last run, what is tracked, and failures in a row`() async throws {
        let home = try await Home()
        let device = try await home.device()
        _ = try await home.device("anbernic")
        let save = try await home.pull("x", from: device)
        let gone = try await home.pull("x", of: "Gone", from: device)
        let apart = try await home.pull("x", of: "Apart", from: device)
        try await home.store.commitGone([gone], device: device.id)
        try await home.store.setUntracked(true, device: device, save: home.save(apart))
        try await home.conflict("y", on: device, save: save)
        for status in [SessionStatus.failed, .completed, .failed, .failed] {
            let session = try await home.store.beginSession(device: device, trigger: .onDemand, operations: [])
            try await home.store.finishSession(session.id, status: status, error: nil, totals: SessionTotals())
        }
        let all = try await home.store.status()
        #expect(all.map(\.device.settings.name) == ["anbernic", "deck"])
        #expect(all[0].lastSession == nil && all[0].trackedSaves == 0)
        #expect(all[1].lastSession?.id == 4 && all[1].trackedSaves == 1)
        #expect(all[1].openConflicts == 1 && all[1].errorsInARow == 2)
    }

    @Test func `status asks as much of the database however many devices and runs there are`() async throws {
        let statements = Mutex<[String]>([])
        let home = try await Store.$onStatement.withValue({ text in statements.withLock { $0.append(text) } }) {
            try await Home()
        }
        func count(ofStatus devices: Int) async throws -> Int {
            statements.withLock { $0 = [] }
            #expect(try await home.store.status().count == devices)
            return statements.withLock { $0.count }
        }
        _ = try await home.device()
        let few = try await count(ofStatus: 1)
        for number in 0..<20 {
            let device = try await home.device("device-\(number)")
            for _ in 0..<3 {
                let session = try await home.store.beginSession(device: device, trigger: .scheduled, operations: [])
                try await home.store.finishSession(
                    session.id, status: .completed, error: nil, totals: SessionTotals())
            }
        }
        #expect(try await count(ofStatus: 21) == few)
    }

    @Test
    func `a halted run is an outcome of its own: no success, and known until a run gets to its end without the halt`()
        async throws
    {
        let home = try await Home()
        let device = try await home.device()
        let halt = SessionHalt(
            code: "mass-deletion", directory: "/saves/gba", message: "7 of 10 saves vanished at once")
        func run(
            _ status: SessionStatus, error: String? = nil, halts: [SessionHalt] = [], failed: Int = 0
        ) async throws -> Int64 {
            let session = try await home.store.beginSession(device: device, trigger: .scheduled, operations: [])
            home.clock.advance(10)
            try await home.store.finishSession(
                session.id, status: status, error: error,
                totals: SessionTotals(failed: failed, held: 2, skipped: 7), halts: halts)
            return session.id
        }
        func status() async throws -> DeviceStatus { try #require(try await home.store.status().first) }
        _ = try await run(.completed)
        let success = home.clock.now
        let halted = try await run(.halted, halts: [halt, halt])
        for session in [try await status().lastSession, try await home.store.session(halted).session] {
            #expect(session?.status == .halted && session?.halts == [halt, halt])
            #expect(session?.totals == SessionTotals(held: 2, skipped: 7))
        }
        #expect(try await home.store.sessions().map(\.halts.count) == [2, 0])
        var now = try await status()
        #expect(now.lastSuccess == success && now.errorsInARow == 1)
        // Notices count only what failed.
        #expect(try await home.store.failures(upTo: halted) == 0)
        let partial = try await run(.halted, halts: [halt], failed: 1)
        #expect(try await home.store.failures(upTo: partial) == 1)
        let unreachable = try await run(.failed, error: "no answer")
        #expect(try await home.store.failures(upTo: unreachable) == 2)
        // One that could not look says nothing of it.
        now = try await status()
        #expect(now.halts == [halt] && now.errorsInARow == 3 && now.heldSaves == 2 && now.lastSession?.halts == [])
        _ = try await run(.completed)
        now = try await status()
        #expect(now.halts == [] && now.errorsInARow == 0 && now.lastSuccess == home.clock.now)
    }

    @Test func `failures are counted since the last success, also while the next run is under way`() async throws {
        let home = try await Home()
        let device = try await home.device()
        func run(_ status: SessionStatus) async throws {
            let session = try await home.store.beginSession(device: device, trigger: .scheduled, operations: [])
            home.clock.advance(10)
            try await home.store.finishSession(session.id, status: status, error: nil, totals: SessionTotals())
        }
        try await run(.completed)
        let success = home.clock.now
        for status in [SessionStatus.failed, .cancelled, .failed] { try await run(status) }
        _ = try await home.store.beginSession(device: device, trigger: .scheduled, operations: [])
        let status = try #require(try await home.store.status().first)
        #expect(status.errorsInARow == 2 && status.lastSuccess == success)
        #expect(status.lastSession?.status == .inProgress)
    }
}
