import Planner
import SSHClient
import Store
import TestSupport
import Testing

@testable import Orchestrator

/// Settings that change while the daemon runs.
@Suite struct ReloadTests {
    /// Sessions that are under way until they are let go.
    private actor Sessions {
        private(set) var now = 0
        private(set) var ended = 0
        private var waiting: [CheckedContinuation<Void, Never>] = []

        func stay() async {
            now += 1
            await withCheckedContinuation { waiting.append($0) }
            now -= 1
            ended += 1
        }

        func letOneGo() { waiting.removeFirst().resume() }
    }

    @Test func `more sessions get on at once from the moment that more may, and fewer when fewer may`() async throws {
        let slots = Slots(1)
        let sessions = Sessions()
        let all = (0..<4).map { _ in Task { await slots.admit { _ in await sessions.stay() } } }
        try await eventually("one is under way") { await sessions.now == 1 }
        await slots.resize(3)
        try await eventually("three are under way") { await sessions.now == 3 }
        await slots.resize(1)
        for ended in 1...2 {
            await sessions.letOneGo()
            try await eventually("\(ended) ended") { await sessions.ended == ended }
            #expect(await sessions.now == 3 - ended, "the fourth waits until there is room for one")
        }
        await sessions.letOneGo()
        try await eventually("the fourth is under way") { await (sessions.now, sessions.ended) == (1, 3) }
        await sessions.letOneGo()
        for session in all { await session.value }
    }

    @Test func `runs that begin later have the new settings`() async throws {
        let hub = try await Hub()
        try await hub.store.addDevice(
            DeviceSettings(
                name: "pocket", host: "nowhere",
                directories: [SaveDirectory(id: 0, path: "/saves", platform: .named("gba"), extensions: ["srm"])]))
        await hub.orchestrator.reload(OrchestratorSettings(keysDirectory: "/elsewhere"))
        let report = try #require(await hub.orchestrator.sync(hub.store.devices(), trigger: .onDemand).first)
        #expect(report.failure?.description.contains("/elsewhere/pocket.pem") == true, "\(report)")
    }
}
