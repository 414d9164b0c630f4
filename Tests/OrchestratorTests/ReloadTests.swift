import Planner
import SSHClient
import Store
import TestSupport
import Testing

@testable import Orchestrator

/// Settings that change while the daemon runs.
@Suite struct ReloadTests {
    private func sync(_ device: Device, on hub: Hub) async throws -> SessionReport {
        try #require(await hub.orchestrator.sync([device], trigger: .scheduled).first)
    }

    @Test func `a run that waited for its turn has the device as it is by then`() async throws {
        let hub = try await Hub()
        let pocket = try await Handheld(of: hub)
        try pocket.write("Metroid.srm", "x")
        let asked = try await pocket.device
        let other = try await SSHKeys.shared.fingerprint("other_host_ed25519")
        try await hub.store.pinHostKeys([PinnedHostKey(algorithm: "ssh-ed25519", fingerprint: other)], for: asked.id)
        #expect(try await sync(asked, on: hub).failure?.code == .hostKey)
        try await hub.store.pinHostKeys(asked.hostKeys, for: asked.id)
        #expect(try await sync(asked, on: hub).moved == [.pull: 1])
    }

    @Test(arguments: ["disabled", "renamed", "removed"])
    func `a device that is gone when its turn comes is left alone`(_ change: String) async throws {
        let hub = try await Hub()
        let pocket = try await Handheld(of: hub)
        let asked = try await pocket.device
        switch change {
        case "disabled": try await pocket.edit { $0.isEnabled = false }
        case "renamed": try await pocket.edit { $0.name = "other" }
        default: try await hub.store.removeDevice(asked.id)
        }
        let report = try await sync(asked, on: hub)
        #expect(report.failure?.code == .interrupted && report.session == nil, "\(report)")
        #expect(try await hub.store.sessions().isEmpty)
    }

    @Test func `a device that was disabled already is synced when it is named`() async throws {
        let hub = try await Hub()
        let pocket = try await Handheld(of: hub) { settings, _ in settings.isEnabled = false }
        try pocket.write("Metroid.srm", "x")
        #expect(try await pocket.sync().moved == [.pull: 1])
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
