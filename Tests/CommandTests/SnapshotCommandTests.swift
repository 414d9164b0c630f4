import Foundation
import TestSupport
import Testing

extension ProgramTests {
    /// Snapshots as people and scripts take and restore them, and the move of a database, with the program killed meanwhile.
    @Suite struct SnapshotCommandTests {
        /// Two devices with saves in every state that a snapshot has to bring back.
        static func grown() async throws -> Installation {
            let installation = try await Installation.withDevice()
            let (handheld, home) = (installation.handheld, installation.home)
            try FileManager.default.createDirectory(atPath: handheld("other"), withIntermediateDirectories: true)
            try handheld.write("tetris", to: "gba/Tetris.srm")
            try handheld.write("zelda", to: "gba/Zelda.srm")
            try handheld.write("left behind", to: "gba/Kirby.srm")
            try handheld.write("part one", to: "psp/ULUS10041/DATA.BIN")
            try handheld.write("part two", to: "psp/ULUS10041/ICON0.PNG")
            func run(_ arguments: String..., ending status: Int32 = 0) async throws {
                let result = try await installation.run(arguments)
                try #require(result.status == status, "\(arguments) \(result.output)\(result.errorOutput)")
            }
            try await run(
                "device", "edit", "pocket", "--dir", "gba=\(handheld("gba"))", "--folder-dir", "psp=\(handheld("psp"))")
            let fingerprint = try await SSHKeys.shared.fingerprint("host_ed25519")
            try await run(
                "device", "add", "deck", "--host", "127.0.0.1", "--port", "\(installation.server.port)", "--user",
                OpenSSHServer.user, "--dir", "gba=\(handheld("other"))", "--trust", fingerprint)
            try await run("sync")
            try await run("untrack", "deck", "gba/Tetris")
            // Gone from one device, changed on another, archived, and in conflict.
            try FileManager.default.removeItem(atPath: handheld("gba/Kirby.srm"))
            try handheld.write("played", to: "gba/Metroid.srm")
            try await run("sync")
            try await run("restore", "gba/Zelda", "--version", "1")
            try handheld.write("mine", to: "gba/Metroid.srm")
            try handheld.write("other's", to: "other/Metroid.srm")
            try await run("sync", ending: 3)
            try await run("sync", ending: 3)
            try home.write("state_dir: \(home("state"))\n", to: "saveferry.yaml")
            return installation
        }

        /// The answers that must be the same after a restore.
        static func answers(_ installation: Installation) async throws -> [String] {
            var answers: [String] = []
            for arguments in [
                ["saves", "--json"], ["history", "gba/Metroid", "--json"], ["conflicts", "--json"],
                ["device", "export"],
                ["plan", "--json"], ["verify"],
            ] {
                let result = try await installation.run(arguments)
                // A plan says when it was made, and has what it does nothing for in no order.
                let lines = result.output.split(whereSeparator: { ",\n".contains($0) })
                    .filter { !$0.contains("\"generated_at\"") }
                answers.append("\(result.status) " + lines.sorted().joined(separator: "\n"))
            }
            return answers
        }

