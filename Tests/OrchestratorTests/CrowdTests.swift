import Foundation
import Planner
import Store
import Synchronization
import TestSupport
import Testing

@testable import Orchestrator
@testable import SSHClient

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
        try await syncsTheOthers {
            $0.port = port
        } release: {
            silent = nil
        }
    }

    @Test func `devices that hang while they are listed keep no other from being synced`() async throws {
        var options = OpenSSHServer.Options.forMeasuring
        options.holdsAfter = 100
        let server = try await OpenSSHServer(options)
        try await syncsTheOthers {
            $0.port = server.port
        } release: {
            server.cutConnections()
        }
    }

    /// How many sessions are under way, and were at most.
    private final class Tally: Sendable {
        private let counts = Mutex((now: 0, most: 0))
        var most: Int { counts.withLock { $0.most } }
        func begin() { counts.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) } }
        func end() { counts.withLock { $0.now -= 1 } }
    }

    /// A thousand with `SAVEFERRY_THOROUGH=1`.
    @Test func `many devices in memory are all synced, and then all are in step`() async throws {
        let count = isThorough ? 1_000 : 100
        var trees: [String: MemoryTree] = [:]
        for number in 0..<count {
            let saves = (0..<3).map { ("/saves/Game \(number)-\($0).srm", "save \($0) of \(number)") }
            trees["device\(number)"] = MemoryTree(Dictionary(uniqueKeysWithValues: saves), folders: ["/saves"])
            try await hub.store.addDevice(
                DeviceSettings(
                    name: "device\(number)", host: "nowhere",
                    directories: [
                        SaveDirectory(
                            id: 0, path: "/saves", platform: .named("of device \(number)"), extensions: ["srm"])
                    ]))
        }
        let devices = try await hub.store.devices()
        let sessions = Tally()
        let known = trees
        let openPeer = { @Sendable (device: Device) async throws -> SFTPClient in
            sessions.begin()
            return try await SFTPClient.start(
                over: MemoryPeer(try #require(known[device.settings.name])) { sessions.end() })
        }
        func sync() async throws -> [Action: Int] {
            let reports = await Orchestrator.$openPeer.withValue(openPeer) {
                await hub.orchestrator.sync(devices, trigger: .onDemand)
            }
            #expect(reports.map(\.device) == devices.map(\.settings.name))
            #expect(reports.allSatisfy { $0.failure == nil && $0.openConflicts == 0 })
            return reports.flatMap { $0.plan?.operations ?? [] }.reduce(into: [:]) { $0[$1.action, default: 0] += 1 }
        }
        #expect(try await sync() == [.pull: 3 * count])
        #expect(try libraryTexts() == trees.values.flatMap(\.texts.values).sorted())
        // The second run reads again what was written a moment before the first one.
        hub.clock.advance(seconds: 10)
        #expect(try await sync() == [.noOp: 3 * count])
        let rows = try await Rows.synced(hub)
        #expect(!rows.isEmpty)
        #expect(try await sync() == [.noOp: 3 * count])
        #expect(try await Rows.synced(hub) == rows)
        #expect((2...hub.orchestrator.settings.concurrency).contains(sessions.most), "\(sessions.most) at once")
    }

    /// What all versions in the library hold.
    private func libraryTexts() throws -> [String] {
        let library = hub.folder("library")
        return (FileManager.default.subpaths(atPath: library) ?? []).filter { $0.hasSuffix(".srm") }
            .map { String(decoding: FileManager.default.contents(atPath: "\(library)/\($0)") ?? Data(), as: UTF8.self) }
            .sorted()
    }

    /// Syncs devices that hang, listed first, and others. The others are done while all of the first still hang.
    private func syncsTheOthers(
        hanging: @escaping @Sendable (inout DeviceSettings) -> Void, release: () -> Void
    ) async throws {
        let server = try await OpenSSHServer(.forMeasuring)
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
        try await eventually("the others are synced") {
            try await hub.store.sessions().count { $0.status == .completed } == healthy.count
        }
        #expect(
            try await hub.store.sessions().allSatisfy { $0.deviceName.hasPrefix("well") }, "all of the first still hang"
        )
        release()
        let failures = await reports.map { $0.failure?.code }
        #expect(failures == Array(repeating: .unreachable, count: hung) + [nil, nil, nil])
    }
}
