import Foundation
import TestSupport
import Testing

extension ProgramTests {
    /// The sweeps over the whole library, ended by a real signal in the middle.
    ///
    /// Each moment is one that the library shows. How far a run gets beyond it differs from time to time, and is held to
    /// what the invariants say of every moment; only its end is out of reach.
    @Suite struct SweepInterruptionTests {
        /// Makes a statement never end from a row on that fulfils the condition.
        private func wall(_ library: GrownLibrary, _ statement: String, when condition: String) async throws {
            try await library.installation.sql(
                """
                DROP TRIGGER IF EXISTS wall;
                CREATE VIEW IF NOT EXISTS endless AS
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n;
                CREATE TRIGGER wall BEFORE \(statement) WHEN \(condition) BEGIN SELECT count(*) FROM endless; END;
                """)
        }

        private func removeWall(_ library: GrownLibrary) async throws {
            try await library.installation.sql("DROP TRIGGER wall; DROP VIEW endless")
        }

        // MARK: retention

        /// When a retention sweep is ended.
        enum Moment: CaseIterable {
            case filesAside, firstRow, firstFile, hundredthFile, log

            /// How many removals it takes to get there.
            var removals: Int {
                switch self {
                case .filesAside, .firstRow, .firstFile: 1
                case .hundredthFile: 100
                case .log: 200
                }
            }

            func isReached(_ library: GrownLibrary, rows: Int, files: Int) async throws -> Bool {
                switch self {
                case .filesAside: library.aside().count == 50
                case .firstRow: try await library.count("save_versions") < rows
                case .firstFile: library.files().count < files
                case .hundredthFile: library.files().count <= files - 100
                case .log: library.log.contains(" versions=2")
                }
            }
        }

        @Test(arguments: [SIGKILL, SIGTERM])
        func `retention ended again and again: no version misses its file, and the next run finishes`(signal: Int32)
            async throws
        {
            let library = try await GrownLibrary()
            for moment in Moment.allCases {
                let (rows, files) = (try await library.count("save_versions"), library.files().count)
                let next = "FROM save_versions WHERE number BETWEEN 11 AND 300 ORDER BY id LIMIT 1 OFFSET"
                if moment == .filesAside {
                    // Version 1 of Metroid goes before these.
                    let path = try await library.rows("SELECT library_path \(next) 48")
                    try await wall(library, "DELETE ON library_removals", when: "OLD.library_path = '\(path)'")
                } else {
                    let id = try await library.rows("SELECT id \(next) \(moment.removals + 100)")
                    try await wall(library, "DELETE ON save_versions", when: "OLD.id >= \(id)")
                }
                let said = try await library.end(["retention"], with: signal, once: "\(moment)") {
                    try await moment.isReached(library, rows: rows, files: files)
                }
                try await library.matches()
                #expect(try await library.versions(where: GrownLibrary.isSurvivor) == GrownLibrary.survivors)
                // Killed, it may have had no time left to say it.
                let gone = try await rows - library.count("save_versions")
                let named = said.split(separator: "\n").count { $0.hasPrefix("gba/") }
                #expect(signal == SIGTERM ? named == gone : named <= gone, "\(moment): \(named) of \(gone)")
            }
            try await removeWall(library)
            let left = try await library.count("save_versions") - 13
            let last = try await library.run("retention")
            let total = last.output.split(separator: "\n").last ?? ""
            #expect(total.hasPrefix("Removed \(left) version"))
            #expect(try await library.versions() == GrownLibrary.survivors)
            #expect(library.files().count == 13)
            try await library.isClean(versions: 13)
            let none = try await library.run("retention")
            #expect(none.output == "Removed 0 versions, 0 B.\n" && none.errorOutput.isEmpty, "\(none.errorOutput)")
        }

