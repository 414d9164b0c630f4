import Foundation
import Logging
import Store
import TestSupport
import Testing

@testable import Daemon
@testable import Orchestrator
@testable import Planner

/// What is worth telling, and how often.
struct NoticeRulesTests {
    private var rules = NoticeRules(failingAfter: 3, diskLimit: .standard)
    private static let date = Date(timeIntervalSince1970: 1_790_000_000)

    /// What an event of `pocket` gives cause to tell.
    private mutating func after(
        _ kind: Event.Kind, on device: String = "pocket", recorded failures: Int? = nil
    ) -> [Notice] {
        rules.notices(after: Event(date: Self.date, device: device, session: 7, kind: kind), failures: failures)
    }

    private static let fine = Event.Kind.completed(SessionTotals(pulled: 1), halts: [])

    private static func failure(_ code: DeviceFailure.Code = .unreachable, _ text: String = "no answer") -> Event.Kind {
        .error(DeviceFailure(code: code, message: text))
    }

    private static func halted(_ directories: (String, Valve)...) -> Event.Kind {
        .completed(
            SessionTotals(),
            halts: directories.map { Halt(valve: $1, directory: $0, message: "9 of 10 saves are gone") })
    }

    private static func conflict(_ game: String) -> Event.Kind {
        .conflict(SaveIdentity(owner: "a", platform: "gba", game: game, kind: .save), reason: "changed on both sides")
    }

