import Foundation
import Orchestrator
import Planner
import Store
import TestSupport
import Testing

extension ScenarioTests {
    /// Whole runs against ProFTPD's mod_sftp, which runs no commands and ends the connection over input for one.
    @Suite(
        .enabled("SAVEFERRY_SERVERS is set, and the tests run as root") {
            areServersWanted("ProFTPD") && getuid() == 0
        }) struct ProFTPDServers
    {
        @Test func `a large save is synced again and again`() async throws {
            let hub = try await Hub()
            let server = try await ProFTPDServer()
            let device = try await Handheld(of: hub)
            try await device.edit { $0.port = server.port }
            var numbers = SplitMix64(seed: 1)
            let card = (0..<(2 << 20) / 8).flatMap { _ in withUnsafeBytes(of: numbers.next()) { Array($0) } }
            try device.folder.write(card, to: "saves/Metroid.srm")
            try device.write("Zelda.srm", "small")
            try await device.sync(expecting: [.pull: 2])
            for day in 1...2 {
                hub.clock.advance(seconds: 86_400)
                try device.folder.setTime(1_700_000_000 + day, of: "saves/Metroid.srm")
                try device.write("Zelda.srm", "of day \(day)")
                try await device.sync(expecting: [.pull: 1])
            }
            #expect(server.log.contains("unsupported exec command 'sh'"))
            // It is refused in good order: nothing ended over it.
            #expect(try await device.device.speedUpsFailedAt == nil)
            let findings = await hub.orchestrator.examine(try await device.device, writeTest: true)
            #expect(findings.allSatisfy { $0.result != .failed }, "\(findings)")
        }
    }
}
