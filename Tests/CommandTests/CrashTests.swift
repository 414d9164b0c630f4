import Foundation
import Synchronization
import TestSupport
import Testing

extension ProgramTests {
    /// The program killed with SIGKILL at an exact moment: a gate before the SFTP server holds the packet meanwhile.
    @Suite struct CrashTests {
        /// Large enough for several packets each way.
        static let old = String(repeating: "old ", count: 100_000)
        static let new = String(repeating: "new ", count: 100_000)

        /// What the save is that the program is killed over.
        enum Form: CaseIterable {
            case file
            /// A folder with a link, which belongs to no version and must never be lost. It is replaced in two steps on every
            /// server.
            case folder

            var place: String { self == .file ? "gba/Metroid.srm" : "psp/Metroid" }
            /// All have the same text, so that a mix of two versions shows.
            var files: [String] { self == .file ? [place] : ["\(place)/DATA.BIN", "\(place)/icons/ICON0.PNG"] }
            /// As `restore` takes it.
            var save: String { self == .file ? "gba/Metroid" : "psp/Metroid" }
        }

        /// A handheld whose `Metroid` is ``old``, behind a gate, and a server that has ``new`` for it.
        struct Scene {
            let form: Form
            let gate: SFTPGate
            let installation: Installation

            init(_ serverArguments: [String] = [], form: Form = .file) async throws {
                self.form = form
                gate = try SFTPGate(serverArguments)
                switch form {
                case .file: installation = try await Installation.withDevice(.behind(gate))
                case .folder: installation = try await Installation.withFolders(.behind(gate))
                }
                for content in [CrashTests.new, CrashTests.old] {
                    for file in form.files { try installation.handheld.write(content, to: file) }
                    try await sync()
                }
                if form == .folder {
                    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "-")
                }
                try await restore(1)
            }

            private var link: String { installation.handheld("\(form.place)/LINK.BIN") }

            /// What a run begins to say when there was nothing to do.
            var quiet: String { "pocket: \(form == .file ? "" : "1 skipped, ")1 in step" }

            /// Whether what no version holds is in its place.
            var keepsLink: Bool {
                form == .file || (try? FileManager.default.destinationOfSymbolicLink(atPath: link)) == "-"
            }

            /// Makes another version current on the server, which the next sync pushes.
            func restore(_ version: Int) async throws {
                let result = try await installation.run("restore", form.save, "--version", "\(version)")
                try #require(result.status == 0, "\(result.errorOutput)")
            }

            /// One run that must go through.
            @discardableResult
            func sync(sourceLocation: SourceLocation = #_sourceLocation) async throws -> String {
                let result = try await installation.run("sync", "pocket")
                #expect(result.status == 0, "\(result.output)\(result.errorOutput)", sourceLocation: sourceLocation)
                return result.output
            }

            /// Kills a sync while this packet stands before the gate. Neither it nor anything after it arrives.
            func kill(at isMeant: @escaping @Sendable (SFTPGate.Packet) -> Bool) async throws {
                let hold = gate.hold(isMeant)
                let run = try installation.start("sync", "pocket")
                try await hold.reached()
                run.signal(SIGKILL)
                #expect(try await run.waitForEnd() == 128 + SIGKILL)
                hold.release(.cut)
                gate.set(nil)
            }

            var save: String? {
                let texts = form.files.map {
                    installation.handheld.read($0).map { String(decoding: $0, as: UTF8.self) }
                }
                return Set(texts).count == 1 ? texts[0] : "a mix"
            }

            /// What stands on the handheld beside the one save.
            var leftovers: [String] {
                installation.handheld.everything().filter { path in
                    path.split(separator: "/").count == 2 && path != form.place
                }
            }

            func rows(_ query: String) async throws -> String {
                try await Command.run("sqlite3", ["-readonly", installation.database, query]).output
                    .trimmingCharacters(in: .newlines)
            }

