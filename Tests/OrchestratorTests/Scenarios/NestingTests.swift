import Foundation
import Orchestrator
import Planner
import Store
import TestSupport
import Testing

extension ScenarioTests {
    /// Directories in directories, and links.
    @Suite struct NestingTests {
        let hub: Hub
        let pocket: Handheld

        init() async throws {
            hub = try await Hub()
            pocket = try await Handheld(of: hub) { settings, folder in
                settings.directories = [SaveDirectory(id: 0, path: folder("saves"), platform: .eachSubfolder)]
            }
        }

        private func link(_ name: String, to target: String) throws {
            try FileManager.default.createSymbolicLink(
                atPath: pocket.folder("saves/\(name)"), withDestinationPath: target)
        }

        private func identities() async throws -> [String] {
            try await hub.store.saves().map { "\($0.identity.platform)/\($0.identity.game)" }.sorted()
        }

        @Test func `a directory in another of its kind has its files, and no save is found twice`() async throws {
            try await pocket.edit { settings in
                settings.directories = [
                    SaveDirectory(id: 0, path: pocket.folder("saves"), platform: .named("gba")),
                    SaveDirectory(id: 0, path: pocket.folder("saves/hacks"), platform: .named("gba")),
                    SaveDirectory(id: 0, path: pocket.folder("saves/snes"), platform: .named("snes")),
                ]
            }
            try pocket.write("Metroid.srm", "x")
            try pocket.write("hacks/Zelda.srm", "x")
            try pocket.write("snes/Chrono.srm", "x")
            let report = try await pocket.sync(expecting: [.pull: 3])
            #expect(report.status == .completed)
            #expect(try await identities() == ["gba/Metroid", "gba/Zelda", "snes/Chrono"])
            try await pocket.rerunIsQuiet()
        }

        @Test func `saves sixteen folders down are found, and what lies deeper is said`() async throws {
            let deep = (1...15).map { "f\($0)" }.joined(separator: "/")
            try pocket.write("gba/\(deep)/Metroid.srm", "x")
            try pocket.write("gba/\(deep)/f16/Zelda.srm", "x")
            let report = try await pocket.sync(expecting: [.pull: 1, .skip: 1])
            let told = report.plan?.operations.first { $0.action == .skip }
            #expect(told?.remotePath == pocket.folder("saves/gba/\(deep)/f16"))
            #expect(told?.reason.hasPrefix("more than 16 folders down") == true)
        }

        @Test func `a linked platform folder of the same directory is its platform, once`() async throws {
            try pocket.write(".store/gba/Metroid.srm", "x")
            try pocket.write("all/snes/Chrono.srm", "x")
            try pocket.write("nes/Mario.srm", "x")
            try link("gba", to: ".store/gba")
            try link("GBA again", to: ".store/gba")
            try link("snes", to: "all/snes")
            try link("famicom", to: "nes")
            try link("nes/loop", to: "..")
            try link("nes/self", to: ".")
            let report = try await pocket.sync()
            #expect(report.moved == [.pull: 3] && report.status == .completed, "\(report.shown)")
            // Of two links to one folder the first by name is followed.
            #expect(try await identities() == ["GBA again/Metroid", "nes/Mario", "snes/Chrono"])
            let told = Dictionary(
                (report.plan?.operations ?? []).filter { $0.action == .skip }.map {
                    (String($0.remotePath.dropFirst(pocket.folder("saves").count + 1)), $0.reason)
                }, uniquingKeysWith: { first, _ in first })
            #expect(told.keys.sorted() == ["all/snes", "famicom", "gba", "nes/loop", "nes/self"])
            #expect(told["famicom"]?.contains("nes, which is listed by its own name") == true)
            // Both ways through the link.
            try pocket.folder.write("y", to: "saves/snes/Chrono.srm")
            try await pocket.sync(expecting: [.pull: 1, .skip: 5])
            _ = try await hub.store.restore(save: try await hub.save("Chrono"), version: 1)
            try await pocket.sync(expecting: [.push: 1, .skip: 5])
            #expect(pocket.read("all/snes/Chrono.srm") == "x")
            try await pocket.rerunIsQuiet()
        }

        @Test func `a link out of the directory is not followed, and the option that adds it is named`() async throws {
            try pocket.folder.write("x", to: "elsewhere/gba/Metroid.srm")
            try pocket.folder.write("x", to: "elsewhere/Zelda.srm")
            try link("gba", to: pocket.folder("elsewhere/gba"))
            try pocket.write("snes/Chrono.srm", "x")
            try link("snes/Zelda.srm", to: pocket.folder("elsewhere/Zelda.srm"))
            try link("n64", to: pocket.folder("not mounted"))
            let report = try await pocket.sync(expecting: [.pull: 1, .skip: 3])
            let reasons = (report.plan?.operations ?? []).filter { $0.action == .skip }.map(\.reason)
            #expect(reasons[0].contains("Add it with --dir gba=\(pocket.folder("elsewhere/gba"))"), "\(reasons)")
            #expect(reasons[1].contains("something that is missing"))
            #expect(reasons[2].contains("Add its folder with --dir snes=\(pocket.folder("elsewhere"))"))
            // Added, it is no longer asked for.
            try await pocket.edit {
                $0.directories.append(
                    SaveDirectory(id: 0, path: pocket.folder("elsewhere/gba"), platform: .named("gba")))
            }
            let added = try await pocket.sync(expecting: [.pull: 1, .skip: 3])
            #expect(added.plan?.operations.contains { $0.reason.contains("a save directory of its own") } == true)
            try await pocket.rerunIsQuiet()
        }
    }
}
