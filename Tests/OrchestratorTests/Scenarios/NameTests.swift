import Foundation
import Planner
import Store
import TestSupport
import Testing

extension ScenarioTests {
    /// Names of files on devices, over a real sshd.
    @Suite struct NameTests {
        let hub: Hub
        let pocket: Handheld

        init() async throws {
            hub = try await Hub()
            pocket = try await Handheld(of: hub)
        }

        @Test func `23 a rename that changes only the case: the row follows`() async throws {
            try pocket.write("metroid.srm", "x")
            try await pocket.sync(expecting: [.pull: 1])
            try pocket.rename("metroid.srm", to: "METROID.SRM")
            try await pocket.sync(expecting: [:])
            #expect(try await hub.store.saves().count == 1)
            #expect(try await Rows.synced(hub).allSatisfy { $0.contains("METROID.SRM") && !$0.contains("metroid.srm") })
            try pocket.write("METROID.SRM", "y")
            try await pocket.sync(expecting: [.pull: 1])
            #expect(try await hub.contents("metroid") == ["y", "x"])
            #expect(pocket.folder.everything() == ["saves", "saves/METROID.SRM"])
        }

        @Test func `24 composed on the server and decomposed on the device: one save`() async throws {
            let composed = "Pok\u{e9}mon.srm"
            let decomposed = "Poke\u{301}mon.srm"
            try pocket.write(composed, "x")
            try await pocket.sync(expecting: [.pull: 1])
            let mac = try await Handheld("mac", of: hub, server: pocket.server)
            try mac.write(decomposed, "x")
            try await mac.sync(expecting: [:])
            #expect(try await hub.store.saves().count == 1)
            try mac.write(decomposed, "y")
            try await mac.sync(expecting: [.pull: 1])
            try await pocket.sync(expecting: [.push: 1])
            // Each device keeps its own bytes for the name.
            #expect(try pocket.folder.names("saves") == [Array(composed.utf8)])
            #expect(try mac.folder.names("saves") == [Array(decomposed.utf8)])
            #expect(pocket.read(composed) == "y")
        }

        @Test func `25 both forms of one name on one device: held as ambiguous`() async throws {
            try pocket.write("Pok\u{e9}mon.srm", "x")
            try pocket.write("Poke\u{301}mon.srm", "y")
            let report = try await pocket.sync(expecting: [.hold: 1])
            #expect(report.plan?.operations.first?.reason.hasPrefix("ambiguous") == true)
            #expect(try await hub.store.saves().isEmpty)
            #expect(try pocket.folder.names("saves").count == 2)
        }

        @Test func `26 two files that are one save: nothing is written, and both are named`() async throws {
            try pocket.write("Metroid.srm", "x")
            try pocket.write("Metroid.sav", "y")
            try pocket.write("Zelda.srm", "z")
            let report = try await pocket.sync(expecting: [.pull: 1])
            let line = try #require(report.plan?.operations.first { $0.action == .skip })
            #expect(line.reason.hasPrefix("pairing error"))
            #expect(line.reason.contains("Metroid.srm") && line.reason.contains("Metroid.sav"))
            #expect(report.status == .failed)
            #expect(pocket.read("Metroid.srm") == "x")
            #expect(pocket.read("Metroid.sav") == "y")
            #expect(try await hub.store.saves().map(\.identity.game) == ["Zelda"])
        }

        @Test func `27 hostile names are refused by name and printed escaped`() async throws {
            try pocket.folder.writeRaw([UInt8]("new\nline.srm".utf8), in: "saves", "x")
            try pocket.folder.writeRaw([UInt8]("\u{1b}[31mred.srm".utf8), in: "saves", "x")
            try pocket.folder.writeRaw([0x6c, 0x61, 0x74, 0xe9] + Array(".srm".utf8), in: "saves", "x")
            try pocket.write("Good.srm", "x")
            let before = try pocket.folder.names("saves")
            let report = try await pocket.sync(expecting: [.pull: 1, .skip: 3])
            let skipped = try #require(report.plan).operations.filter { $0.action == .skip }
            let shown = skipped.map { String($0.remotePath.split(separator: "/").last ?? "") }
            #expect(shown.sorted() == ["\\x1b[31mred.srm", "lat\\xe9.srm", "new\\x0aline.srm"])
            #expect(try pocket.folder.names("saves") == before)
            #expect(try await hub.store.saves().map(\.identity.game) == ["Good"])
        }