        @Test func `restored into an empty state directory, a sync against unchanged devices is all no_op`()
            async throws
        {
            let installation = try await Self.grown()
            let before = try await Self.answers(installation)
            let created = try await installation.run(
                "snapshot", "create", "--output", installation.home("backup.json.z"))
            #expect(created.status == 0, "\(created.errorOutput)")
            let files = installation.handheld.everything()
            try FileManager.default.removeItem(atPath: installation.home("state"))
            let restored = try await installation.run("snapshot", "restore", installation.home("backup.json.z"))
            #expect(restored.status == 0, "\(restored.output)\(restored.errorOutput)")
            #expect(restored.output.hasPrefix("Restored snapshot 1 of "))
            for (answer, earlier) in zip(try await Self.answers(installation), before) { #expect(answer == earlier) }
            let plans = try #require(try await installation.json("plan")["plans"] as? [[String: Any]])
            let operations = plans.flatMap { $0["operations"] as? [[String: Any]] ?? [] }
            // The conflict waits for the user, the untracked save for nobody.
            #expect(operations.count > 8)
            for operation in operations {
                let (action, game) = (operation["action"] as? String, operation["game"] as? String)
                #expect(action == "no_op" || action == "skip" || (action == "conflict" && game == "Metroid"))
            }
            let sync = try await installation.json("sync")
            let sessions = try #require(sync["sessions"] as? [[String: Any]])
            #expect(sessions.allSatisfy { ($0["totals"] as? [String: Any])?["bytes"] as? Int == 0 }, "\(sync)")
            #expect(installation.handheld.everything() == files)
            #expect(try await Self.answers(installation)[1] == before[1])
            // The next one goes on counting.
            #expect(try await installation.run("snapshot", "create").output.hasPrefix("Snapshot 2: 2 devices"))
        }

        @Test func `create, list, show and prune say what there is, also as JSON`() async throws {
            let installation = try await Installation.withDevice()
            #expect(try await installation.run("sync").status == 0)
            #expect(try await installation.run("snapshot", "list").output.hasPrefix("No snapshots yet."))
            for number in 1...3 {
                let created = try await installation.run("snapshot", "create")
                #expect(created.output.hasPrefix("Snapshot \(number): 1 device, 1 save, 1 version. It is at "))
            }
            let listed = try await installation.run("snapshot", "list")
            #expect(listed.status == 0 && listed.output.split(separator: "\n").count == 4, "\(listed.output)")
            let shown = try await installation.run("snapshot", "show", "2")
            #expect(shown.output.contains("Devices: pocket\n") && shown.output.contains("save_versions"))
            let document = try #require(
                try await installation.json("snapshot", "show", "2")["snapshots"] as? [[String: Any]])
            #expect(document[0]["sequence"] as? Int == 2 && document[0]["devices"] as? [String] == ["pocket"])
            #expect((document[0]["counts"] as? [String: Int])?["saves"] == 1)
            #expect(document[0]["valid"] as? Bool == true && (document[0]["size_bytes"] as? Int ?? 0) > 0)
            let dry = try await installation.run("snapshot", "prune", "--keep", "1", "--dry-run")
            #expect(dry.output.hasSuffix("Would remove 2 snapshots.\n"))
            #expect(try await installation.run("snapshot", "prune").output == "Removed 0 snapshots.\n")
            let pruned = try await installation.json("snapshot", "prune", "--keep", "2")["prune"] as? [String: Any]
            #expect((pruned?["removed"] as? [String])?.count == 1)
            // A damaged one is named, and the others are listed.
            let path = try #require(document[0]["path"] as? String)
            try Data("no snapshot".utf8).write(to: URL(fileURLWithPath: path))
            let damaged = try await installation.run("snapshot", "list")
            #expect(damaged.status == 1 && damaged.errorOutput.contains(path))
            #expect(damaged.output.contains("can't be used") && damaged.output.split(separator: "\n").count == 3)
            let list = try await installation.json("snapshot", "list")["snapshots"] as? [[String: Any]]
            #expect(list?.map { $0["valid"] as? Bool } == [false, true])
        }

        @Test func `a restore is refused where there is something to lose, and where files are missing it says so`()
            async throws
        {
            let installation = try await Installation.withDevice()
            #expect(try await installation.run("sync").status == 0)
            let path = installation.home("one.json.z")
            #expect(try await installation.run("snapshot", "create", "--output", path).status == 0)
            #expect(try await installation.run("snapshot", "create", "--output", path).status == 2)
            let full = try await installation.run("snapshot", "restore", path)
            #expect(
                full.status == 2 && full.errorOutput.contains("rename that file with its -wal"), "\(full.errorOutput)")
            let daemon = try installation.start("serve", "--schedule", "1h")
            try await eventually("it serves: \(installation.log)") {
                try await installation.sql("SELECT count(*) FROM sync_sessions") == "2\n"
            }
            #expect(try await installation.run("snapshot", "restore", path).status == 8)
            // Also when its database was renamed under it.
            let database = installation.database
            try FileManager.default.moveItem(atPath: database, toPath: "\(database).renamed")
            let served = try await installation.run("snapshot", "restore", path)
            #expect(served.status == 8 && served.errorOutput.contains("serves the state directory"))
            try FileManager.default.moveItem(atPath: "\(database).renamed", toPath: database)
            daemon.signal(SIGTERM)
            #expect(try await daemon.waitForEnd() == 0)
            let version = try await installation.sql("SELECT library_path FROM save_versions").dropLast()
            try FileManager.default.removeItem(atPath: installation.home("state"))
            try FileManager.default.removeItem(atPath: installation.home("library/\(version)"))
            #expect(try await installation.run("snapshot", "restore", "7").status == 2)
            #expect(try await installation.run("snapshot", "restore", installation.home("none")).status == 2)
            let lacking = try await installation.run("snapshot", "restore", path)
            #expect(lacking.status == 1 && lacking.errorOutput.contains("not in the library: \(version)"))
            #expect(try await installation.run("status").output.contains("pocket"))
        }

