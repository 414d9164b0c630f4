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

    @Test func `health says at once when the library or the state is not there, and the log when that begins and ends`()
        async throws
    {
        let folder = try TemporaryFolder()
        let log = KeptLog()
        let store = try await Store.open(
            stateDirectory: folder("state"), libraryDirectory: folder("library"), now: { Date() }, logger: log.logger)
        // From now on it is known where the library was.
        await store.close(try await store.openStaging())
        let health = Health(store: store, vitals: Vitals(of: store, library: LibraryWatch {}), outlook: { [] })
        for name in ["library", "state"] {
            #expect(await health.problem() == nil)
            try FileManager.default.moveItem(atPath: folder(name), toPath: folder("away"))
            let problem = await health.problem()
            #expect(
                problem?.hasPrefix("nothing can be synced: ") == true && problem?.contains(folder(name)) == true,
                "\(problem ?? "nothing")")
            try FileManager.default.moveItem(atPath: folder("away"), toPath: folder(name))
        }
        #expect(await health.problem() == nil)

        let watch = ObstacleWatch { await store.obstacle()?.what }
        let watching = Task { await watch.run(every: .milliseconds(10), log.logger) }
        try FileManager.default.moveItem(atPath: folder("library"), toPath: folder("away"))
        try await eventually("it is told") { !log.lines.isEmpty }
        try FileManager.default.moveItem(atPath: folder("away"), toPath: folder("library"))
        try await eventually("the end is told") { log.lines.count > 1 }
        #expect(log.lines[0].hasPrefix("error: nothing can be synced: the library ") && log.lines.count == 2)
        #expect(log.lines[1] == "notice: syncs can begin again")
        watching.cancel()
        await watching.value
    }

    @Test(.enabled(if: Disk.canMount, "a disk of a given size needs root"))
    func `a run that can't be recorded makes health ill until the database takes something`() async throws {
        let disk = try await Disk(kilobytes: 2_048)
        let log = KeptLog()
        let store = try await Store.open(
            stateDirectory: "\(disk.path)/state", libraryDirectory: "\(disk.path)/library", now: { Date() },
            logger: log.logger)
        let (vitals, events) = (Vitals(of: store, library: LibraryWatch {}), EventBus(now: { Date() }))
        let health = Health(store: store, vitals: vitals, outlook: { [] })
        let following = Task { await vitals.follow(events, logger: log.logger) }
        let rest = "\(disk.path)/rest"
        #expect(FileManager.default.createFile(atPath: rest, contents: nil))
        let filling = try #require(FileHandle(forUpdatingAtPath: rest))
        while (try? filling.write(contentsOf: Data(count: 4_096))) != nil {}
        let full = try await #require(throws: StoreError.self) { try await store.requireWritable() }
        #expect(await health.problem() == nil, "nothing was to be recorded yet")
        try await eventually("health says so") {
            events.publish(.error(DeviceFailure(code: .other, message: full.what)), device: "pocket", session: nil)
            return await health.problem() == "nothing can be synced: \(full.what)"
        }
        // Runs that another process kept away say nothing of it.
        events.publish(.error(DeviceFailure(code: .busy, message: "held")), device: "deck", session: nil)
        #expect(await health.problem() != nil)
        try FileManager.default.removeItem(atPath: rest)
        try filling.close()
        #expect(await health.problem() == nil)
        following.cancel()
        await following.value
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
