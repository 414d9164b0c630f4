import Foundation
import TestSupport
import Testing

extension ProgramTests {
    /// `--put-back` and `device reset`, as people and scripts use them.
    @Suite struct PutBackCommandTests {
        /// A device whose five saves were synced and then lost.
        private func emptied() async throws -> Installation {
            let installation = try await Installation.withDevice()
            for game in 1...4 { try installation.handheld.write("\(game)", to: "gba/Game \(game).srm") }
            _ = try await installation.run("sync")
            for name in try FileManager.default.contentsOfDirectory(atPath: installation.handheld("gba")) {
                try FileManager.default.removeItem(atPath: installation.handheld("gba/\(name)"))
            }
            return installation
        }

        @Test func `a halt names both ways out, the harmless one first, and what is gone is counted as that`()
            async throws
        {
            let installation = try await emptied()
            let halted = try await installation.run("sync", "pocket")
            #expect(halted.status == 4)
            let harmless = try #require(halted.output.range(of: "saveferry sync pocket --put-back"), "\(halted.output)")
            let other = try #require(halted.output.range(of: "saveferry sync pocket --allow directory-emptied"))
            #expect(harmless.lowerBound < other.lowerBound)
            let plan = try #require((try await installation.json("plan")["plans"] as? [[String: Any]])?.first)
            let halt = try #require((plan["halts"] as? [[String: Any]])?.first)
            #expect(halt["remedy"] as? String == "saveferry sync pocket --put-back")
            #expect(halt["override"] as? String == "--allow directory-emptied")

            let allowed = try await installation.run("sync", "pocket", "--allow", "directory-emptied")
            #expect(
                allowed.status == 0 && allowed.output.hasPrefix("pocket: 5 deleted on device\n"), "\(allowed.output)")
            #expect(try await installation.run("plan").output == "pocket: 5 deleted on device\n")
            let totals = try #require(
                (try await installation.json("plan")["plans"] as? [[String: Any]])?.first?["totals"] as? [String: Int])
            #expect(totals["deleted_on_device"] == 5 && totals["no_op"] == 5)

            let named = try await installation.run("plan", "pocket", "--put-back", "gba/Game 1", "Metroid")
            #expect(named.status == 0 && named.output.hasPrefix("pocket: 2 to push, 3 deleted on device"))
            let back = try await installation.run("sync", "pocket", "--put-back", "--platform", "gba")
            #expect(back.status == 0 && back.output.hasPrefix("pocket: 5 pushed"), "\(back.output)\(back.errorOutput)")
            #expect(installation.handheld.read("gba/Metroid.srm") == Array("x".utf8))
            #expect(try await installation.run("sync").output == "pocket: 5 in step\n")
        }

        @Test(arguments: [
            (["sync", "--put-back"], "--put-back: the device is missing"),
            (["sync", "pocket", "--put-back", "nothing"], "there is no save \"nothing\""),
            (["plan", "nobody", "--put-back"], "there is no device named nobody"),
            (["plan", "pocket", "--platform", "gba"], "--platform goes with --put-back"),
            (["device", "reset", "nobody", "--yes"], "there is no device named nobody"),
            (["device", "reset", "pocket"], "saveferry device reset pocket --yes"),
        ])
        func `wrong usage is refused in words, and nothing is done`(_ arguments: [String], _ message: String)
            async throws
        {
            let installation = try await Installation()
            try await installation.addDevice("pocket")
            let result = try await installation.run(arguments)
            #expect(result.status == 2 && result.output.isEmpty)
            #expect(result.errorOutput.contains(message), "\(result.errorOutput)")
        }

        @Test func `a reset device is compared afresh, and its history stays`() async throws {
            let installation = try await emptied()
            try installation.handheld.write("new game", to: "gba/Metroid.srm")
            let versions = try await installation.sql("SELECT * FROM save_versions")
            let reset = try await installation.run("device", "reset", "pocket", "--yes")
            #expect(reset.status == 0 && reset.output.contains("for 5 saves. Next: saveferry plan pocket"))
            #expect(try await installation.sql("SELECT * FROM save_versions") == versions)
            let synced = try await installation.run("sync", "pocket")
            #expect(synced.status == 3, "\(synced.output)\(synced.errorOutput)")
            #expect(synced.output.hasPrefix("pocket: 4 pushed, 1 in conflict"))
            #expect(installation.handheld.read("gba/Metroid.srm") == Array("new game".utf8))
        }

        @Test func `what was agreed on is not forgotten while the device is being synced`() async throws {
            let installation = try await Installation.withDevice()
            _ = try await installation.run("sync")
            let lock = installation.home("state/leases/1.lock")
            let holder = try ServerProcess(
                "/usr/bin/flock", [lock, "sh", "-c", "echo held; exec sleep 1000"], log: installation.home("holder"))
            try await eventually("the lease is held") { installation.home.read("holder")?.isEmpty == false }
            let refused = try await installation.run("device", "reset", "pocket", "--yes")
            #expect(refused.status == 8, "\(refused.output)\(refused.errorOutput)")
            #expect(try await installation.run("plan").output == "pocket: 1 in step\n")
            holder.signal(SIGKILL)
            _ = try await holder.waitForEnd()
        }
    }
}
