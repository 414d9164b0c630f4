import Foundation
import Store
import TestSupport
import Testing

@testable import Daemon
@testable import Orchestrator

/// What the daemon says when runs don't get on.
@Suite struct StandstillTests {
    /// A library that answers from the moment at which the gate's continuation is finished.
    private let gate = AsyncStream.makeStream(of: Void.self)

    private var library: LibraryWatch {
        LibraryWatch(patience: .milliseconds(100)) { [gate] in for await _ in gate.stream {} }
    }

    @Test func `a library that does not answer is told once, and once more when it answers again`() async throws {
        let log = KeptLog()
        let watch = library
        let watching = Task { await watch.run(every: .milliseconds(10), log.logger) }
        try await eventually("it is told") { !log.lines.isEmpty }
        #expect(log.lines == [log.lines[0]] && log.lines[0].hasPrefix("error: the library has not answered for "))
        gate.continuation.finish()
        try await eventually("it answers again") { log.lines.count > 1 }
        #expect(log.lines[1] == "notice: the library answers again")
        watching.cancel()
        await watching.value
    }

    @Test func `health names the library that does not answer, and the daemon's end does not wait for it`() async throws
    {
        let folder = try TemporaryFolder()
        let log = KeptLog()
        let store = try await Store.open(
            stateDirectory: folder("state"), libraryDirectory: folder("library"), now: { Date() }, logger: log.logger)
        let (vitals, events) = (Vitals(of: store, library: library), EventBus(now: { Date() }))
        let health = Health(store: store, vitals: vitals, outlook: { [] })
        #expect(await health.problem() == nil)
        let following = Task { await vitals.follow(events, logger: log.logger) }
        try await eventually("health says so") { await health.problem() == "the library does not answer" }
        following.cancel()
        try await finish("the end comes") { await following.value }
        gate.continuation.finish()
    }

    @Test func `a real library answers`() async throws {
        let folder = try TemporaryFolder()
        let store = try await Store.open(
            stateDirectory: folder("state"), libraryDirectory: folder("library"), now: { Date() },
            logger: KeptLog().logger)
        try await finish("it answers") { await store.library.answer() }
    }

    @Test func `health says what keeps runs from beginning or getting on, the cause before what comes of it`()
        async throws
    {
        let folder = try TemporaryFolder()
        let log = KeptLog()
        let store = try await Store.open(
            stateDirectory: folder("state"), libraryDirectory: folder("library"), now: { Date() }, logger: log.logger)
        let (turns, obstacle, stuck) = (Heartbeat(), InForce<String?>(nil), InForce<[String]>([]))
        let vitals = Vitals(
            of: store, library: LibraryWatch {}, turns: turns, longestTurn: .zero, obstacle: { obstacle.value },
            stuck: { limit in limit == .seconds(1_800) ? stuck.value : [] })
        let health = Health(store: store, vitals: vitals, outlook: { [] })
        #expect(await health.problem() == nil, "what has not begun does not stand still")
        stuck.value = ["deck", "pocket"]
        #expect(
            await health.problem() == "nothing arrived for more than 30 minutes in the runs of: deck, pocket")
        turns.beat()
        try await eventually("its turn is long past") {
            await health.problem()?.hasPrefix("the scheduler stands still") == true
        }
        obstacle.value = "nothing is synced: x"
        #expect(await health.problem() == "nothing is synced: x")
    }
}
