import Foundation
import Planner
import Store
import TestSupport
import Testing

extension ScenarioTests {
    /// Names of folder saves, over a real sshd. What has odd names inside of a folder is in every save of ``SaveForm/folder``.
    @Suite struct FolderNameTests {
        let hub: Hub
        let psp: Handheld

        init() async throws {
            hub = try await Hub()
            psp = try await Handheld("psp", of: hub, form: .folder)
        }

        private func names(_ handheld: Handheld) throws -> [[UInt8]] { try handheld.folder.names("saves") }

        @Test func `23 a rename of a folder that changes only the case: the row follows`() async throws {
            try psp.write(save: "ulus10041", "x")
            try await psp.sync(expecting: [.pull: 1])
            try psp.rename(save: "ulus10041", to: "ULUS10041")
            try await psp.sync(expecting: [:])
            #expect(try await hub.store.saves().count == 1)
            #expect(try await Rows.synced(hub).allSatisfy { $0.contains("ULUS10041") && !$0.contains("ulus10041") })
            try psp.write(save: "ULUS10041", "y")
            try await psp.sync(expecting: [.pull: 1])
            #expect(try await hub.contents("ulus10041") == ["y", "x"])
            #expect(try names(psp) == [Array("ULUS10041".utf8)])
        }

        @Test func `24 a folder's name composed on the server and decomposed on the device: one save`() async throws {
            let (composed, decomposed) = ("Pok\u{e9}mon", "Poke\u{301}mon")
            try psp.write(save: composed, "x")
            try await psp.sync(expecting: [.pull: 1])
            let mac = try await Handheld("mac", of: hub, server: psp.server, form: .folder)
            try mac.write(save: decomposed, "x")
            try await mac.sync(expecting: [:])
            #expect(try await hub.store.saves().count == 1)
            try mac.write(save: decomposed, "y")
            try await mac.sync(expecting: [.pull: 1])
            try await psp.sync(expecting: [.push: 1])
            // Each device keeps its own bytes for the name.
            #expect(try names(psp) == [Array(composed.utf8)])
            #expect(try names(mac) == [Array(decomposed.utf8)])
            #expect(psp.read(save: composed) == "y")
        }

        @Test func `25 both forms of one folder's name on one device: held as ambiguous`() async throws {
            try psp.write(save: "Pok\u{e9}mon", "x")
            try psp.write(save: "Poke\u{301}mon", "y")
            let report = try await psp.sync(expecting: [.hold: 1])
            let held = report.plan?.operations.first { $0.action == .hold }
            #expect(held?.reason.hasPrefix("ambiguous") == true)
            #expect(try await hub.store.saves().isEmpty)
            #expect(try names(psp).count == 2)
        }

        @Test func `26 two folders that are one save: nothing is written, and both are named`() async throws {
            try FileManager.default.createDirectory(
                atPath: psp.folder("more"), withIntermediateDirectories: false)
            let more = SaveForm.folder.directory(psp.folder("more"))
            try await psp.edit { $0.directories.append(more) }
            try psp.write(save: "Metroid", "x")
            try psp.write(save: "Zelda", "z")
            try psp.folder.write("y", to: "more/Metroid/DATA.BIN")
            let report = try await psp.sync(expecting: [.pull: 1])
            let line = try #require(report.plan?.operations.first { $0.action == .skip && !$0.namesForeignEntry })
            #expect(line.reason.hasPrefix("pairing error"))
            #expect(line.reason.contains("saves/Metroid") && line.reason.contains("more/Metroid"))
            #expect(report.status == .failed)
            #expect(psp.read(save: "Metroid") == "x" && psp.folder.read("more/Metroid/DATA.BIN") == Array("y".utf8))
            #expect(try await hub.store.saves().map(\.identity.game) == ["Zelda"])
        }

        @Test func `27 hostile names of folders are refused by name and printed escaped`() async throws {
            let hostile: [[UInt8]] = [
                Array("new\nline".utf8), Array("\u{1b}[31mred".utf8), [0x6c, 0x61, 0x74, 0xe9],
            ]
            for name in hostile {
                try psp.folder.write("x", to: "saves/plain/DATA.BIN")
                let path = (Array(psp.folder("saves/").utf8) + name + [0]).map { CChar(bitPattern: $0) }
                try #require(rename(psp.folder("saves/plain"), path) == 0)
            }
            try psp.write(save: "Good", "x")
            let before = try names(psp)
            let report = try await psp.sync(expecting: [.pull: 1, .skip: 3])
            let skipped = try #require(report.plan).operations.filter { $0.action == .skip && !$0.namesForeignEntry }
            let shown = skipped.map { String($0.remotePath.split(separator: "/").last ?? "") }
            #expect(shown.sorted() == ["\\x1b[31mred", "lat\\xe9", "new\\x0aline"])
            #expect(try names(psp) == before)
            #expect(try await hub.store.saves().map(\.identity.game) == ["Good"])
        }

        @Test func `29 our own temporary and backup folders are never taken for saves`() async throws {
            try psp.write(save: "Metroid", "x")
            // What no version holds is still in the old folder when a swap is interrupted.
            try psp.removeForeignEntries(from: "Metroid")
            for (game, ours) in [
                ("Half", ".saveferry-0123456789abcdef.tmp"), ("Old", "Metroid.saveferry-bak"),
                ("Zelda", "Zelda.saveferry-bak"),
            ] {
                try psp.write(save: game, "of \(game)")
                try FileManager.default.moveItem(
                    atPath: psp.folder("saves/\(game)"), toPath: psp.folder("saves/\(ours)"))
                psp.gamesWithForeignEntries.withLock { _ = $0.remove(Array(game.utf8)) }
            }
            let plan = try await psp.plan()
            #expect(plan.count(.pull) == 1)
            // The sync sweeps what an interrupted transfer left, ends a swap that was interrupted, and puts back what it had
            // set aside.
            psp.gamesWithForeignEntries.withLock { $0.formUnion(["Metroid", "Zelda"].map { Array($0.utf8) }) }
            try await psp.sync(expecting: [.pull: 2])
            #expect(try names(psp) == [Array("Metroid".utf8), Array("Zelda".utf8)])
            #expect(psp.read(save: "Metroid") == "x" && psp.read(save: "Zelda") == "of Zelda")
            #expect(try await hub.content("Zelda") == "of Zelda")
            #expect(try await hub.contents("Metroid").contains("of Old"))
            try await psp.rerunIsQuiet()
        }
    }
}
