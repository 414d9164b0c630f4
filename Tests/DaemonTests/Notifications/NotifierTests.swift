import Foundation
import Logging
import ServiceLifecycle
import Store
import TestSupport
import Testing

@testable import Daemon
@testable import Orchestrator
@testable import Planner

/// The service: from events to a server, with reloads and an end.
struct NotifierTests {
    private let folder: TemporaryFolder
    private let store: Store
    private let events = EventBus(now: { Date() })
    private let log = KeptLog()

    init() async throws {
        folder = try TemporaryFolder()
        store = try await Store.open(
            stateDirectory: folder("state"), libraryDirectory: folder("library"), now: { Date() },
            logger: Logger(label: "test"))
    }

    private func settings(_ servers: HookServer..., disk: String = "1MiB") throws -> NotificationSettings {
        NotificationSettings(
            targets: try servers.map {
                NotificationTarget(.json(try #require(WebAddress($0.url("/hook"))), headerFile: nil))
            }, failingAfter: 1, diskLimit: try #require(DiskLimit(disk)))
    }

    /// Runs a notifier in a group of services until `body` has ended and then ends the group.
    private func withNotifier(
        _ settings: NotificationSettings, _ body: (Notifier) async throws -> Void
    ) async throws {
        let notifier = await Notifier(settings, store: store, events: events, logger: log.logger)
        let group = ServiceGroup(services: [notifier], logger: Logger(label: "test"))
        let run = Task { try await group.run() }
        do { try await body(notifier) } catch {
            await group.triggerGracefulShutdown()
            _ = await run.result
            throw error
        }
        await group.triggerGracefulShutdown()
        try await run.value
    }

    private func fail(_ device: String) {
        events.publish(.error(DeviceFailure(code: .unreachable, message: "no answer")), device: device, session: nil)
    }

    private func devices(_ requests: [HookServer.Request]) -> [String] {
        requests.compactMap { $0.json["device"] as? String }
    }

    @Test func `what a run finds reaches every target, also what comes last`() async throws {
        let (first, second) = (try await HookServer(), try await HookServer())
        try await withNotifier(try settings(first, second)) { _ in
            for device in ["pocket", "deck", "brick"] { fail(device) }
        }
        #expect(devices(first.requests) == ["pocket", "deck", "brick"])
        #expect(devices(second.requests) == ["pocket", "deck", "brick"])
        #expect(log.lines.isEmpty, "\(log.lines)")
    }

    @Test func `a disk that is low is told of at the start`() async throws {
        let server = try await HookServer()
        try await withNotifier(try settings(server, disk: "99%")) { _ in
            let request = try #require(try await server.requests(1).first)
            #expect(request.json["event"] as? String == "disk-low")
            #expect(request.json["path"] as? String == folder("library"))
            #expect((request.json["free_bytes"] as? Int ?? 0) > 0)
        }
    }

    @Test func `a reload takes new targets in and lets old ones go`() async throws {
        let (old, new) = (try await HookServer(), try await HookServer())
        try await withNotifier(try settings(old)) { notifier in
            fail("pocket")
            _ = try await old.requests(1)
            await notifier.reload(try settings(new))
            fail("deck")
            _ = try await new.requests(1)
            await notifier.reload(try settings())
        }
        #expect(devices(old.requests) == ["pocket"])
        #expect(devices(new.requests) == ["deck"])
    }

    @Test func `a server that hangs holds up the daemon's end for three seconds, and no event`() async throws {
        let (hanging, working) = (try await HookServer(last: .hang), try await HookServer())
        let clock = ContinuousClock()
        var end = clock.now
        try await withNotifier(try settings(hanging, working)) { _ in
            fail("pocket")
            _ = try await hanging.requests(1)
            _ = try await working.requests(1)
            for number in 1...50 { fail("device \(number)") }
            end = clock.now
        }
        let time = clock.now - end
        #expect(time >= .seconds(2), "\(time)")
        #expect(working.requests.count == 6)
        #expect((working.requests.last?.json["also"] as? [String])?.last == "device 50 failed 1 run")
        #expect(log.lines.count == 2, "\(log.lines)")
        #expect(
            log.lines.last
                == "error: notifications: json at 127.0.0.1:\(hanging.port): 51 notices were not delivered at the end")
    }

    @Test func `what a target that is away has not got goes to the one that takes its place`() async throws {
        let (gone, mended, other) = (try await HookServer(), try await HookServer(), try await HookServer())
        try await gone.stop()
        try await withNotifier(try settings(gone, other)) { notifier in
            fail("pocket")
            fail("deck")
            _ = try await other.requests(2)
            try await eventually("the server is missed") { !log.lines.isEmpty }
            await notifier.reload(try settings(mended, other))
            _ = try await mended.requests(2)
        }
        #expect(devices(mended.requests) == ["pocket", "deck"])
        #expect(devices(other.requests) == ["pocket", "deck"], "nobody is told twice")
        #expect(log.lines.count == 1, "\(log.lines)")
    }

    @Test func `two targets that are replaced together hand on what they both have once to each new one`() async throws
    {
        let gone = [try await HookServer(), try await HookServer()]
        let new = [try await HookServer(), try await HookServer()]
        for server in gone { try await server.stop() }
        try await withNotifier(try settings(gone[0], gone[1])) { notifier in
            for device in ["pocket", "deck"] { fail(device) }
            try await eventually("the servers are missed") { log.lines.count == 2 }
            await notifier.reload(try settings(new[0], new[1]))
            for server in new { _ = try await server.requests(2) }
        }
        for server in new { #expect(devices(server.requests).sorted() == ["deck", "pocket"]) }
    }

    @Test func `what nobody gets is counted at the end, also after a reload without a successor`() async throws {
        let gone = try await HookServer()
        try await gone.stop()
        let lost = "error: notifications: json at 127.0.0.1:\(gone.port): 1 notice was not delivered at the end"
        for isReloaded in [true, false] {
            let before = log.lines.count
            try await withNotifier(try settings(gone)) { notifier in
                fail("pocket")
                try await eventually("the server is missed") { log.lines.count == before + 1 }
                if isReloaded { await notifier.reload(try settings()) }
            }
            #expect(log.lines.count == before + 2 && log.lines.last == lost, "\(log.lines)")
        }
    }
}
