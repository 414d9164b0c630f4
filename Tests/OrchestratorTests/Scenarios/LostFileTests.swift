import Foundation
import Planner
import Store
import TestSupport
import Testing

extension ScenarioTests {
    /// The database names versions whose files are gone from the library, and a device has the last copy, over a real sshd.
    @Suite struct LostFileTests {
        let hub: Hub
        let pocket: Handheld
        let lines = LogLines()

        /// The device holds x, which the server has pulled.
        init() async throws {
            hub = try await Hub(logger: lines.logger)
            pocket = try await Handheld(of: hub)
            try pocket.write("Metroid.srm", "x")
            try await pocket.sync(expecting: [.pull: 1])
        }

        /// Takes the file of the version with this content out of the library. Returns where it was.
        @discardableResult
        private func lose(_ content: String, of game: String = "Metroid") async throws -> String {
            let version = try await hub.history(hub.save(game).id).first { hub.text($0) == content }
            let path = hub.folder("library/\(try #require(version).libraryPath)")
            try FileManager.default.removeItem(atPath: path)
            // A name has the second in which it was given, and the lost one's is on record.
            hub.clock.advance(seconds: 10)
            return path
        }

        /// Contents of the versions that are not the slot's, newest first.
        private func archived(_ game: String = "Metroid") async throws -> [String] {
            try await hub.history(hub.save(game).id).filter { $0.slot == nil }.map(hub.text)
        }

        private func play(_ text: String, on other: Handheld, _ file: String = "Metroid.srm") async throws {
            try other.write(file, text)
            try await other.sync(expecting: [.pull: 1])
        }

        @Test(arguments: ["", "much longer than x"])
        func `what a push replaces is kept, once, when its version's file is gone or another`(_ left: String)
            async throws
        {
            let deck = try await Handheld("deck", of: hub, server: pocket.server)
            try await deck.sync(expecting: [.push: 1])
            try await play("y", on: deck)
            let path = try await lose("x")
            if !left.isEmpty { try Data(left.utf8).write(to: URL(fileURLWithPath: path)) }
            try await pocket.sync(expecting: [.push: 1])
            #expect(pocket.read("Metroid.srm") == "y")
            #expect(try await archived() == ["x"])
            // From here on the library has it: put over it once more, it is not stored a third time.
            try pocket.write("Metroid.srm", "x")
            try await pocket.sync(expecting: [.pull: 1])
            try await deck.sync(expecting: [.push: 1])
            try await play("z", on: deck)
            try await pocket.sync(expecting: [.push: 1])
            #expect(try await archived() == ["x"])
        }

        @Test func `what a deletion removes is kept when its version's file is gone`() async throws {
            try await hub.store.deleteSave(try await hub.save("Metroid").id)
            try await pocket.edit { $0.deletionPolicy = .propagate }
            try await lose("x")
            try await pocket.sync(expecting: [.remove: 1])
            #expect(pocket.read("Metroid.srm") == nil)
            #expect(try await archived() == ["x"])
        }

        @Test func `the device's side of a conflict is kept again when its version's file is gone`() async throws {
            let deck = try await Handheld("deck", of: hub, server: pocket.server)
            try await deck.sync(expecting: [.push: 1])
            try await play("y", on: deck)
            try pocket.write("Metroid.srm", "pocket's")
            try await pocket.sync(expecting: [.conflict: 1])
            try await lose("pocket's")
            try await pocket.sync(expecting: [.conflict: 1])
            #expect(try await archived().filter { !$0.isEmpty } == ["pocket's"])
            let conflict = try #require(try await hub.store.conflicts().first)
            // Decided for that version: the other one can't be read.
            _ = try await hub.store.resolveConflict(conflict.id, keep: .device)
            #expect(try await hub.content("Metroid") == "pocket's")
        }

