import Foundation
import Orchestrator
import Planner
import Store
import TestSupport
import Testing

extension ScenarioTests {
    /// What is gone from a device comes back when the user says so, over a real sshd.
    @Suite struct PutBackTests {
        let hub: Hub
        let pocket: Handheld

        init() async throws {
            hub = try await Hub()
            pocket = try await Handheld(of: hub)
        }

        /// A handheld on which each subfolder is a platform.
        private func divided(_ name: String) async throws -> Handheld {
            try await Handheld(name, of: hub, server: pocket.server) { settings, folder in
                settings.directories = [SaveDirectory(id: 0, path: folder("saves"), platform: .eachSubfolder)]
            }
        }

        private func empty(_ handheld: Handheld) throws {
            for name in try FileManager.default.contentsOfDirectory(atPath: handheld.folder("saves")) {
                try handheld.remove(name)
            }
        }

        @Test func `a directory that was emptied is filled again, with its folders`() async throws {
            for number in 1...4 { try pocket.write("Game \(number).srm", "content \(number)") }
            try pocket.write("sub/deep/Metroid.srm", "far along")
            try await pocket.sync(expecting: [.pull: 5])
            try empty(pocket)
            let halt = try #require(try await pocket.sync().plan?.halts.first)
            #expect(halt.valve == .directoryEmptied && halt.remedy(for: "pocket")?.hasSuffix("--put-back") == true)
            // Accepted as deleted, they stay away from run to run.
            _ = try await pocket.sync(allowing: [.directoryEmptied])
            let report = try await pocket.sync(expecting: [:])
            #expect(report.plan?.operations.filter(\.isGone).count == 5)

            let before = try await hub.snapshot()
            #expect(try await pocket.plan(puttingBack: PutBack()).count(.push) == 5)
            #expect(pocket.folder.everything() == ["saves"])
            #expect(try await hub.snapshot() == before)
            let back = try await pocket.sync(puttingBack: PutBack())
            #expect(back.moved == [.push: 5] && back.status == .completed, "\(back.shown)")
            #expect(pocket.read("sub/deep/Metroid.srm") == "far along" && pocket.read("Game 4.srm") == "content 4")
            try await pocket.rerunIsQuiet()
            try pocket.write("Game 4.srm", "played on")
            try await pocket.sync(expecting: [.pull: 1])
        }

        @Test func `a save directory that is missing is not made, and its halt stays`() async throws {
            try pocket.write("Metroid.srm", "x")
            try await pocket.sync(expecting: [.pull: 1])
            try FileManager.default.removeItem(atPath: pocket.folder("saves"))
            let report = try await pocket.sync(allowing: Set(Valve.allCases), puttingBack: PutBack())
            #expect(report.plan?.halts.map(\.valve) == [.directoryMissing] && report.moved.isEmpty, "\(report.shown)")
            #expect(pocket.folder.everything().isEmpty)
            // The user makes it: then it is meant.
            try FileManager.default.createDirectory(
                atPath: pocket.folder("saves"), withIntermediateDirectories: false)
            #expect(try await pocket.sync(puttingBack: PutBack()).moved == [.push: 1])
        }

        @Test func `a save that was begun anew is asked about, until the user decides`() async throws {
            try pocket.write("Metroid.srm", "sixty hours")
            try pocket.write("Zelda.srm", "x")
            try await pocket.sync(expecting: [.pull: 2])
            try pocket.remove("Metroid.srm")
            try await pocket.sync(expecting: [:])
            try pocket.write("Metroid.srm", "ten minutes")
            let metroid = PutBack(saves: [try await hub.save("Metroid").id])
            let report = try await pocket.sync(puttingBack: metroid)
            #expect(report.moved == [.conflict: 1] && pocket.read("Metroid.srm") == "ten minutes", "\(report.shown)")
            // An ordinary run does not decide it.
            try await pocket.sync(expecting: [.conflict: 1])
            #expect(try await hub.content("Metroid") == "sixty hours")
            let conflict = try #require(try await hub.store.conflicts().first)
            _ = try await hub.store.resolveConflict(conflict.id, keep: .server)
            try await pocket.sync(expecting: [.push: 1])
            #expect(pocket.read("Metroid.srm") == "sixty hours")
            #expect(Set(try await hub.contents("Metroid")) == ["sixty hours", "ten minutes"])
            try await pocket.rerunIsQuiet()
        }

        @Test func `a push into a folder that is gone makes it, but not a platform's`() async throws {
            let deck = try await divided("deck")
            try deck.write("gba/sub/Metroid.srm", "x")
            try deck.write("snes/Chrono.srm", "x")
            try deck.write("nes/Mario.srm", "x")
            try await deck.sync(expecting: [.pull: 3])
            let other = try await divided("other")
            for folder in ["gba", "snes"] {
                try FileManager.default.createDirectory(
                    atPath: other.folder("saves/\(folder)"), withIntermediateDirectories: false)
            }
            try await other.sync(expecting: [.push: 2])
            try other.write("gba/Metroid.srm", "y")
            try other.write("snes/Chrono.srm", "y")
            try await other.sync(expecting: [.pull: 2])

            try deck.remove("gba/sub")
            try deck.remove("snes")
            let report = try await deck.sync()
            #expect(report.status == .completed && report.moved == [.push: 1], "\(report.shown)")
            #expect(deck.read("gba/sub/Metroid.srm") == "y" && deck.read("snes/Chrono.srm") == nil)
            #expect(
                report.plan?.operations.filter { $0.action == .skip }.map(\.remotePath) == [deck.folder("saves/snes")])
            // Told once.
            try await deck.sync(expecting: [:])
            #expect(try await deck.sync(puttingBack: PutBack(platform: "snes")).moved == [.push: 1])
            #expect(deck.read("snes/Chrono.srm") == "y")
            try await deck.rerunIsQuiet()
        }

