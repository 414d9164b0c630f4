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

        /// The device holds x, which the server has pulled.
        init() async throws {
            hub = try await Hub()
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

        @Test
        func
            `a current version whose file is gone is stored again from a device that has it, once it is known to be lost`()
            async throws
        {
            hub.clock.advance(seconds: 10)
            try await pocket.sync(expecting: [:])
            let deck = try await Handheld("deck", of: hub, server: pocket.server)
            try await lose("x")
            let report = try await deck.sync()
            let error = try #require(report.outcomes.compactMap(\.error).first)
            #expect(
                report.done == [:] && error.contains("is gone from the library. Run `saveferry verify --repair`"),
                "\(error)")
            // Its stamps say that nothing changed, and nobody looks.
            try await pocket.sync(expecting: [:])
            #expect(try await hub.history(hub.save("Metroid").id).count == 1)
            var found: [Difference] = []
            _ = try await Verification(store: hub.store, repairs: true).run { found.append($0) }
            guard case .unrepairable(let advice)? = found.first?.outcome else { throw Unrepaired() }
            #expect(advice.hasSuffix("from where it is stored again: pocket"), "\(advice)")
            try await pocket.sync(expecting: [:])
            #expect(try await hub.content("Metroid") == "x")
            try await deck.sync(expecting: [.push: 1])
            #expect(deck.read("Metroid.srm") == "x")
            try await pocket.rerunIsQuiet()
        }

        private struct Unrepaired: Error {}

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