            /// The next run leaves the new content and nothing of ours on the handheld, and the one after it is quiet.
            func converges(pushing: Int, sourceLocation: SourceLocation = #_sourceLocation) async throws {
                let output = try await sync()
                #expect(output.contains("1 pushed") == (pushing == 1), "\(output)", sourceLocation: sourceLocation)
                #expect(save == CrashTests.new && leftovers.isEmpty, "\(leftovers)", sourceLocation: sourceLocation)
                #expect(keepsLink, sourceLocation: sourceLocation)
                #expect(try await rows("SELECT count(*) FROM save_versions") == "3", sourceLocation: sourceLocation)
                #expect(try await rows("SELECT count(*) FROM conflicts") == "0", sourceLocation: sourceLocation)
                #expect(try await sync().hasPrefix(quiet), sourceLocation: sourceLocation)
            }
        }

        @Test(arguments: Form.allCases)
        func `46 killed while uploading: the old content stands, and the next run sweeps and finishes`(
            form: Form
        ) async throws {
            let scene = try await Scene(form: form)
            let writes = Tally()
            try await scene.kill { $0.request == "write" && !$0.isAnswer && writes.next() == 2 }
            #expect(scene.save == CrashTests.old)
            #expect(scene.leftovers.count == 1 && scene.leftovers[0].hasSuffix(".tmp"))
            try await scene.converges(pushing: 1)
        }

        @Test(arguments: Form.allCases)
        func `47 killed before the rename: the old content stands, and the next run sweeps and finishes`(
            form: Form
        ) async throws {
            let scene = try await Scene(form: form)
            try await scene.kill {
                !$0.isAnswer
                    && (form == .file
                        ? $0.request == "posix-rename" : $0.request == "rename" && $0.path.hasSuffix(form.place))
            }
            #expect(scene.save == CrashTests.old && scene.leftovers.count == 1)
            try await scene.converges(pushing: 1)
        }

        @Test(arguments: Form.allCases)
        func `48 killed after the rename and before the commit: the next run adopts, and the history has one row`(
            form: Form
        ) async throws {
            let scene = try await Scene(form: form)
            // A new folder was built under a temporary name; the old one, with what no version holds, is then still aside.
            try await scene.kill {
                $0.isAnswer
                    && (form == .file
                        ? $0.request == "posix-rename" : $0.request == "rename" && $0.path.hasSuffix(".tmp"))
            }
            #expect(scene.save == CrashTests.new)
            #expect(scene.leftovers == (form == .file ? [] : ["\(form.place).saveferry-bak"]))
            let before = try await scene.rows("SELECT content_hash FROM device_save_sync")
            try await scene.converges(pushing: 0)
            #expect(try await scene.rows("SELECT content_hash FROM device_save_sync") != before)
        }

