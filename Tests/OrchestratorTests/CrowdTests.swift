import Foundation
@testable import Orchestrator
import SSHClient
import Store
import TestSupport
import Testing

/// Many devices at once.
@Suite struct CrowdTests {
    let hub: Hub
    private let hung = 8

    init() async throws {
        hub = try await Hub()
        #expect(hub.orchestrator.settings.concurrency == hung, "as many hang as there are slots")
    }

    @Test func `devices that hang from the start keep no other from being synced`() async throws {
        var silent: SilentServer? = try SilentServer()
        let port = try #require(silent?.port)
        try await syncsTheOthers { $0.port = port } release: { silent = nil }
    }

    @Test func `devices that hang while they are listed keep no other from being synced`() async throws {
        let server = try await OpenSSHServer(OpenSSHServer.Options(holdsAfter: 100))
        try await syncsTheOthers { $0.port = server.port } release: { server.cutConnections() }
    }

    /// Syncs devices that hang, listed first, and others. The others are done while all of the first still hang.
    private func syncsTheOthers(
        hanging: @escaping @Sendable (inout DeviceSettings) -> Void, release: () -> Void
    ) async throws {
        let server = try await OpenSSHServer()
        var devices: [Device] = []
        for number in 0..<hung {
            let device = try await Handheld("hung\(number)", of: hub, server: server)
            try await device.edit(hanging)
            devices.append(try await device.device)
        }
        var healthy: [Handheld] = []
        for number in 0..<3 {
            let device = try await Handheld("well\(number)", of: hub, server: server)
            try device.write("Game \(number).srm", "save \(number)")
            healthy.append(device)
            devices.append(try await device.device)
        }
        async let reports = hub.orchestrator.sync(devices, trigger: .onDemand)
        try await eventually(within: 50, "the others are synced") {
            try await hub.store.sessions().count { $0.status == .completed } == healthy.count
        }
        #expect(try await hub.store.sessions().allSatisfy { $0.deviceName.hasPrefix("well") }, "all of the first still hang")
        release()
        let failures = await reports.map { $0.failure?.code }
        #expect(failures == Array(repeating: .unreachable, count: hung) + [nil, nil, nil])
    }
}
