import Foundation
import Orchestrator
import Planner
import Store
import TestSupport
import Testing

extension ScenarioTests {
    /// What a content may not take the place of without the user's word, over a real sshd.
    @Suite struct LimitTests {
        let hub: Hub
        /// Where the saves were played.
        let pocket: Handheld
        let deck: Handheld

        private static let played = SplitMix64.bytes(seed: 7, count: 32 << 10)
        private static let blank = [UInt8](repeating: 0xff, count: 32 << 10)

        init() async throws {
            hub = try await Hub()
            pocket = try await Handheld(of: hub)
            deck = try await Handheld("deck", of: hub, server: pocket.server)
        }

        private func write(_ bytes: [UInt8], on handheld: Handheld, time: Int) throws {
            try handheld.folder.write(bytes, to: "saves/Metroid.srm")
            try handheld.folder.setTime(time, of: "saves/Metroid.srm")
        }

        private func content(of handheld: Handheld) -> [UInt8]? { handheld.folder.read("saves/Metroid.srm") }

        private func current() async throws -> [UInt8]? {
            let version = try await hub.history(hub.save("Metroid").id).first { $0.isCurrent }
            return version.flatMap { hub.folder.read("library/\($0.libraryPath)") }
        }

        private func sync(
            _ handheld: Handheld, haltsBy valve: Valve, sourceLocation: SourceLocation = #_sourceLocation
        ) async throws {
            let before = content(of: handheld)
            let report = try await handheld.sync()
            #expect(
                report.plan?.halts.map(\.valve) == [valve] && report.done == [.hold: 1], "\(report.shown)",
                sourceLocation: sourceLocation)
            // A dry run keeps nothing of what it reads, and finds the same.
            #expect(try await handheld.plan().halts.map(\.valve) == [valve], sourceLocation: sourceLocation)
            #expect(content(of: handheld) == before, sourceLocation: sourceLocation)
        }

        @Test func `the beginning of a save takes its place on neither side until it is allowed`() async throws {
            try write(Self.played, on: pocket, time: 1_700_000_000)
            try await pocket.sync(expecting: [.pull: 1])
            try await deck.sync(expecting: [.push: 1])
            // The card was full.
            let stump = Array(Self.played.prefix(12_288))
            try write(stump, on: pocket, time: 1_700_000_600)
            try await sync(pocket, haltsBy: .truncatedSave)
            #expect(try await current() == Self.played)

            let allowed = try await pocket.sync(allowing: [.truncatedSave])
            #expect(allowed.moved == [.pull: 1] && allowed.plan?.halts.isEmpty == true, "\(allowed.shown)")
            // The other handheld is another question.
            try await sync(deck, haltsBy: .truncatedSave)
            #expect(try await deck.sync(allowing: [.truncatedSave]).moved == [.push: 1])
            #expect(content(of: deck) == stump)
            // Played on from there, it is longer again, and no reason to ask.
            try write(stump + [1, 2, 3], on: deck, time: 1_700_001_200)
            try await deck.sync(expecting: [.pull: 1])
            try await pocket.sync(expecting: [.push: 1])
            try await pocket.rerunIsQuiet()
        }

        @Test(arguments: [ConflictPolicy.newest, .server, .keepBoth])
        func `a blank save that was synced first does not beat a played one, whatever the policy`(
            policy: ConflictPolicy
        ) async throws {
            try write(Self.blank, on: deck, time: 1_700_009_000)
            try await deck.sync(expecting: [.pull: 1])
            try write(Self.played, on: pocket, time: 1_700_000_000)
            try await pocket.edit { $0.conflictPolicy = policy }
            try await sync(pocket, haltsBy: .blankSave)
            #expect(try await current() == Self.blank)
            // Whoever decides it himself is not asked again.
            try await pocket.edit { $0.conflictPolicy = .ask }
            try await pocket.sync(expecting: [.conflict: 1])
            let conflict = try #require(try await hub.store.conflicts().first)
            _ = try await hub.store.resolveConflict(conflict.id, keep: .server)
            try await pocket.sync(expecting: [.push: 1])
            #expect(content(of: pocket) == Self.blank)
            #expect(try await hub.history(hub.save("Metroid").id).count == 2)
            try await pocket.rerunIsQuiet()
        }

        @Test(arguments: [[], LimitTests.blank])
        func `a blank save after a deletion does not live again, and overwrites nothing`(_ blank: [UInt8]) async throws
        {
            try write(Self.played, on: pocket, time: 1_700_000_000)
            try await pocket.sync(expecting: [.pull: 1])
            try await deck.sync(expecting: [.push: 1])
            try await hub.store.deleteSave(try await hub.save("Metroid").id)
            try write(blank, on: pocket, time: 1_700_000_600)
            try await sync(pocket, haltsBy: .blankSave)
            try await deck.sync(expecting: [.hold: 1])
            #expect(content(of: deck) == Self.played)
            // Played again, it lives again.
            try write(Array(Self.played.reversed()), on: pocket, time: 1_700_001_200)
            try await pocket.sync(expecting: [.pull: 1])
        }

        @Test(arguments: ["ULUS1", "ULUS1/more/empty"])
        func `a folder save whose files are all gone stays away until it changes elsewhere`(
            left: String
        ) async throws {
            func folders(_ settings: inout DeviceSettings, _ folder: TemporaryFolder) {
                settings.directories = [
                    SaveDirectory(id: 0, path: folder("saves"), platform: .named("psp"), layout: .folders)
                ]
            }
            let psp = try await Handheld("psp", of: hub, server: pocket.server, configure: folders)
            let vita = try await Handheld("vita", of: hub, server: pocket.server, configure: folders)
            for game in ["ULUS1", "ULUS2"] { try psp.write("\(game)/DATA.BIN", "far along") }
            try await psp.sync(expecting: [.pull: 2])
            try await vita.sync(expecting: [.push: 2])
            try psp.remove("ULUS1/DATA.BIN")
            try FileManager.default.createDirectory(
                atPath: psp.folder("saves/\(left)"), withIntermediateDirectories: true)
            let report = try await psp.sync(expecting: [:])
            #expect(report.plan?.operations.contains { $0.step == .markGone } == true, "\(report.shown)")
            #expect(vita.read("ULUS1/DATA.BIN") == "far along")
            // A modification beats a deletion, and what is left of its folder is not in its way.
            try vita.write("ULUS1/DATA.BIN", "further on")
            try await vita.sync(expecting: [.pull: 1])
            try await psp.sync(expecting: [.push: 1])
            #expect(psp.read("ULUS1/DATA.BIN") == "further on")
            #expect(FileManager.default.fileExists(atPath: psp.folder("saves/\(left)")))
            #expect(!psp.folder.everything().contains { $0.contains(".saveferry") })
            try await psp.rerunIsQuiet()
        }
    }
}