        @Test(arguments: ["many", "-1", "1.5"])
        func `a wrong number of snapshots is refused with its line`(_ number: String) async throws {
            let installation = try await Installation()
            try installation.home.write("snapshots: \(number)\n", to: "saveferry.yaml")
            let result = try await installation.run("snapshot", "list")
            #expect(result.status == 2 && result.errorOutput.contains("saveferry.yaml:1: snapshots: \"\(number)\""))
        }

        @Test func `serve takes one when the newest is a day old, and keeps as many as the setting says`() async throws
        {
            let installation = try await Installation.withDevice()
            try installation.home.write(
                "snapshots: 2\nsnapshots_dir: \(installation.home("kept"))\n", to: "saveferry.yaml")
            func snapshots() -> [String] {
                ((try? FileManager.default.contentsOfDirectory(atPath: installation.home("kept"))) ?? [])
                    .filter { $0.hasSuffix(".z") }.sorted()
            }
            func serve(until isReached: () async throws -> Bool) async throws {
                let daemon = try installation.start("serve", "--schedule", "1h", "--verbose")
                try await eventually("it got there", isReached)
                daemon.signal(SIGTERM)
                #expect(try await daemon.waitForEnd() == 0)
            }
            try await serve { snapshots().count == 1 }
            // Not a second one on the same day; the sync shows that the daemon got on.
            try await serve { try await installation.sql("SELECT count(*) FROM sync_sessions") == "2\n" }
            #expect(snapshots().count == 1)
            let taken = installation.home("kept/\(snapshots()[0])")
            try FileManager.default.copyItem(
                atPath: taken, toPath: installation.home("kept/saveferry-000002-2025-06-15T150640Z.json.z"))
            // One that can't be read: another is due, and it is none of the two.
            try installation.home.write("damaged", to: "kept/saveferry-000003-2025-06-16T150640Z.json.z")
            try await serve { snapshots().first?.hasPrefix("saveferry-000002") == true }
            #expect(snapshots().map { $0.prefix(16) } == ["saveferry-000002", "saveferry-000003", "saveferry-000004"])
            try installation.home.write("snapshots: off\n", to: "saveferry.yaml")
            try await serve { try await installation.sql("SELECT count(*) FROM sync_sessions") == "4\n" }
            #expect(!FileManager.default.fileExists(atPath: installation.home("state/snapshots")))
        }

        @Test func `serve takes none of an empty database that would put others out of the folder, and says so`()
            async throws
        {
            let installation = try await Installation.withDevice()
            let home = installation.home
            try home.write("snapshots: 1\nsnapshots_dir: \(home("kept"))\n", to: "saveferry.yaml")
            #expect(try await installation.run("snapshot", "create").status == 0)
            // A newer one that can't be read, so that another is due.
            try home.write("damaged", to: "kept/saveferry-000002-2025-06-15T150640Z.json.z")
            let before = home.everything().filter { $0.hasPrefix("kept/") }
            try FileManager.default.removeItem(atPath: home("state"))
            let daemon = try installation.start("serve")
            try await eventually("it warns") {
                home.read("log").map { String(decoding: $0, as: UTF8.self) }?.contains("no devices and no saves")
                    == true
            }
            daemon.signal(SIGTERM)
            #expect(try await daemon.waitForEnd() == 0)
            #expect(home.everything().filter { $0.hasPrefix("kept/") } == before)
            #expect(try await installation.run("snapshot", "restore", "1").status == 0)
            #expect(try await installation.run("status").output.contains("pocket"))
        }

        @Test func `a hidden folder of snapshots in the library is nothing to verify`() async throws {
            let installation = try await Installation.withDevice()
            #expect(try await installation.run("sync").status == 0)
            try installation.home.write(
                "snapshots_dir: \(installation.home("library/.backup/snapshots"))\n", to: "saveferry.yaml")
            #expect(try await installation.run("snapshot", "create").status == 0)
            #expect(try await installation.run("verify", "--repair").status == 0)
            #expect(try await installation.run("snapshot", "list").output.split(separator: "\n").count == 2)
        }

