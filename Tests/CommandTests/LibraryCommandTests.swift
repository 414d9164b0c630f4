import Foundation
import TestSupport
import Testing

extension ProgramTests {
    /// What keeps the library in order and gives contents out, as people and scripts run it.
    @Suite struct LibraryCommandTests {
        /// An installation whose save has `count` versions, stored long ago.
        static func withVersions(_ count: Int) async throws -> Installation {
            let installation = try await Installation.withDevice()
            _ = try await installation.run("sync")
            for _ in 1..<count { _ = try await installation.run("restore", "Metroid", "--version", "1") }
            // Contents of their own, so that the agreement with the device does not hold all of them.
            try await installation.change(
                """
                UPDATE save_versions SET created_at = 1000000000, last_used_at = NULL;
                UPDATE save_versions SET content_hash = randomblob(32) WHERE number > 1;
                """)
            return installation
        }

        @Test func `retention removes by the settings, says what, and --dry-run removes nothing`() async throws {
            let installation = try await Self.withVersions(6)
            #expect(try await installation.run("retention").output == "Removed 0 versions, 0 B.\n")
            try installation.home.write("keep_versions: 2\nkeep_days: 30\n", to: "saveferry.yaml")
            let dry = try await installation.run("retention", "--dry-run")
            #expect(dry.output.hasSuffix("Would remove 3 versions, 3 B.\n"), "\(dry.output)\(dry.errorOutput)")
            #expect(dry.output.contains("gba/Metroid version 2, 1 B, 2001-09-09T01:46:40Z\n"))
            #expect(try await installation.versions() == ["6", "5", "4", "3", "2", "1"])
            let json = try await installation.json("retention", "--dry-run")
            #expect((json["versions"] as? [[String: Any]])?.map { $0["version"] as? Int } == [2, 3, 4])
            #expect((json["totals"] as? [String: Any])?["versions"] as? Int == 3)
            let done = try await installation.run("retention")
            #expect(done.status == 0 && done.output.hasSuffix("Removed 3 versions, 3 B.\n"))
            #expect(done.errorOutput.contains("removing old versions keep_days=30 keep_versions=2"))
            // Version 1 is what the device last agreed on.
            #expect(try await installation.versions() == ["6", "5", "1"])
        }

        @Test func `flags win over the environment, that over the file, and all turns retention off`() async throws {
            let installation = try await Self.withVersions(4)
            try installation.home.write("keep_versions: 1\n", to: "saveferry.yaml")
            let off = try await installation.run(
                ["retention"], environment: ["SAVEFERRY_KEEP_VERSIONS": "all"])
            #expect(off.output == "Everything stays: keep_versions or keep_days is \"all\".\n")
            #expect(try await installation.run("retention", "--keep-days", "all").output == off.output)
            let three = try await installation.run(
                ["retention", "--keep-versions", "3"], environment: ["SAVEFERRY_KEEP_VERSIONS": "all"])
            #expect(three.output == "Removed 0 versions, 0 B.\n")
            #expect(try await installation.versions().count == 4)
        }

        @Test(arguments: [
            ["retention", "--keep-versions", "0"], ["retention", "--keep-days", "-1"],
            ["retention", "--keep-days=ten"],
            ["serve", "--schedule", "1h", "--keep-versions", "many"],
        ])
        func `a rule that can't be used is refused`(_ arguments: [String]) async throws {
            let result = try await Installation().run(arguments)
            #expect(result.status == 2)
            #expect(!result.errorOutput.isEmpty)
        }

        @Test func `a wrong setting is refused with its line`() async throws {
            let installation = try await Installation()
            try installation.home.write("keep_days: 1\nkeep_versions: 0\n", to: "saveferry.yaml")
            let result = try await installation.run("retention")
            #expect(result.status == 2)
            #expect(
                result.errorOutput.contains(
                    "saveferry.yaml:2: keep_versions: \"0\" can't be used; expected a number from 1 to 100000, or all"))
        }

