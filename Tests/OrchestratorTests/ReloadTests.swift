import Planner
import SSHClient
import Store
import TestSupport
import Testing

@testable import Orchestrator

/// Settings that change while the daemon runs.
@Suite struct ReloadTests {
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