        @Test(arguments: Form.allCases)
        func `49 killed after the library write and before the commit: the orphan is collected`(
            form: Form
        ) async throws {
            let installation = try await form == .file ? Installation.withDevice() : .withFolders()
            for file in form.files { try installation.handheld.write("x", to: file) }
            _ = try await installation.run("sync", "pocket")
            let versions = installation.home("library/default/\(form.save)/main")
            func library() -> [String] { (try? FileManager.default.contentsOfDirectory(atPath: versions)) ?? [] }
            #expect(library().count == 1)
            for file in form.files { try installation.handheld.write("played", to: file) }
            // The commit never ends: its transaction counts to infinity before the first version.
            try await installation.sql(
                """
                CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n;
                CREATE TRIGGER hang BEFORE INSERT ON save_versions BEGIN SELECT count(*) FROM endless; END;
                """)
            let run = try installation.start("sync", "pocket")
            try await eventually("the version is in the library") { library().count == 2 }
            run.signal(SIGKILL)
            #expect(try await run.waitForEnd() == 128 + SIGKILL)
            try await installation.sql("DROP TRIGGER hang; DROP VIEW endless;")
            let result = try await installation.run("sync", "pocket")
            #expect(result.status == 0 && result.output.contains("1 pulled"), "\(result.output)\(result.errorOutput)")
            let recorded = try await installation.sql("SELECT library_path FROM save_versions ORDER BY library_path")
            #expect(
                recorded.split(separator: "\n").map { String($0.split(separator: "/").last ?? "") }
                    == library().sorted())
            #expect(library().count == 2)
        }

        @Test(arguments: Form.allCases)
        func `50 no posix-rename, killed in the middle of the swap: the old content is restored at the next start`(
            form: Form
        ) async throws {
            let scene = try await Scene(["-P", "posix-rename"], form: form)
            try await scene.kill { $0.request == "rename" && $0.isAnswer && $0.path.hasSuffix(form.place) }
            // Nothing stands under its name now; both contents wait beside it.
            #expect(scene.save == nil && scene.leftovers.count == 2)
            // A dry run repairs nothing, and takes the gap for no deletion.
            let plan = try await scene.installation.run("plan", "pocket")
            #expect(plan.output.contains("the next sync repairs it"), "\(plan.output)")
            #expect(scene.save == nil && scene.leftovers.count == 2)
            // The restored content is on the handheld before anything new is written to it.
            let restored = Tally()
            scene.gate.set { packet in
                if packet.request == (form == .file ? "open" : "mkdir"), !packet.isAnswer,
                    packet.path.hasSuffix(".tmp"), scene.save == CrashTests.old
                {
                    _ = restored.next()
                }
                return .pass
            }
            try await scene.converges(pushing: 1)
            #expect(restored.next() == 2)
        }

        @Test(arguments: Form.allCases)
        func `50 no posix-rename, killed after the swap: the backup is removed and the new content stays`(
            form: Form
        ) async throws {
            let scene = try await Scene(["-P", "posix-rename"], form: form)
            try await scene.kill { $0.request == "remove" && !$0.isAnswer }
            #expect(scene.save == CrashTests.new && scene.leftovers.count == 1)
            // Of a folder nothing is needed any more by then, and its backup has become something to be removed.
            #expect(scene.leftovers[0].hasSuffix(form == .file ? "gba/Metroid.srm.saveferry-bak" : ".tmp"))
            try await scene.converges(pushing: 0)
        }

        @Test(arguments: [([], .file), (["-P", "posix-rename"], .file), ([], .folder)] as [([String], Form)])
        func `59 killed at any packet of a push, a second run needs no manual step`(
            _ arguments: [String], form: Form
        ) async throws {
            let scene = try await Scene(arguments, form: form)
            // Once to its end, to know the packets.
            let packets = Tally()
            scene.gate.set { _ in
                _ = packets.next()
                return .pass
            }
            try await scene.sync()
            let count = packets.next() - 1
            #expect(count > 20)
            for number in stride(from: isThorough ? 1 : 10, through: count, by: isThorough ? 1 : count / 3) {
                // The two contents take turns; both are in the history, so it grows by what `restore` adds alone.
                let isNew = scene.save == CrashTests.new
                try await scene.restore(isNew ? 2 : 1)
                let (from, to) = isNew ? (CrashTests.new, CrashTests.old) : (CrashTests.old, CrashTests.new)
                let versions = try await scene.rows("SELECT count(*) FROM save_versions")
                try await scene.kill { $0.number == number }
                #expect(
                    scene.save == from || scene.save == to
                        || (scene.save == nil && (!arguments.isEmpty || form == .folder)), "\(number)")
                try await scene.sync()
                #expect(scene.keepsLink, "packet \(number)")
                #expect(scene.save == to && scene.leftovers.isEmpty, "packet \(number): \(scene.leftovers)")
                #expect(try await scene.rows("SELECT count(*) FROM save_versions") == versions, "packet \(number)")
            }
            #expect(try await scene.rows("SELECT count(*) FROM conflicts") == "0")
            #expect(try await scene.sync().hasPrefix(scene.quiet))
        }
    }
}

/// Counts calls from several threads.
private final class Tally: Sendable {
    private let count = Mutex(0)

    /// 1, 2, 3 …
    func next() -> Int {
        count.withLock { count in
            count += 1
            return count
        }
    }
}