        @Test func `serve removes old versions beside the syncs`() async throws {
            let installation = try await Self.withVersions(5)
            let daemon = try installation.start("serve", "--schedule", "1h", "--keep-versions", "1", "--keep-days", "1")
            try await eventually("old versions are gone") { try await installation.versions().count <= 2 }
            daemon.signal(SIGTERM)
            #expect(try await daemon.waitForEnd() == 0)
        }

        @Test func `export writes any version, and replaces a file only with --force`() async throws {
            let installation = try await Installation.withDevice()
            _ = try await installation.run("sync")
            try installation.handheld.write("newer", to: "gba/Metroid.srm")
            _ = try await installation.run("sync")
            let path = installation.home("out.srm")
            let current = try await installation.run("export", "gba/Metroid", "--to", path)
            #expect(current.output == "Version 2 of gba/Metroid is at \(path).\n", "\(current.errorOutput)")
            #expect(installation.home.read("out.srm") == Array("newer".utf8))
            let refused = try await installation.run("export", "Metroid", "--version", "1", "--to", path)
            #expect(refused.status == 2 && refused.errorOutput.contains("--force"))
            #expect(installation.home.read("out.srm") == Array("newer".utf8))
            let forced = try await installation.run("export", "Metroid", "--version", "1", "--to", path, "--force")
            #expect(forced.status == 0 && installation.home.read("out.srm") == Array("x".utf8))
            #expect(try await installation.run("export", "Metroid", "--version", "9", "--to", path).status == 2)
            #expect(try await installation.run("export", "Metroid").status == 2)
        }

        @Test func `rehash repairs the hashes and says how many, twice the same`() async throws {
            let installation = try await Self.withVersions(3)
            #expect(try await installation.run("verify").status == 1)
            #expect(try await installation.run("rehash").output == "3 versions: 2 changed\n")
            #expect(try await installation.run("rehash").output == "3 versions: 0 changed\n")
            #expect(try await installation.run("verify").status == 0)
            let json = try await installation.json("rehash")
            #expect((json["rehash"] as? [String: Int]) == ["versions": 3, "changed": 0, "failed": 0])
            let history = try await installation.json("history", "Metroid")["versions"] as? [[String: Any]]
            let path = try #require(history?.last?["library_path"] as? String)
            try FileManager.default.removeItem(atPath: installation.home("library/\(path)"))
            let missing = try await installation.run("rehash")
            #expect(missing.status == 1 && missing.errorOutput.contains("gba/Metroid version 1"))
        }

        @Test(arguments: ["serve", "sync"])
        func `hashes of an older way are brought up to date before a device is synced`(_ command: String) async throws {
            let installation = try await Installation.withDevice()
            _ = try await installation.run("sync")
            // As an older way of hashing would have recorded it; and the server's side has moved on since.
            _ = try await installation.run("restore", "Metroid", "--version", "1")
            try await installation.change(
                """
                UPDATE save_versions SET content_hash = zeroblob(32), hash_algorithm = 0;
                UPDATE save_versions SET content_hash = randomblob(32) WHERE number = 2;
                UPDATE device_save_sync SET content_hash = zeroblob(32);
                DELETE FROM device_save_entries;
                """)
            if command == "serve" {
                let daemon = try installation.start("serve", "--schedule", "1h")
                try await eventually("the run is recorded") {
                    try await Command.run(
                        "sqlite3", ["-readonly", installation.database, "SELECT max(id), status FROM sync_sessions"]
                    ).output == "2|COMPLETED\n"
                }
                daemon.signal(SIGTERM)
                #expect(try await daemon.waitForEnd() == 0)
            } else {
                #expect(try await installation.run("sync").status == 0)
            }
            #expect(try await installation.run("conflicts").output == "No conflicts.\n")
            #expect(try await installation.run("verify").status == 0)
        }

