import Foundation
import Logging
import Planner
import Store
import TestSupport
import Testing

@testable import Orchestrator

/// The scheduler with real servers, and times that are short enough to wait for.
@Suite struct SchedulerTests {
    let hub: Hub
    let log = LogLines()
    let folder: TemporaryFolder

    init() async throws {
        hub = try await Hub()
        folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder("saves"), withIntermediateDirectories: true)
        try folder.write("x", to: "saves/Metroid.srm")
    }

    private static let often: Duration = .milliseconds(50)

    private func pace() -> Pace {
        var pace = Pace()
        (pace.afterRun, pace.quiet, pace.busy, pace.reading) = (.zero, .seconds(3_600), Self.often, Self.often)
        (pace.firstRetry, pace.longestRetry, pace.probe) = (Self.often, Self.often, .seconds(60))
        return pace
    }

    /// Does `work` while a scheduler runs, which is ended and waited for then.
    private func scheduling(
        _ schedule: Duration, wake: Duration? = often, pace: Pace? = nil, _ work: (Scheduler) async throws -> Void
    ) async throws {
        let orchestrator = Orchestrator(
            store: hub.store, settings: OrchestratorSettings(keysDirectory: hub.folder("keys"), deadlines: .patient),
            clock: MachineClock(), logger: log.logger)
        let scheduler = Scheduler(
            orchestrator: orchestrator,
            settings: ScheduleSettings(fallback: Schedule(rule: .every(schedule)), wake: wake),
            pace: pace ?? self.pace())
        let running = Task { await scheduler.run() }
        let result = await Result { try await work(scheduler) }
        running.cancel()
        try await finish("the scheduler ends") { await running.value }
        try result.get()
    }

    private func addDevice(_ name: String = "pocket", port: Int, directory: String = "saves") async throws {
        let device = try await hub.store.addDevice(
            DeviceSettings(
                name: name, host: "127.0.0.1", port: port, user: OpenSSHServer.user,
                directories: [
                    SaveDirectory(id: 0, path: folder(directory), platform: .named("gba"), extensions: ["srm"])
                ]))
        let pin = try await SSHKeys.shared.fingerprint("host_ed25519")
        try await hub.store.pinHostKeys([PinnedHostKey(algorithm: "ssh-ed25519", fingerprint: pin)], for: device.id)
    }

    private func sessions(_ device: String = "pocket") async throws -> [SessionSummary] {
        try await hub.store.sessions(limit: 100_000).filter { $0.deviceName == device && $0.ended != nil }
    }

    private func synced(_ count: Int, _ device: String = "pocket") async throws {
        try await eventually("\(device) was synced \(count) times: \(log.all)") {
            try await sessions(device).count >= count
        }
    }

    @Test func `the log has a line when a directory is halted and one when it is not any more`()
        async throws
    {
        let server = try await OpenSSHServer()
        try await addDevice(port: server.port)
        try await scheduling(.milliseconds(50)) { _ in
            try await synced(1)
            try FileManager.default.moveItem(atPath: folder("saves"), toPath: folder("away"))
            try await eventually("it is told: \(log.all)") {
                log.all.contains {
                    $0.hasPrefix("warning pocket: halted: \(folder("saves")): the directory does not exist")
                }
            }
            try await synced(try await sessions().count + 3)
            try FileManager.default.moveItem(atPath: folder("away"), toPath: folder("saves"))
            try await eventually("the end is told: \(log.all)") {
                log.all.contains("notice pocket: no longer halted: \(folder("saves"))")
            }
            #expect(log.all.count { $0.contains(" halted: ") } == 2, "\(log.all)")
        }
        #expect(try await sessions().contains { $0.status == .halted })
    }

    @Test func `a device is left alone while it is away, and synced each time it comes online`() async throws {
        let port = try freePort()
        try await addDevice(port: port)
        // So rarely by the schedule that none is due in the moment before the server is missed.
        try await scheduling(.seconds(3_600)) { scheduler in
            func isOnline(_ expected: Bool) async throws {
                try await eventually("the device is seen") {
                    await scheduler.outlook().first?.isOnline == expected
                }
            }
            try await isOnline(false)
            #expect(await scheduler.outlook().first?.nextRun == nil)
            var server: OpenSSHServer? = try await OpenSSHServer(port: port)
            try await synced(1)
            server = nil
            try await isOnline(false)
            let before = try await sessions().count
            try folder.write("y", to: "saves/Zelda.srm")
            server = try await OpenSSHServer(port: port)
            try await synced(before + 1)
            #expect(server != nil)
        }
        // No run was tried in vain, and only those that did something are told.
        #expect(try await sessions().allSatisfy { $0.status == .completed && $0.trigger == .scheduled })
        #expect(
            log.all
                == [String](
                    repeating: "notice pocket: synced: 1 pulled, 0 pushed, 0 failed, 0 conflicts open", count: 2))
    }

    @Test func `a device that fails is heard of when it begins and when it ends`() async throws {
        let server = try await OpenSSHServer()
        let key = hub.folder("keys/id_ed25519")
        try FileManager.default.moveItem(atPath: key, toPath: key + ".away")
        try await addDevice(port: server.port)
        try await scheduling(.seconds(3_600)) { scheduler in
            try await eventually("it failed often") {
                await scheduler.outlook().first?.failuresInARow ?? 0 >= 5
            }
            #expect(log.all.count == 1, "\(log.all)")
            #expect(await scheduler.outlook().first?.lastFailure?.contains("there is no key for pocket") == true)
            try FileManager.default.moveItem(atPath: key + ".away", toPath: key)
            try await eventually("it is back: \(log.all)") { await scheduler.outlook().first?.failuresInARow == 0 }
        }
        try #require(log.all.count == 3, "\(log.all)")
        #expect(log.all[0].hasPrefix("error pocket: there is no key for pocket. Put one at "))
        #expect(log.all[1].hasPrefix("notice pocket: synced: 1 pulled"))
        #expect(log.all[2].contains(/^notice pocket: back after [0-9]+ failures, [0-9]+ s$/))
    }

    @Test func `without probes a device that is away is tried, with a back-off`() async throws {
        try await addDevice(port: try freePort())
        try await scheduling(.seconds(3_600), wake: nil) { scheduler in
            try await eventually("it failed often") {
                await scheduler.outlook().first?.failuresInARow ?? 0 >= 3
            }
            #expect(await scheduler.outlook().first?.isOnline == nil)
        }
        try #require(log.all.count == 1, "\(log.all)")
        #expect(log.all[0].hasPrefix("warning pocket: 127.0.0.1 port "))
    }

    @Test func `a device that is changed while it is synced is not begun again, and synced right after`() async throws {
        var options = OpenSSHServer.Options()
        options.holdsAfter = 100
        let server = try await OpenSSHServer(options)
        try await addDevice(port: server.port)
        var pace = pace()
        pace.afterRun = .seconds(3_600)
        try await scheduling(.seconds(3_600), pace: pace) { scheduler in
            try await eventually("it is being synced") { await scheduler.outlook().first?.isRunning == true }
            // A device that was changed is due at once.
            let device = try await hub.store.device(named: "pocket")
            var settings = device.settings
            settings.name = "renamed"
            try await hub.store.updateDevice(device.id, settings)
            await scheduler.wakeUp()
            try await eventually("the change is known") { await scheduler.outlook().first?.name == "renamed" }
            #expect(await scheduler.outlook().first?.isRunning == true)
            server.release()
            // Once with the settings that it was begun with, and once with the new ones.
            try await synced(1)
            try await synced(1, "renamed")
            try await eventually("the run is over") { await scheduler.outlook().first?.isRunning == false }
            try await eventually("it was found online again") { await scheduler.outlook().first?.isOnline == true }
        }
        #expect(try await hub.store.sessions().map(\.status) == [.completed, .completed])
    }

    @Test func `devices that hang keep no other from being noticed`() async throws {
        let full = try SilentServer(isFull: true)
        for number in 0..<12 { try await addDevice("hung\(number)", port: full.port) }
        let server = try await OpenSSHServer()
        try await addDevice(port: server.port)
        var pace = pace()
        (pace.probesAtOnce, pace.probe) = (2, .milliseconds(500))
        try await scheduling(.seconds(3_600), pace: pace) { scheduler in
            try await synced(1)
            try await eventually("all were probed") { await scheduler.outlook().allSatisfy { $0.isOnline != nil } }
            try await eventually("one of them is online") {
                await scheduler.outlook().filter { $0.isOnline == true }.map(\.name) == ["pocket"]
            }
        }
        #expect(try await hub.store.sessions().allSatisfy { $0.deviceName == "pocket" })
        withExtendedLifetime(full) {}
    }

    @Test func `probes follow each other in time, also those that find nothing new`() async throws {
        let server = try await OpenSSHServer()
        try await addDevice(port: server.port)
        var pace = pace()
        pace.reading = .seconds(3_600)
        try await scheduling(.seconds(3_600), pace: pace) { _ in
            try await synced(1)
            try await eventually("it is probed on and on: \(server.log)") {
                server.log.components(separatedBy: "kex_exchange_identification").count > 10
            }
        }
    }

    @Test func `other settings hold at once`() async throws {
        let server = try await OpenSSHServer()
        try await addDevice(port: server.port)
        try await scheduling(.seconds(3_600), wake: nil) { scheduler in
            try await synced(1)
            try await eventually("the run is over") { await scheduler.outlook().first?.isRunning == false }
            await scheduler.reload(ScheduleSettings(fallback: nil, wake: Self.often))
            #expect(await scheduler.outlook().map(\.nextRun) == [nil])
            await scheduler.reload(ScheduleSettings(fallback: Schedule(rule: .every(Self.often)), wake: nil))
            try await synced(3)
        }
    }

    @Test func `a time that passed while nothing ran is caught up once after the start`() async throws {
        let server = try await OpenSSHServer()
        try await addDevice(port: server.port)
        let device = try await hub.store.device(named: "pocket")
        var settings = device.settings
        settings.schedule = "@yearly"
        try await hub.store.updateDevice(device.id, settings)
        try await scheduling(.seconds(3_600), wake: nil) { scheduler in
            try await eventually("its next time is known") { await scheduler.outlook().first?.nextRun != nil }
        }
        #expect(try await sessions().isEmpty)
        let session = try await hub.store.beginSession(device: device, trigger: .scheduled, operations: [])
        try await hub.store.finishSession(session.id, status: .completed, error: nil, totals: SessionTotals())
        _ = try await Command.run(
            "sqlite3", [hub.folder("state/saveferry.db"), "UPDATE sync_sessions SET started_at = 1000000000"])
        try await scheduling(.seconds(3_600), wake: nil) { scheduler in
            try await synced(2)
            try await eventually("the run is over") { await scheduler.outlook().first?.isRunning == false }
            let next = await scheduler.outlook().first?.nextRun
            #expect(try #require(next) > Date())
        }
        #expect(try await sessions().count == 2)
    }

    @Test(
        arguments: [
            (nil, nil, true), (.cancelled, "the run was interrupted", true), (.failed, "no answer", true),
            (.failed, nil, false), (.completed, nil, false),
        ] as [(SessionStatus?, String?, Bool)])
    func `a time whose run did not go through is caught up after the start`(
        _ status: SessionStatus?, _ error: String?, isCaughtUp: Bool
    ) async throws {
        let server = try await OpenSSHServer()
        try await addDevice(port: server.port)
        var device = try await hub.store.device(named: "pocket")
        var settings = device.settings
        settings.schedule = "@yearly"
        try await hub.store.updateDevice(device.id, settings)
        device = try await hub.store.device(named: "pocket")
        for isFirstDone in [false, true] {
            if isFirstDone {
                let first = try await hub.store.beginSession(device: device, trigger: .scheduled, operations: [])
                try await hub.store.finishSession(first.id, status: .completed, error: nil, totals: SessionTotals())
                _ = try await Command.run(
                    "sqlite3", [hub.folder("state/saveferry.db"), "UPDATE sync_sessions SET started_at = 1000000000"])
            }
            let last = try await hub.store.beginSession(device: device, trigger: .scheduled, operations: [])
            if let status {
                try await hub.store.finishSession(last.id, status: status, error: error, totals: SessionTotals())
            }
            try await scheduling(.seconds(3_600), wake: nil) { scheduler in
                try await eventually("its next time is known") {
                    guard let next = await scheduler.outlook().first?.nextRun else { return false }
                    return next > Date()
                }
            }
            #expect(try await hub.store.sessions().first?.id == last.id + (isCaughtUp ? 1 : 0), "\(isFirstDone)")
        }
    }
}
