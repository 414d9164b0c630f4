import Foundation
import TestSupport
import Testing

extension ProgramTests {
    /// Whole runs of the program: many at once, killed, stopped.
    @Suite struct RunTests {
        @Test func `62 fifty simultaneous syncs of one device: one at a time, the others exit 8`() async throws {
            let installation = try await Installation.withDevice()
            for game in 1...200 { try installation.handheld.write("content \(game)", to: "gba/Game \(game).srm") }
            let codes = try await withThrowingTaskGroup(of: Int32.self) { group in
                for _ in 0..<50 { group.addTask { try await installation.run("sync", "pocket").status } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(codes).isSubset(of: [0, 8]))
            let ran = codes.count { $0 == 0 }
            #expect(ran >= 1)
            // Those that were refused left no trace, and those that ran did not do each other's work again.
            #expect(
                try await rows(installation, "SELECT count(*) FROM sync_sessions WHERE status = 'COMPLETED'")
                    == "\(ran)")
            #expect(try await rows(installation, "SELECT count(*) FROM sync_sessions") == "\(ran)")
            #expect(
                try await rows(installation, "SELECT count(*), count(DISTINCT save_id) FROM save_versions") == "201|201"
            )
        }

        @Test func `63 a sync that was killed is taken over, and the next one finishes the work`() async throws {
            let installation = try await Installation.withDevice(.init(holdsAfter: 1_000_000))
            try installation.handheld.write(String(repeating: "big", count: 1 << 20), to: "gba/Big.srm")
            let killed = try installation.start("sync", "pocket")
            try await firstBytes(installation)
            killed.signal(SIGKILL)
            _ = try await killed.waitForEnd()
            installation.server.release()
            let result = try await installation.run("sync")
            #expect(result.status == 0, "\(result.errorOutput)")
            #expect(try await rows(installation, "SELECT count(*) FROM saves") == "2")
            #expect(try staging(installation).isEmpty)
        }

        @Test func `64 plan changes not a byte on the device, in the library or in the database`() async throws {
            let installation = try await Installation.withDevice()
            _ = try await installation.run("sync")
            try installation.handheld.write("y", to: "gba/Metroid.srm")
            try installation.handheld.write("new", to: "gba/Zelda.srm")
            func everything() async throws -> [String] {
                [try await Command.run("sqlite3", ["-readonly", installation.database, ".dump"]).output]
                    + [installation.handheld.path, installation.home("library")].flatMap { folder in
                        (FileManager.default.subpaths(atPath: folder) ?? []).sorted().map { path in
                            let full = "\(folder)/\(path)"
                            let time = try? FileManager.default.attributesOfItem(atPath: full)[.modificationDate]
                            return "\(path) \(time ?? "") \(FileManager.default.contents(atPath: full) ?? Data())"
                        }
                    }
            }
            let before = try await everything()
            for arguments in [["plan"], ["plan", "--json"], ["sync", "--dry-run"]] {
                let result = try await installation.run(arguments)
                #expect(result.status == 0)
                #expect(result.output.contains("Zelda"))
            }
            #expect(try await everything() == before)
        }

        @Test
        func
            `67 SIGTERM while serving a device that fell silent: the operation in hand is undone, the lease released, exit 0`()
            async throws
        {
            let installation = try await Installation.withDevice(.init(holdsAfter: 1_000_000))
            try installation.handheld.write(String(repeating: "big", count: 1 << 20), to: "gba/Big.srm")
            let daemon = try installation.start("serve", "--schedule", "1h")
            try await firstBytes(installation)
            daemon.signal(SIGTERM)
            #expect(try await daemon.waitForEnd() == 0)
            installation.server.release()
            #expect(try await rows(installation, "SELECT DISTINCT status FROM sync_sessions") == "CANCELLED")
            #expect(try staging(installation).isEmpty)
            #expect(installation.handheld.everything() == ["gba", "gba/Big.srm", "gba/Metroid.srm"])
            let result = try await installation.run("sync")
            #expect(result.status == 0, "\(result.errorOutput)")
        }

        @Test func `serve syncs what is due and ends at SIGINT`() async throws {
            let installation = try await Installation.withDevice()
            let daemon = try installation.start("serve", "--schedule", "1h")
            try await eventually("the first run is recorded") {
                try await rows(installation, "SELECT status FROM sync_sessions") == "COMPLETED"
            }
            daemon.signal(SIGINT)
            #expect(try await daemon.waitForEnd() == 0)
            let log = installation.log
            #expect(log.contains("synced: 1 pulled, 0 pushed"))
            #expect(log.contains("stopped"))
        }

        private func firstBytes(_ installation: Installation) async throws {
            try await eventually("the first bytes arrived") { try staging(installation).contains { $0.contains("/") } }
        }

        private func staging(_ installation: Installation) throws -> [String] {
            FileManager.default.subpaths(atPath: installation.home("library/.saveferry/staging")) ?? []
        }

        private func rows(_ installation: Installation, _ query: String) async throws -> String {
            try await Command.run("sqlite3", ["-readonly", installation.database, query]).output
                .trimmingCharacters(in: .newlines)
        }
    }
}
