import Foundation
import Planner
import Store
import Synchronization
import TestSupport
import Testing

@testable import Orchestrator

/// What listeners are told, and when.
@Suite struct EventTests {
    /// What the database said at the moment of each event, before the run went on.
    private final class Witness: Sendable {
        private let seen = Mutex<[(event: Event, database: String)]>([])
        let file: String

        init(_ file: String) { self.file = file }

        func note(_ event: Event) {
            let answer = query(
                "SELECT (SELECT status FROM sync_sessions WHERE id = \(event.session ?? 0)), "
                    + "(SELECT count(*) FROM conflicts WHERE resolved_at IS NULL), "
                    + "(SELECT count(*) FROM sync_operations WHERE session_id = \(event.session ?? 0)), "
                    + "(SELECT count(*) FROM sync_operations WHERE session_id = \(event.session ?? 0) "
                    + "AND status = 'COMPLETED')")
            seen.withLock { $0.append((event, answer)) }
        }

        /// In the same thread: the run waits.
        private func query(_ sql: String) -> String {
            guard let pipe = popen("sqlite3 -readonly '\(file)' \"\(sql)\"", "re") else { return "no sqlite3" }
            defer { pclose(pipe) }
            var line = [CChar](repeating: 0, count: 256)
            return fgets(&line, 256, pipe) == nil
                ? "" : String(decoding: line.prefix { $0 != 0 && $0 != 10 }.map(UInt8.init), as: UTF8.self)
        }

        func take() -> [(event: Event, database: String)] {
            seen.withLock { seen in
                defer { seen = [] }
                return seen
            }
        }
    }

    @Test func `every event is told when the database has it, and not before`() async throws {
        let hub = try await Hub()
        let server = try await OpenSSHServer()
        let (pocket, deck) = (
            try await Handheld(of: hub, server: server), try await Handheld("deck", of: hub, server: server)
        )
        let witness = Witness(hub.folder("state/saveferry.db"))
        hub.orchestrator.events.observe { witness.note($0) }

        try pocket.write("Metroid.srm", "pocket")
        try await pocket.sync(expecting: [.pull: 1])
        let pull = witness.take()
        #expect(pull.map(\.event.kind.word) == ["started 1", "progress 1/1", "completed 1"])
        // Session, open conflicts, operations, those that are done.
        #expect(pull.map(\.database) == ["IN_PROGRESS|0|1|0", "IN_PROGRESS|0|1|1", "COMPLETED|0|1|1"])
        #expect(pull.allSatisfy { $0.event.device == "pocket" && $0.event.session == 1 })

        try deck.write("Metroid.srm", "deck")
        try await deck.sync(expecting: [.conflict: 1])
        let conflict = witness.take()
        #expect(conflict.map(\.event.kind.word) == ["started 1", "progress 1/1", "conflict Metroid", "completed 0"])
        #expect(
            conflict.map(\.database) == [
                "IN_PROGRESS|0|1|0", "IN_PROGRESS|1|1|1", "IN_PROGRESS|1|1|1", "COMPLETED|1|1|1",
            ])
    }

    @Test func `a run that fails before its plan is told with the session that records it`() async throws {
        let hub = try await Hub()
        let pocket = try await Handheld(of: hub)
        let port = try freePort()
        try await pocket.edit { $0.port = port }
        let witness = Witness(hub.folder("state/saveferry.db"))
        hub.orchestrator.events.observe { witness.note($0) }
        let report = try await pocket.sync()
        #expect(report.session == 1)
        let told = witness.take()
        #expect(told.map(\.event.kind.word) == ["error unreachable"])
        #expect(told.map(\.event.session) == [1])
        #expect(told.map(\.database) == ["FAILED|0|0|0"])
    }

    @Test func `of runs in a row that find the device held the first is told`() {
        var thinning = EventThinning()
        func passes(_ kind: Event.Kind, _ device: String = "pocket") -> Bool {
            thinning.passes(Event(date: Date(), device: device, session: nil, kind: kind, totals: nil))
        }
        let busy = Event.Kind.error(DeviceFailure(code: .busy, message: "held"))
        let other = Event.Kind.error(DeviceFailure(code: .unreachable, message: "no answer"))
        #expect(passes(busy) && !passes(busy) && !passes(busy))
        #expect(passes(busy, "deck"))
        #expect(passes(other) && passes(other) && passes(busy) && !passes(busy))
        #expect(passes(.started(operations: 0, bytes: 0)) && passes(busy))
    }

    @Test func `of progress ten events a second pass, with the first and the last, and everything else`() {
        var thinning = EventThinning()
        let start = Date(timeIntervalSince1970: 1_000)
        func passes(_ kind: Event.Kind, at seconds: Double, _ device: String = "pocket") -> Bool {
            thinning.passes(
                Event(date: start.addingTimeInterval(seconds), device: device, session: 1, kind: kind, totals: nil))
        }
        func progress(_ done: Int) -> Event.Kind { .progress(done: done, of: 100, bytes: 0) }

        #expect(passes(.started(operations: 100, bytes: 0), at: 0))
        let passed = (1...99).filter { passes(progress($0), at: Double($0) / 50) }
        #expect(passed.first == 1)
        #expect((18...21).contains(passed.count), "\(passed)")
        #expect(passes(progress(100), at: 1.981))
        #expect(
            passes(.conflict(SaveIdentity(owner: "o", platform: "gba", game: "g", kind: .save), reason: "r"), at: 1.981)
        )
        // Another device has its own ten.
        #expect(passes(progress(1), at: 1.981, "deck"))
        // A clock that was stepped back keeps nothing away.
        #expect(passes(progress(2), at: -3_600, "deck"))
        #expect(!passes(progress(3), at: -3_600, "deck"))
        // The next run begins anew.
        #expect(passes(.completed(SessionTotals(), halts: []), at: 1.982))
        #expect(passes(progress(1), at: 1.983))
    }
}

extension Event.Kind {
    fileprivate var word: String {
        switch self {
        case .started(let operations, _): "started \(operations)"
        case .progress(let done, let all, _): "progress \(done)/\(all)"
        case .conflict(let identity, _): "conflict \(identity.game)"
        case .completed(let totals, _): "completed \(totals.pulled)"
        case .error(let failure): "error \(failure.code.rawValue)"
        }
    }
}