        @Test func `a push that fails counts no bytes, and who has its lost version heals it`()
            async throws
        {
            let installation = try await Installation.withDevice()
            _ = try await installation.run("sync")
            let history = try #require(
                try await installation.json("history", "Metroid")["versions"] as? [[String: Any]])
            let path = try #require(history.last?["library_path"] as? String)
            try FileManager.default.removeItem(atPath: installation.home("library/\(path)"))
            let other = try TemporaryFolder()
            try FileManager.default.createDirectory(atPath: other("gba"), withIntermediateDirectories: true)
            let fingerprint = try await SSHKeys.shared.fingerprint("host_ed25519")
            try await installation.addDevice("deck", saves: other, more: ["--trust", fingerprint])
            func bytes() async throws -> Int? {
                let sessions = try await installation.json("sync", "deck")["sessions"] as? [[String: Any]]
                return (sessions?.first?["totals"] as? [String: Any])?["bytes"] as? Int
            }
            #expect(try await bytes() == 0)
            for command in [
                ["export", "Metroid", "--to", installation.home("out")], ["restore", "Metroid", "--version", "1"],
            ] {
                let refused = try await installation.run(command)
                #expect(
                    refused.status == 1
                        && refused.errorOutput.contains("the library's file of gba/Metroid version 1 is gone"),
                    "\(refused.errorOutput)")
            }
            let healing = try await installation.run("sync", "pocket")
            #expect(healing.errorOutput.contains("healed: the library has gba/Metroid version 1 again"))
            #expect(installation.home.read("library/\(path)") == Array("x".utf8))
            #expect(try await bytes() == 1)
            #expect(other.read("gba/Metroid.srm") == Array("x".utf8))
        }

        @Test func `verify exits 1 while differences remain, and repairs from another copy`() async throws {
            let installation = try await Installation.withDevice()
            _ = try await installation.run("sync")
            #expect(try await installation.run("verify").output == "1 version: 0 differences\n")
            _ = try await installation.run("restore", "Metroid", "--version", "1")
            let history = try #require(
                try await installation.json("history", "Metroid")["versions"] as? [[String: Any]])
            let path = try #require(history.last?["library_path"] as? String)
            try FileManager.default.removeItem(atPath: installation.home("library/\(path)"))
            try installation.home.write("stranger", to: "library/stranger.txt")
            let found = try await installation.run("verify")
            #expect(found.status == 1)
            #expect(found.output.contains("missing: \(path) (gba/Metroid version 1)\n"))
            #expect(found.output.contains("orphan: stranger.txt\n"))
            let json = try await installation.json("verify")
            #expect((json["differences"] as? [[String: Any]])?.map { $0["kind"] as? String } == ["orphan", "missing"])
            #expect((json["totals"] as? [String: Any])?["remaining"] as? Int == 2)
            let repaired = try await installation.run("verify", "--repair")
            #expect(repaired.status == 0, "\(repaired.output)\(repaired.errorOutput)")
            #expect(repaired.output.hasSuffix("2 versions: 2 differences, 2 repaired\n"))
            #expect(installation.home.read("library/\(path)") == Array("x".utf8))
            let kept = installation.home.everything().filter { $0.hasSuffix("stranger.txt") }
            #expect(kept.count == 1 && kept[0].hasPrefix("library/.saveferry/orphans/"))
            #expect(try await installation.run("verify").status == 0)
        }
    }
}

extension Installation {
    /// The numbers of the save's versions, newest first.
    func versions() async throws -> [String] {
        try await Command.run(
            "sqlite3", ["-readonly", database, "SELECT number FROM save_versions ORDER BY number DESC"]
        ).output.split(separator: "\n").map(String.init)
    }

    /// Changes the database by hand.
    func change(_ sql: String) async throws {
        let result = try await Command.run("sqlite3", ["-cmd", ".timeout 5000", database, sql])
        try #require(result.status == 0, "\(result.errorOutput)")
    }
}