        @Test func `a folder of snapshots that can't be read is no empty one`() async throws {
            let installation = try await Installation.withDevice()
            try installation.home.write("", to: "kept")
            try installation.home.write("snapshots_dir: \(installation.home("kept"))\n", to: "saveferry.yaml")
            for arguments in [["list"], ["prune"], ["create"], ["restore", "1"]] {
                let result = try await installation.run(["snapshot"] + arguments)
                #expect(result.status != 0 && result.errorOutput.contains(installation.home("kept")), "\(arguments)")
                #expect(result.output.isEmpty)
            }
        }

        #if DEBUG
            /// Kills the program before, or after, each of its file calls in turn.
            private func killing(
                _ kind: String, _ installation: Installation, _ arguments: [String],
                prepare: () async throws -> Void, check: (Int) async throws -> Void
            ) async throws -> Int {
                for point in 0..<200 {
                    try await prepare()
                    let result = try await installation.run(
                        arguments, environment: ["SAVEFERRY_FAULT": "\(kind)@file:\(point)"])
                    try await check(point)
                    guard result.status == 128 + SIGKILL else {
                        #expect(result.status == 0, "\(result.errorOutput)")
                        return point
                    }
                }
                Issue.record("it has no end")
                return 0
            }

            @Test(arguments: ["kill", "kill-after"])
            func `killed at any file call of the move, the next start has everything`(_ kind: String) async throws {
                let installation = try await Installation.withDevice()
                #expect(try await installation.run("sync").status == 0)
                let home = installation.home
                let old = home("library/.saveferry.db")
                let expected = try await installation.run("history", "gba/Metroid").output
                let points = try await killing(kind, installation, ["history", "gba/Metroid"]) {
                    // Back to where it was before.
                    let script = """
                        cd "$0"; rm -f library/.saveferry.db*; [ -f original ] || sqlite3 state/saveferry.db .dump \
                        | sqlite3 original; rm -rf state; cp original library/.saveferry.db
                        """
                    let done = try await Command.run("/bin/sh", ["-c", script, home.path])
                    try #require(done.status == 0, "\(done.errorOutput)")
                } check: { point in
                    let standing = [old, "\(old).migrated"].filter { FileManager.default.fileExists(atPath: $0) }
                    #expect(!standing.isEmpty, "\(point)")
                    for file in standing {
                        #expect(try await installation.sql("SELECT name FROM devices", in: file) == "pocket\n")
                    }
                    let next = try await installation.run("history", "gba/Metroid")
                    #expect(next.status == 0 && next.output == expected, "\(point): \(next.errorOutput)")
                    #expect(!home.everything().contains { $0.hasSuffix(".part") || $0 == "library/.saveferry.db" })
                }
                #expect(points > 12)
            }

            @Test(arguments: ["kill", "kill-after"])
            func `killed at any file call of a restore, all is there or nothing`(_ kind: String) async throws {
                let installation = try await Installation.withDevice()
                #expect(try await installation.run("sync").status == 0)
                let path = installation.home("one.json.z")
                #expect(try await installation.run("snapshot", "create", "--output", path).status == 0)
                let expected = try await installation.run("history", "gba/Metroid").output
                let points = try await killing(kind, installation, ["snapshot", "restore", path]) {
                    try? FileManager.default.removeItem(atPath: installation.home("state"))
                } check: { point in
                    if !FileManager.default.fileExists(atPath: installation.database) {
                        let again = try await installation.run("snapshot", "restore", path)
                        #expect(again.status == 0, "\(point): \(again.errorOutput)")
                    }
                    #expect(try await installation.run("history", "gba/Metroid").output == expected, "\(point)")
                    #expect(!installation.home.everything().contains { $0.hasSuffix(".part") }, "\(point)")
                }
                #expect(points > 4)
            }

            @Test(arguments: ["kill", "kill-after"])
            func `killed at any file call while one is taken, what is listed is whole`(_ kind: String) async throws {
                let installation = try await Installation.withDevice()
                #expect(try await installation.run("sync").status == 0)
                let points = try await killing(kind, installation, ["snapshot", "create"]) {
                } check: { point in
                    let listed = try await installation.run("snapshot", "list")
                    #expect(listed.status == 0, "\(point): \(listed.errorOutput)")
                }
                #expect(points > 4)
                #expect(try await installation.run("snapshot", "prune", "--keep", "1").status == 0)
                let left = installation.home.everything().filter { $0.hasPrefix("state/snapshots/") }
                #expect(left.count == 1, "\(left)")
            }
        #endif
    }
}