        @Test func `retention says what it begins and every hundred, and nothing where there is nothing to do`()
            async throws
        {
            let library = try await GrownLibrary()
            let first = try await library.run("retention")
            var lines = first.errorOutput.split(separator: "\n")
            #expect(lines.removeFirst() == "notice: removing old versions keep_days=1 keep_versions=2")
            let counts = lines.map { line in
                line.hasPrefix("notice: removed bytes=") ? line.split(separator: "=").last.flatMap { Int($0) } : nil
            }
            #expect(counts.map { ($0 ?? 0) / 100 } == Array(1...8), "\(lines)")
            let total = first.output.split(separator: "\n").last ?? ""
            #expect(total.hasPrefix("Removed 893 versions, "))
            let few = try await library.run("retention", "--keep-versions", "1")
            #expect(few.errorOutput == "notice: removing old versions keep_days=1 keep_versions=1\n")
            #expect(few.output.hasSuffix("Removed 4 versions, 44 B.\n"), "\(few.output)")
            let none = try await library.run("retention", "--keep-versions", "1")
            #expect(none.output == "Removed 0 versions, 0 B.\n" && none.errorOutput.isEmpty)
        }

        // MARK: verify

        /// Takes away every eighth of Zelda's grown versions, spoils another eighth, and leaves 150 strangers more.
        private func damage(_ library: GrownLibrary, round: Int) throws {
            let home = library.installation.home
            for number in stride(from: 11, through: 307, by: 8) {
                for path in [number, number + 2].map({ GrownLibrary.path("Zelda", $0) }) {
                    try? FileManager.default.removeItem(atPath: home(path))
                }
                try home.write(Array("spoiled \(round)".utf8), to: GrownLibrary.path("Zelda", number + 2))
            }
            let first = try home.write(Array("stranger".utf8), to: "library/strangers/\(round)-1.srm")
            for number in 2...150 {
                let path = home("library/strangers/\(round)-\(number).srm")
                try FileManager.default.linkItem(atPath: first, toPath: path)
            }
        }

        /// Versions that take longer to read than any test: 300 of 64 MiB, which fill no disk. They are read last.
        private func addGiants(_ library: GrownLibrary) async throws {
            let home = library.installation.home
            try home.write([], to: "library/giants/0.srm")
            try #require(truncate(home("library/giants/0.srm"), 64 << 20) == 0)
            for number in 1..<300 {
                try FileManager.default.linkItem(
                    atPath: home("library/giants/0.srm"), toPath: home("library/giants/\(number).srm"))
            }
            try await library.installation.sql(
                """
                INSERT INTO save_versions (save_id, number, slot, content_hash, shape, size, is_blank, original_name,
                    library_path, source, modified_at, created_at)
                SELECT save_id, number + 1000, slot, randomblob(32), shape, 64 << 20, 0, original_name,
                    'giants/' || (number - 11) || '.srm', source, 0, 0
                FROM save_versions WHERE number > 10 AND library_path LIKE '%/Zelda/%';
                INSERT INTO version_entries
                SELECT id, original_name, size, content_hash FROM save_versions WHERE number > 1000;
                """)
        }

        private func removeGiants(_ library: GrownLibrary) async throws {
            try FileManager.default.removeItem(atPath: library.installation.home("library/giants"))
            try await library.installation.sql(
                "PRAGMA foreign_keys = ON; DELETE FROM save_versions WHERE number > 1000")
        }

        @Test(arguments: [SIGKILL, SIGTERM])
        func `verify --repair ended again and again: nothing is lost or torn, and the next run finishes`(signal: Int32)
            async throws
        {
            let library = try await GrownLibrary()
            let before = library.files()
            try await addGiants(library)
            func zelda(_ number: Int) -> String? {
                library.installation.home.read(GrownLibrary.path("Zelda", number)).map {
                    String(decoding: $0, as: UTF8.self)
                }
            }
            func repaired(from first: Int) -> Int {
                stride(from: first, through: first + 296, by: 8).count { zelda($0) == "version \($0)" }
            }
            func strangers() -> Int { library.below("library/strangers").count }
            let moments: [(String, (_ strangersBefore: Int) -> Bool)] = [
                ("the first stranger is aside", { strangers() < $0 }),
                ("a hundred strangers are aside", { strangers() <= $0 - 100 }),
                ("the first missing file is back", { _ in repaired(from: 11) > 0 }),
                ("twenty spoiled files are replaced", { _ in repaired(from: 13) >= 20 }),
            ]
            for (round, moment) in moments.enumerated() {
                try damage(library, round: round)
                let all = strangers()
                try await library.end(["verify", "--repair"], with: signal, once: moment.0) { moment.1(all) }
                for number in 11...310 {
                    let found = zelda(number)
                    let isMeant =
                        switch number % 8 {
                        case 3: found == nil || found == "version \(number)"
                        case 5: found == nil || found == "version \(number)" || found == "spoiled \(round)"
                        default: found == "version \(number)"
                        }
                    #expect(isMeant, "\(moment.0): \(number) is \(found ?? "missing")")
                }
                #expect(before.subtracting(library.files()).allSatisfy { $0.hasPrefix("default/gba/Zelda/main/") })
                let aside = library.below("library/.saveferry/orphans").count { $0.contains("/strangers/") }
                #expect(strangers() + aside == 150 * (round + 1), "\(moment.0)")
            }
            try await removeGiants(library)
            let last = try await library.run("verify", "--repair")
            let total = last.output.split(separator: "\n").last ?? ""
            #expect(total.hasPrefix("906 versions: "))
            let none = try await library.run("verify", "--repair")
            #expect(none.output == "906 versions: 0 differences, 0 repaired\n")
            #expect(library.files() == before && strangers() == 0)
            // A copy that was under way goes with the next retention sweep.
            try await library.run("retention")
            try await library.isClean(versions: 13)
            #expect(try await library.versions() == GrownLibrary.survivors)
        }