        @Test(arguments: [".", "..", "../escape.srm", "a/b.srm", "nul\0.srm", "/etc/passwd", ""])
        func `28 names that lead out of their folder are refused`(_ name: String) {
            #expect(throws: NameProblem.self) { try FileName.parse(name.utf8) }
            #expect(name == "a/b.srm" || RelativePath(name) == nil)
        }

        @Test func `29 our own temporary and backup names are never taken for saves`() async throws {
            try pocket.write("Metroid.srm", "x")
            try pocket.write(".saveferry-0123456789abcdef.tmp", "half a save")
            try pocket.write("Metroid.srm.saveferry-bak", "old")
            try pocket.write("Zelda.srm.saveferry-bak", "the only copy of Zelda")
            let plan = try await pocket.plan()
            #expect(plan.operations.map(\.action).filter { $0 == .pull }.count == 1)
            // The sync sweeps what an interrupted transfer left, and puts back what it had set aside.
            try await pocket.sync(expecting: [.pull: 2])
            #expect(pocket.folder.everything() == ["saves", "saves/Metroid.srm", "saves/Zelda.srm"])
            #expect(try await hub.store.saves().map(\.identity.game).sorted() == ["Metroid", "Zelda"])
            #expect(try await hub.content("Zelda") == "the only copy of Zelda")
        }

        @Test func `names too long for a suffix: replaced, and put back where a swap was interrupted`() async throws {
            let server = try await OpenSSHServer(OpenSSHServer.Options(sftpArguments: "-P posix-rename"))
            let old = try await Handheld("old", of: hub, server: server)
            func long(_ start: String) -> String { start + String(repeating: "o", count: 250) + ".srm" }
            try old.write(long("L"), "first")
            try old.folder.write("the only copy", to: "saves/.saveferry-0123456789abcdef.bak/\(long("M"))")
            let plan = try await old.plan()
            #expect(plan.operations.count { $0.action == .pull } == 1)
            try await old.sync(expecting: [.pull: 2])
            #expect(old.folder.everything() == ["saves", "saves/\(long("L"))", "saves/\(long("M"))"])
            try await pocket.sync(expecting: [.push: 2])
            try pocket.write(long("L"), "second")
            try await pocket.sync(expecting: [.pull: 1])
            try await old.sync(expecting: [.push: 1])
            #expect(old.read(long("L")) == "second" && old.read(long("M")) == "the only copy")
            #expect(old.folder.everything() == ["saves", "saves/\(long("L"))", "saves/\(long("M"))"])
        }

        @Test func `30 srm on one device and sav on another: one save, each keeps its own name`() async throws {
            let mgba = try await Handheld("mgba", of: hub, server: pocket.server)
            try pocket.write("Metroid.srm", "x")
            try mgba.write("Metroid.sav", "x")
            try await pocket.sync(expecting: [.pull: 1])
            try await mgba.sync(expecting: [:])
            try mgba.write("Metroid.sav", "y")
            try await mgba.sync(expecting: [.pull: 1])
            try await pocket.sync(expecting: [.push: 1])
            #expect(pocket.folder.everything() == ["saves", "saves/Metroid.srm"])
            #expect(mgba.folder.everything() == ["saves", "saves/Metroid.sav"])
            #expect(pocket.read("Metroid.srm") == "y")
            #expect(try await hub.store.saves().count == 1)
        }
    }
}