    @Test(arguments: [fine, failure(), failure(.interrupted)])
    mutating func `the conflicts of a run are one notice, when it ends in whatever way`(_ end: Event.Kind) {
        #expect(after(.started(operations: 3, bytes: 9)).isEmpty)
        #expect(after(Self.conflict("Metroid")).isEmpty)
        #expect(after(Self.conflict("Golden Sun")).isEmpty)
        #expect(after(Self.fine, on: "deck").isEmpty)
        let told = after(end)
        #expect(told.map(\.kind) == [.conflictOpened])
        #expect(told.first?.title == "2 new conflicts on pocket")
        #expect(told.first?.message.hasPrefix("gba/Metroid, gba/Golden Sun\n") == true)
        #expect(
            told.first?.facts == [
                "saves": .list(["gba/Metroid", "gba/Golden Sun"]), "count": .number(2), "session": .number(7),
            ])
        #expect(after(end).filter { $0.kind == .conflictOpened }.isEmpty)
    }

    @Test mutating func `many conflicts are counted, and names are made safe to print`() {
        for number in 1...12 { _ = after(Self.conflict("Game \(number)\u{1b}[2J")) }
        let told = after(Self.fine)
        #expect(told.first?.title == "12 new conflicts on pocket")
        #expect(told.first?.message.contains("gba/Game 10\\x1b[2J, and 2 more") == true)
        #expect(told.first?.message.contains("\u{1b}") == false)
    }

    @Test mutating func `a device that fails is told of at the third run, once, and once more when it works again`() {
        #expect(after(Self.failure()).isEmpty)
        #expect(after(Self.failure()).isEmpty)
        let told = after(Self.failure())
        #expect(told.map(\.title) == ["pocket failed 3 runs in a row"])
        #expect(told.first?.facts["code"] == .text("unreachable"))
        #expect(after(Self.failure()).isEmpty)
        let again = after(Self.fine)
        #expect(again.map(\.title) == ["pocket works again"])
        #expect(again.first?.facts["runs"] == .number(4))
        #expect(after(Self.fine).isEmpty)
    }

    @Test mutating func `runs of other processes count, in both ways`() {
        #expect(after(Self.failure(), recorded: 1).isEmpty)
        #expect(after(Self.failure(), recorded: 2).isEmpty)
        // Then a run by hand went through.
        #expect(after(Self.failure(), recorded: 1).isEmpty)
        // And two failed.
        #expect(after(Self.failure(), recorded: 4).map(\.title) == ["pocket failed 4 runs in a row"])
        #expect(after(Self.failure(.interrupted), recorded: 4).isEmpty)
        #expect(after(Self.failure(), recorded: 1).isEmpty)
        #expect(after(Self.failure(), recorded: 2).isEmpty)
        #expect(after(Self.failure(), recorded: 3).map(\.title) == ["pocket failed 3 runs in a row"])
    }

    @Test mutating func `runs that another one kept away or a signal ended neither count nor end a streak`() {
        for kind in [Self.failure(), Self.failure(.busy), Self.failure(), Self.failure(.interrupted)] {
            #expect(after(kind).isEmpty)
        }
        #expect(after(Self.failure()).map(\.kind) == [.deviceFailing])
    }

    @Test mutating func `a run of which single operations failed counts as one that failed`() {
        let partial = Event.Kind.completed(SessionTotals(pulled: 5, failed: 2), halts: [])
        #expect(after(partial).isEmpty)
        #expect(after(partial).isEmpty)
        #expect(after(partial).first?.message.hasPrefix("2 operations failed; the rest went through") == true)
    }

    @Test mutating func `a refused host key is told of at once, and again only with another key or after a run`() {
        let first = Self.failure(.hostKey, "it offers A, pinned is B")
        #expect(after(first).map(\.kind) == [.hostKeyChanged])
        #expect(after(first).isEmpty)
        #expect(
            after(Self.failure(.hostKey, "it offers C, pinned is B")).map(\.kind) == [.hostKeyChanged, .deviceFailing])
        _ = after(Self.fine)
        #expect(after(first).map(\.kind) == [.hostKeyChanged])
    }

    @Test mutating func `a halted directory is told of once, until a run goes through without the halt`() {
        let gba = Self.halted(("/saves/gba", .massDeletion))
        let told = after(gba)
        #expect(told.map(\.title) == ["pocket: /saves/gba halted (mass-deletion)"])
        #expect(told.first?.message.contains("`saveferry sync pocket --allow mass-deletion`") == true)
        #expect(after(gba).isEmpty)
        #expect(after(Self.failure()).isEmpty)
        #expect(after(gba).isEmpty)
        let both = Self.halted(("/saves/gba", .massDeletion), ("/saves/snes", .directoryMissing))
        #expect(after(both).map { $0.facts["directory"] } == [.text("/saves/snes")])
        #expect(after(Self.fine).isEmpty)
        #expect(after(gba).count == 1)
    }

    @Test mutating func `a halted run neither counts nor ends a streak, and what works is not halted`() {
        for _ in 1...3 { _ = after(Self.failure()) }
        let halted = Self.halted(("/saves/gba", .massDeletion))
        #expect(after(halted).map(\.kind) == [.valveHalted])
        #expect(after(halted).isEmpty)
        #expect(after(Self.fine).map(\.title) == ["pocket works again"])
        for _ in 1...4 { #expect(after(halted).allSatisfy { $0.kind == .valveHalted }) }
    }

    @Test mutating func `a save is named with its kind and slot where they say something`() {
        let state = SaveIdentity(owner: "a", platform: "gba", game: "Metroid", kind: .state, slot: "2")
        _ = after(.conflict(state, reason: "changed on both sides"))
        _ = after(Self.conflict("Metroid"))
        #expect(after(Self.fine).first?.facts["saves"] == .list(["gba/Metroid state [2]", "gba/Metroid"]))
    }

    @Test mutating func `a disk is low once, and again only after it was fine by a tenth`() {
        let gib: UInt64 = 1 << 30
        func room(_ free: UInt64) -> [DiskRoom] { [DiskRoom(path: "/library", free: free, total: 100 * gib)] }
        #expect(rules.notices(after: room(gib), at: Self.date).isEmpty)
        let told = rules.notices(after: room(gib - 1), at: Self.date)
        #expect(told.map(\.title) == ["1024.0 MiB left for /library"])
        #expect(told.first?.facts["limit_bytes"] == .number(Int64(gib)))
        for free in [gib - 2, gib + gib / 20, gib - 1] {
            #expect(rules.notices(after: room(free), at: Self.date).isEmpty)
        }
        #expect(rules.notices(after: room(gib + gib / 10 + 1), at: Self.date).isEmpty)
        #expect(rules.notices(after: room(0), at: Self.date).count == 1)
    }

    @Test(arguments: [
        ("500MiB", 100 << 30, 500 << 20), ("2 GiB", 100 << 30, 2 << 30), ("5%", 1_000, 50), ("1TiB", 10, 1 << 40),
    ])
    func `a limit is a size or a share`(_ text: String, _ total: UInt64, _ limit: UInt64) {
        #expect(DiskLimit(text)?.bytes(of: total) == limit)
        #expect(DiskLimit.standard.bytes(of: 100 << 30) == 1 << 30)
        #expect(DiskLimit.standard.bytes(of: 2_000) == 100)
        for wrong in ["", "5", "100%", "0GiB", "-1GiB", "5 GB", "%"] { #expect(DiskLimit(wrong) == nil) }
    }

    @Test mutating func `after a restart, a streak and a refused key that the record shows are not told of again`()
        async throws
    {
        let folder = try TemporaryFolder()
        let store = try await Store.open(
            stateDirectory: folder("state"), libraryDirectory: folder("library"), now: { Self.date },
            logger: Logger(label: "test"))
        let device = try await store.addDevice(
            DeviceSettings(
                name: "pocket", host: "h", owner: "a",
                directories: [SaveDirectory(id: 0, path: "/saves", platform: .named("gba"), extensions: ["srm"])]))
        let refused = DeviceFailure(code: .hostKey, message: "it offers A, pinned is B", advice: "Look.")
        // The newest run was interrupted by the daemon's end, which says nothing of the device.
        for status in [SessionStatus.completed, .failed, .failed, .failed, .cancelled] {
            let session = try await store.beginSession(device: device, trigger: .scheduled, operations: [])
            try await store.finishSession(
                session.id, status: status, error: refused.description, totals: SessionTotals())
        }
        rules.resume("pocket", from: try await store.sessions(device: device.id))
        #expect(after(.error(refused)).isEmpty)
        let halted = try await store.beginSession(device: device, trigger: .scheduled, operations: [])
        let halt = SessionHalt(code: "mass-deletion", directory: "/saves", message: "9 of 10 saves are gone")
        try await store.finishSession(halted.id, status: .halted, error: nil, totals: SessionTotals(), halts: [halt])
        rules.resume("pocket", from: try await store.sessions(device: device.id))
        #expect(after(Self.halted(("/saves", .massDeletion))).isEmpty)
        #expect(after(Self.fine).map(\.title) == ["pocket works again"])
    }
}
