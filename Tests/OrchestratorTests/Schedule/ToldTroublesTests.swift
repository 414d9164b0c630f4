import Planner
import Store
import Testing

@testable import Orchestrator
@testable import Planner

/// What the log is told of runs that got to their end.
@Suite struct ToldTroublesTests {
    private static let gba = Halt(valve: .massDeletion, directory: "/gba", message: "7 of 10 saves vanished at once")
    private static let snes = Halt(valve: .directoryMissing, directory: "/snes", message: "it does not exist")

    private static func report(_ halts: [Halt] = [], failed: [(game: String, reason: String)] = []) -> SessionReport {
        let operations = failed.map { failure in
            Operation(
                identity: SaveIdentity(owner: "a", platform: "gba", game: failure.game, kind: .state, slot: "2"),
                saveID: 1,
                remotePath: "/gba/x", size: 1, reason: "new on server", step: .skip(isProblem: true))
        }
        let plan = Plan(device: "pocket", generatedAt: 0, operations: operations, halts: halts, cards: [:])
        return SessionReport(
            device: "pocket", session: 1, status: .failed, plan: plan,
            outcomes: failed.map { OperationOutcome(.failed, error: $0.reason) }, failure: nil, openConflicts: 0)
    }

    @Test func `a halt is told when it begins and when it ends, whatever it counted meanwhile`() {
        var told = ToldTroubles()
        #expect(told.news(of: Self.report()).isEmpty)
        #expect(told.news(of: Self.report([Self.gba])) == [.halted(Self.gba)])
        let worse = Halt(valve: .massDeletion, directory: "/gba", message: "8 of 10 saves vanished at once")
        #expect(told.news(of: Self.report([worse])).isEmpty)
        #expect(told.news(of: Self.report([worse, Self.snes])) == [.halted(Self.snes)])
        #expect(told.news(of: Self.report([Self.snes])) == [.haltEnded(directory: "/gba")])
        // Another limit for the same directory.
        let emptied = Halt(valve: .directoryEmptied, directory: "/snes", message: "it is empty")
        #expect(told.news(of: Self.report([emptied])) == [.halted(emptied)])
        #expect(told.news(of: Self.report()) == [.haltEnded(directory: "/snes")])
        #expect(told.news(of: Self.report()).isEmpty)
    }

    @Test func `what failed is told by its name and reason, once for each reason`() {
        var told = ToldTroubles()
        let metroid = ToldTroubles.Failure(what: "gba/Metroid state [2]", action: .skip)
        #expect(told.news(of: Self.report(failed: [("Metroid", "no room")])) == [.failed(metroid, reason: "no room")])
        #expect(told.news(of: Self.report(failed: [("Metroid", "no room")])).isEmpty)
        #expect(
            told.news(of: Self.report(failed: [("Metroid", "read-only")])) == [.failed(metroid, reason: "read-only")])
        #expect(told.news(of: Self.report()).isEmpty)
        #expect(told.news(of: Self.report(failed: [("Metroid", "read-only")])).count == 1)
    }

    @Test func `of many that fail, ten are told and the rest counted`() {
        var told = ToldTroubles()
        let news = told.news(of: Self.report(failed: (1...12).map { ("Game \($0)", "no room") }))
        #expect(news.count == 11 && news.last == .moreFailed(2))
    }
}