        @Test func `a folder save is kept when one of its files is gone`() async throws {
            let folders = { (settings: inout DeviceSettings, folder: TemporaryFolder) in
                settings.directories = [
                    SaveDirectory(id: 0, path: folder("saves"), platform: .named("psp"), layout: .folders)
                ]
            }
            let psp = try await Handheld("psp", of: hub, server: pocket.server, configure: folders)
            try psp.write("ULUS10041/DATA.BIN", "part 1")
            try psp.write("ULUS10041/icons/ICON0.PNG", "icon")
            try await psp.sync(expecting: [.pull: 1])
            let first = try #require(try await hub.history(hub.save("ULUS10041").id).first)
            let other = try await Handheld("other", of: hub, server: pocket.server, configure: folders)
            try await other.sync(expecting: [.push: 1])
            try await play("part 1, later", on: other, "ULUS10041/DATA.BIN")
            try FileManager.default.removeItem(
                atPath: hub.folder("library/\(first.libraryPath)/icons/ICON0.PNG"))
            try await psp.sync(expecting: [.push: 1])
            let kept = try #require(try await hub.history(hub.save("ULUS10041").id).first { $0.slot == nil })
            #expect(hub.folder.read("library/\(kept.libraryPath)/icons/ICON0.PNG") == Array("icon".utf8))
            #expect(hub.folder.read("library/\(kept.libraryPath)/DATA.BIN") == Array("part 1".utf8))
        }

        @Test func `a large content is received, not recognized, when its version's file is gone`() async throws {
            let large = String(repeating: "large ", count: 1 << 19)
            try await play(large, on: pocket, "Chrono.srm")
            let deck = try await Handheld("deck", of: hub, server: pocket.server)
            try await deck.sync(expecting: [.push: 2])
            try await play("later", on: deck, "Chrono.srm")
            try await lose(large, of: "Chrono")
            try await pocket.sync(expecting: [.push: 1])
            #expect(pocket.read("Chrono.srm") == "later")
            #expect(try await archived("Chrono") == [large])
        }

        /// What was found amiss in the library by a run that needed the file, or by `verify`.
        enum Finder: CaseIterable {
            case push, verification, repair
        }

        /// How a version is lost: its file, or what is in it.
        enum Loss: CaseIterable {
            case gone, otherBytes, cutOff
        }