        @Test func `a second signal ends a verification at once, in the middle of a file`() async throws {
            let installation = try await Installation.withDevice()
            #expect(try await installation.run("sync").status == 0)
            let path = "library/\(try await installation.sql("SELECT library_path FROM save_versions").dropLast())"
            try #require(truncate(installation.home(path), 1 << 40) == 0)
            let verification = try installation.start("verify")
            let open = "/proc/\(verification.pid)/fd"
            try await eventually("it reads the file") {
                try FileManager.default.contentsOfDirectory(atPath: open).contains { name in
                    (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(open)/\(name)"))?.hasSuffix(path)
                        == true
                }
            }
            // Two that come at once are one.
            var status: Int32?
            while status == nil {
                verification.signal(SIGTERM)
                status = try? await verification.waitForEnd(within: 0.1)
            }
            #expect(status == 128 + SIGTERM)
        }

        // MARK: rehash

        @Test(arguments: [SIGKILL, SIGTERM])
        func `rehash ended again and again: every agreement stays that of a version, and the next run finishes`(
            signal: Int32
        ) async throws {
            let library = try await GrownLibrary()
            let agreements = """
                SELECT b.save_id, (
                    SELECT group_concat(number) FROM save_versions v
                    WHERE v.save_id = b.save_id AND v.content_hash = b.content_hash)
                FROM device_save_sync b ORDER BY b.save_id
                """
            let agreed = try await library.rows(agreements)
            #expect(agreed.split(separator: "\n").map { $0.last } == ["2", "1", "1"])
            // As another way of hashing would have it: other hashes, the same for the same.
            let old = "CAST(substr(content_hash, 2) || substr(content_hash, 1, 1) AS BLOB)"
            try await library.installation.sql(
                """
                CREATE TABLE meant AS SELECT id, content_hash FROM save_versions;
                UPDATE save_versions SET content_hash = \(old); UPDATE device_save_sync SET content_hash = \(old);
                """)
            let right = "save_versions JOIN meant USING (id, content_hash)"
            #expect(try await library.count(right) == 0)
            for done in [1, 250, 500] {
                let id = try await library.rows("SELECT id FROM meant ORDER BY id DESC LIMIT 1 OFFSET \(done + 100)")
                try await wall(library, "UPDATE OF content_hash ON save_versions", when: "OLD.id <= \(id)")
                try await library.end(["rehash"], with: signal, once: "\(done) hashes are right") {
                    try await library.count(right) >= done
                }
                #expect(try await library.rows(agreements) == agreed)
                try await library.matches()
                #expect(try await library.count("save_versions") == 906)
            }
            let left = try await 906 - library.count(right)
            try await removeWall(library)
            #expect(try await library.run("rehash").output == "906 versions: \(left) changed\n")
            #expect(try await library.run("rehash").output == "906 versions: 0 changed\n")
            #expect(try await library.count(right) == 906)
            #expect(try await library.rows(agreements) == agreed)
            try await library.isClean(versions: 906)
        }
    }
}