        @Test func `restore puts the current content where it is gone, and a later deletion counts`() async throws {
            let second = try await Handheld("second", of: hub, server: pocket.server)
            let third = try await Handheld("third", of: hub, server: pocket.server)
            try pocket.write("Metroid.srm", "x")
            try pocket.write("other.txt", "-")
            try await pocket.sync(expecting: [.pull: 1])
            for handheld in [second, third] { try await handheld.sync(expecting: [.push: 1]) }
            // Seen to be gone from one, not yet seen from the other, and played on on the third.
            try pocket.remove("Metroid.srm")
            try await pocket.sync(expecting: [:])
            try second.remove("Metroid.srm")
            try third.write("Metroid.srm", "y")
            _ = try await hub.store.restore(save: try await hub.save("Metroid"), version: 1)
            try await pocket.sync(expecting: [.push: 1])
            try await second.sync(expecting: [.push: 1])
            try await third.sync(expecting: [.pull: 1])
            #expect(pocket.read("Metroid.srm") == "x" && second.read("Metroid.srm") == "x")
            #expect(Set(try await hub.contents("Metroid")) == ["x", "y"])
            try await pocket.sync(expecting: [.push: 1])
            // It is there, was seen, and is deleted: an old restore does not bring it back.
            _ = try await hub.store.restore(save: try await hub.save("Metroid"), version: 3)
            try await pocket.sync(expecting: [:])
            try pocket.remove("Metroid.srm")
            for _ in 0..<2 { try await pocket.sync(expecting: [:]) }
            #expect(pocket.read("Metroid.srm") == nil)
        }

        @Test func `a device that was reflashed is compared afresh after a reset`() async throws {
            for game in ["Equal", "Gone 1", "Gone 2", "Gone 3", "Different"] { try pocket.write("\(game).srm", "x") }
            try pocket.write("sub/Own name.sav", "x")
            try await pocket.sync(expecting: [.pull: 6])
            try empty(pocket)
            try pocket.write("Equal.srm", "x", time: 1_600_000_000)
            try pocket.write("Different.srm", "new game")
            #expect(try await pocket.sync().plan?.halts.map(\.valve) == [.massDeletion])
            let history = try await hub.history(hub.save("Equal").id)

            try await hub.store.resetDevice(try await pocket.device.id)
            #expect(try await hub.store.agreementCounts(device: pocket.device.id) == (0, 0))
            let report = try await pocket.sync(expecting: [.push: 4, .conflict: 1])
            #expect(report.plan?.halts.isEmpty == true)
            #expect(
                report.plan?.operations.first { $0.action == .conflict }?.reason
                    == "different on both sides, and what was agreed on before was forgotten")
            #expect(pocket.read("sub/Own name.sav") == "x" && pocket.read("Different.srm") == "new game")
            #expect(try await hub.content("Different") == "x")
            #expect(try await hub.history(hub.save("Equal").id) == history)
            #expect(try await hub.store.agreementCounts(device: pocket.device.id).saves == 5)
        }

        @Test func `a directory that was taken out of the settings and is back gets what changed meanwhile`()
            async throws
        {
            try pocket.write("sub/Metroid.srm", "x")
            try pocket.write("Zelda.srm", "x")
            try await pocket.sync(expecting: [.pull: 2])
            let directories = try await pocket.device.settings.directories
            try await pocket.edit {
                $0.directories = [
                    SaveDirectory(id: 0, path: $0.directories[0].path + "/snes", platform: .named("snes"))
                ]
            }
            let other = try await Handheld("other", of: hub, server: pocket.server)
            try await other.sync(expecting: [.push: 2])
            try other.write("Metroid.srm", "y")
            try await other.sync(expecting: [.pull: 1])
            try pocket.remove("sub/Metroid.srm")

            try await pocket.edit { $0.directories = directories }
            try await pocket.sync(expecting: [.push: 1])
            #expect(pocket.read("sub/Metroid.srm") == "y")
            try await pocket.rerunIsQuiet()

            // Another, empty folder: what it lacks is told, nothing is called in step, and it can be put there.
            try FileManager.default.createDirectory(atPath: pocket.folder("new"), withIntermediateDirectories: false)
            try await pocket.edit {
                $0.directories = [SaveDirectory(id: 0, path: pocket.folder("new"), platform: .named("gba"))]
            }
            #expect(try await pocket.sync().plan?.halts.map(\.valve) == [.directoryEmptied])
            #expect(try await pocket.sync(puttingBack: PutBack()).moved == [.push: 2])
            #expect(pocket.folder.read("new/sub/Metroid.srm") == Array("y".utf8))
        }
    }
}