        @Test(arguments: Finder.allCases, Loss.allCases)
        func `a lost current version is healed by the next run of a device that has it, once it is known to be lost`(
            finder: Finder, loss: Loss
        ) async throws {
            hub.clock.advance(seconds: 10)
            try await pocket.sync(expecting: [:])
            let deck = try await Handheld("deck", of: hub, server: pocket.server)
            let path = try await lose("x")
            switch loss {
            case .gone: break
            case .otherBytes: try Data("z".utf8).write(to: URL(fileURLWithPath: path))
            case .cutOff: try Data().write(to: URL(fileURLWithPath: path))
            }
            // Its stamps say that nothing changed, and nobody looks.
            try await pocket.sync(expecting: [:])
            #expect(hub.folder.read("library/\(path)") != Array("x".utf8))
            switch finder {
            case .push:
                let report = try await deck.sync()
                let error = try #require(report.outcomes.compactMap(\.error).first)
                #expect(report.done == [:] && deck.read("Metroid.srm") == nil)
                #expect(
                    error.hasPrefix("the library's file of gba/Metroid version 1 is ") && error.contains(path)
                        && error.contains("A sync of pocket puts it back") && error.contains("verify --repair"),
                    "\(error)")
            case .verification, .repair:
                var found: [Difference] = []
                _ = try await Verification(store: hub.store, repairs: finder == .repair).run { found.append($0) }
                switch try #require(found.first).outcome {
                case .heldElsewhere(let devices): #expect(finder == .verification && devices == ["pocket"])
                case .unrepairable(let advice):
                    #expect(finder == .repair && advice.hasSuffix("from where it is stored again: pocket"))
                case let other: Issue.record("\(other)")
                }
            }
            try await pocket.sync(expecting: [:])
            // The same version under the same name; what stood there is kept.
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("x".utf8))
            #expect(try await hub.history(hub.save("Metroid").id).count == 1)
            #expect(
                lines.all.filter { $0.contains("healed") } == [
                    "notice pocket: healed: the library has gba/Metroid version 1 again, which it had lost"
                ])
            #expect(hub.folder.everything().contains { $0.contains("/orphans/") } == (loss != .gone))
            let totals = try await Verification(store: hub.store, repairs: false).run { _ in }
            #expect(totals.differences == 0)
            try await deck.sync(expecting: [.push: 1])
            #expect(deck.read("Metroid.srm") == "x")
            try await pocket.rerunIsQuiet()
        }

        @Test func `a folder save is healed file by file`() async throws {
            let folders = { (settings: inout DeviceSettings, folder: TemporaryFolder) in
                settings.directories = [
                    SaveDirectory(id: 0, path: folder("saves"), platform: .named("psp"), layout: .folders)
                ]
            }
            let psp = try await Handheld("psp", of: hub, server: pocket.server, configure: folders)
            try psp.write("ULUS10041/DATA.BIN", "part 1")
            try psp.write("ULUS10041/icons/ICON0.PNG", "icon")
            try psp.write("ULUS10041/icons/ICON1.PNG", "icon")
            try await psp.sync(expecting: [.pull: 1])
            let version = try #require(try await hub.history(hub.save("ULUS10041").id).first)
            let folder = "library/\(version.libraryPath)"
            try FileManager.default.removeItem(atPath: hub.folder("\(folder)/icons"))
            try hub.folder.write("part X", to: "\(folder)/DATA.BIN")
            _ = try await Verification(store: hub.store, repairs: false).run { _ in }
            try await psp.sync(expecting: [:])
            #expect(try await Verification(store: hub.store, repairs: false).run { _ in }.differences == 0)
            #expect(hub.folder.read("\(folder)/DATA.BIN") == Array("part 1".utf8))
            #expect(hub.folder.read("\(folder)/icons/ICON1.PNG") == Array("icon".utf8))
        }

        @Test func `a large content is received, not recognized, when its version has other bytes`() async throws {
            let large = String(repeating: "large ", count: 1 << 19)
            try await play(large, on: pocket, "Chrono.srm")
            let path = try await lose(large, of: "Chrono")
            try Data(large.utf8.map { $0 ^ 1 }).write(to: URL(fileURLWithPath: path))
            _ = try await Verification(store: hub.store, repairs: false).run { _ in }
            try await pocket.sync(expecting: [:])
            #expect(FileManager.default.contents(atPath: path) == Data(large.utf8))
        }

        @Test func `a device that never synced, or was reset, gives back what is lost`() async throws {
            let deck = try await Handheld("deck", of: hub, server: pocket.server)
            try deck.write("Metroid.srm", "x")
            for handheld in [deck, pocket] {
                try await hub.store.resetDevice(handheld.device.id)
                let path = try await lose("x")
                try await handheld.sync(expecting: [:])
                #expect(FileManager.default.contents(atPath: path) == Data("x".utf8))
            }
        }

        @Test func `of a content that is lost nobody can say that the device has its beginning`() async throws {
            try await play("a long content", on: pocket)
            let deck = try await Handheld("deck", of: hub, server: pocket.server)
            try await deck.sync(expecting: [.push: 1])
            try await lose("a long content")
            try pocket.write("Metroid.srm", "a long")
            let before = try await hub.snapshot()["database"]
            #expect(try await pocket.plan().operations.map(\.action) == [.skip])
            #expect(try await hub.snapshot()["database"] == before)
            let report = try await pocket.sync()
            let error = try #require(report.outcomes.compactMap(\.error).first)
            #expect(error.contains("gba/Metroid version 2 is gone") && error.contains("A sync of deck"), "\(error)")
            try await deck.sync(expecting: [:])
            try await pocket.sync(expecting: [.hold: 1])
            #expect(try await hub.content("Metroid") == "a long content")
        }

        @Test func `a current version whose file is gone fails where it is sent, and touches no device`() async throws {
            let deck = try await Handheld("deck", of: hub, server: pocket.server)
            try await lose("x")
            let report = try await deck.sync()
            #expect(report.done == [:])
            let error = try #require(report.outcomes.compactMap(\.error).first)
            #expect("\(error)".contains("Metroid"))
            try await pocket.sync(expecting: [:])
            #expect(pocket.read("Metroid.srm") == "x")
        }
    }
}
