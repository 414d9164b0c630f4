import Foundation
import Orchestrator
import Planner
import Store
import TestSupport
import Testing

extension ScenarioTests {
    /// Directories that look wrong, over a real sshd: nothing is deduced from them, and the others go on.
    @Suite struct ValveTests {
        /// A handheld with two save directories: `saves`, whose saves are of the form, and `snes` with files.
        private struct Scene {
            let hub: Hub
            let pocket: Handheld

            init(_ form: SaveForm) async throws {
                hub = try await Hub()
                pocket = try await Handheld(of: hub, form: form) { settings, folder in
                    try? FileManager.default.createDirectory(
                        atPath: folder("snes"), withIntermediateDirectories: true)
                    settings.directories.append(
                        SaveDirectory(id: 0, path: folder("snes"), platform: .named("snes"), extensions: ["srm"]))
                }
            }

            /// Saves in both directories, in step; then the server gets another content of the last one in `saves`, and the
            /// device one of the save in `snes`.
            func play(_ count: Int) async throws {
                for number in 1...count { try pocket.write(save: "Game \(number)", "old \(number)") }
                try pocket.folder.write("old", to: "snes/Chrono.srm")
                try await pocket.sync(expecting: [.pull: count + 1])
                try pocket.write(save: "Game \(count)", "new")
                try await pocket.sync(expecting: [.pull: 1])
                _ = try await hub.store.restore(save: try await hub.save("Game \(count)"), version: 1)
                try pocket.folder.write("played", to: "snes/Chrono.srm")
                try pocket.folder.setTime(1_800_000_000, of: "snes/Chrono.srm")
            }

            /// The run halted `valve` for `saves`, did nothing there, and pulled what changed in the other directory.
            func haltsAlone(
                _ valve: Valve, saves: Int, sourceLocation: SourceLocation = #_sourceLocation
            ) async throws {
                let report = try await pocket.sync()
                let halts = try #require(report.plan).halts
                #expect(halts.map(\.valve) == [valve], "\(report.shown)", sourceLocation: sourceLocation)
                #expect(halts.first?.directory == pocket.folder("saves"), sourceLocation: sourceLocation)
                #expect(
                    report.failure == nil && report.moved == [.pull: 1], "\(report.shown)",
                    sourceLocation: sourceLocation)
                #expect(try await hub.content("Chrono") == "played", sourceLocation: sourceLocation)
                // An outcome of its own on record.
                let recorded = try #require(try await hub.store.sessions(limit: 1).first)
                #expect(report.status == .halted && recorded.status == .halted, sourceLocation: sourceLocation)
                #expect(
                    recorded.halts.map(\.code) == [valve.rawValue]
                        && recorded.halts.map(\.message) == halts.map(\.message),
                    sourceLocation: sourceLocation)
                // Nothing counts as deleted, on either side.
                #expect(
                    try await hub.store.saves().count { $0.deleted == nil } == saves + 1, sourceLocation: sourceLocation
                )
                #expect(try await gone() == 0, sourceLocation: sourceLocation)
                let again = try await pocket.sync()
                #expect(
                    again.plan?.halts.map(\.valve) == [valve] && again.moved.isEmpty, sourceLocation: sourceLocation)
            }

            func gone() async throws -> Int {
                let query = "SELECT count(*) FROM device_save_sync WHERE is_gone"
                let result = try await Command.run("sqlite3", ["-readonly", hub.folder("state/saveferry.db"), query])
                return Int(result.output.trimmingCharacters(in: .newlines)) ?? -1
            }
        }

        @Test(arguments: SaveForm.allCases)
        func `31 a save directory is missing: nothing is deduced, and the others go on`(form: SaveForm) async throws {
            let scene = try await Scene(form)
            let pocket = scene.pocket
            try await scene.play(5)
            try FileManager.default.moveItem(atPath: pocket.folder("saves"), toPath: pocket.folder("elsewhere"))
            try await scene.haltsAlone(.directoryMissing, saves: 5)
            // No option lets it pass, and the directory is not made.
            let report = try await pocket.sync(allowing: Set(Valve.allCases))
            #expect(report.plan?.halts.first?.override == nil && report.moved.isEmpty)
            #expect(!FileManager.default.fileExists(atPath: pocket.folder("saves")))
            // When it is back the work goes on as if nothing had been.
            try FileManager.default.moveItem(atPath: pocket.folder("elsewhere"), toPath: pocket.folder("saves"))
            try await pocket.sync(expecting: [.push: 1])
            #expect(pocket.read(save: "Game 5") == "old 5")
            try await pocket.rerunIsQuiet()
        }

        @Test(arguments: SaveForm.allCases)
        func `32 a directory is empty though it held 200 saves: nothing is put there or deleted`(form: SaveForm)
            async throws
        {
            let scene = try await Scene(form)
            let (hub, pocket) = (scene.hub, scene.pocket)
            // How many they are makes no difference to the limit, and folders take longer.
            let count = form == .file ? 200 : 20
            try await scene.play(count)
            for number in 1...count { try pocket.remove(save: "Game \(number)") }
            try await scene.haltsAlone(.directoryEmptied, saves: count)
            #expect(try FileManager.default.contentsOfDirectory(atPath: pocket.folder("saves")).isEmpty)
            // Allowed once: they count as deleted on the device, stay on the server, and only what is new goes there.
            let report = try await pocket.sync(allowing: [.directoryEmptied])
            #expect(report.failure == nil && report.moved[.push] == 1, "\(report.shown)")
            #expect(try await scene.gone() == count - 1)
            #expect(try await hub.content("Game 7") == "old 7")
            try await pocket.rerunIsQuiet()
        }

        /// A folder on another file system than the handhelds'; nil where there is none.
        private static func otherFileSystem(than path: String) throws -> TemporaryFolder? {
            let own = try FileManager.default.attributesOfFileSystem(forPath: path)[.systemNumber] as? Int
            for base in ["/dev/shm", "/tmp", "/var/tmp", "/run"] where FileManager.default.isWritableFile(atPath: base)
            {
                let other = try FileManager.default.attributesOfFileSystem(forPath: base)[.systemNumber] as? Int
                if other != own { return try TemporaryFolder(in: base) }
            }
            return nil
        }

        @Test
        func `another card with other saves is left alone until it is allowed, and is then the one`() async throws {
            let scene = try await Scene(.file)
            let (hub, pocket) = (scene.hub, scene.pocket)
            try pocket.write(save: "Metroid", "far along")
            try await pocket.sync(expecting: [.pull: 1])
            try await pocket.rerunIsQuiet()
            guard let card = try ValveTests.otherFileSystem(than: pocket.folder.path) else { return }
            let saves = pocket.folder("saves")
            try FileManager.default.moveItem(atPath: saves, toPath: pocket.folder("first card"))
            try card.write("just begun", to: "Metroid.srm")
            try FileManager.default.createSymbolicLink(atPath: saves, withDestinationPath: card.path)

            let report = try await pocket.sync()
            #expect(report.plan?.halts.map(\.override) == ["--allow card-changed"], "\(report.shown)")
            #expect(report.moved.isEmpty)
            #expect(
                try await hub.content("Metroid") == "far along" && card.read("Metroid.srm") == Array("just begun".utf8))

            // The first card again: nothing happened.
            try FileManager.default.removeItem(atPath: saves)
            try FileManager.default.moveItem(atPath: pocket.folder("first card"), toPath: saves)
            try await pocket.rerunIsQuiet()

            // The other one for good.
            try FileManager.default.moveItem(atPath: saves, toPath: pocket.folder("first card"))
            try FileManager.default.createSymbolicLink(atPath: saves, withDestinationPath: card.path)
            let allowed = try await pocket.sync(allowing: [.cardChanged])
            #expect(allowed.plan?.halts.isEmpty == true && allowed.moved == [.pull: 1], "\(allowed.shown)")
            #expect(Set(try await hub.contents("Metroid")) == ["far along", "just begun"])
            try await pocket.rerunIsQuiet()
        }

        @Test
        func `33 a subfolder is unreadable: nothing in it is deduced, and the others go on`() async throws {
            let scene = try await Scene(.file)
            let hub = scene.hub
            let server = try await OpenSSHServer(.obeyingPermissions)
            let deck = try await Handheld("deck", of: hub, server: server) { settings, folder in
                settings.directories = [SaveDirectory(id: 0, path: folder("saves"), platform: .eachSubfolder)]
            }
            for number in 1...5 { try deck.folder.write("old \(number)", to: "saves/gba/Game \(number).srm") }
            try deck.folder.write("old", to: "saves/snes/Chrono.srm")
            try await deck.sync(expecting: [.pull: 6])
            try deck.folder.write("new", to: "saves/gba/Game 5.srm")
            try await deck.sync(expecting: [.pull: 1])
            _ = try await hub.store.restore(save: try await hub.save("Game 5"), version: 1)
            try deck.folder.write("played", to: "saves/snes/Chrono.srm")
            try deck.folder.setTime(1_800_000_000, of: "saves/snes/Chrono.srm")

            let folder = deck.folder("saves/gba")
            try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: folder)
            defer { try? FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder) }
            let report = try await deck.sync()
            #expect(report.plan?.halts.map(\.valve) == [.directoryUnreadable], "\(report.shown)")
            #expect(report.plan?.halts.first?.directory == folder)
            #expect(report.failure == nil && report.moved == [.pull: 1], "\(report.shown)")
            #expect(try await scene.gone() == 0)
            let forced = try await deck.sync(allowing: Set(Valve.allCases))
            #expect(forced.moved.isEmpty && forced.plan?.halts.first?.override == nil, "\(forced.shown)")

            try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder)
            try await deck.sync(expecting: [.push: 1])
            #expect(deck.read("gba/Game 5.srm") == "old 5")
            try await deck.rerunIsQuiet()
        }

        @Test func `33 a folder in a save is unreadable: nothing is deduced from that save, and the others go on`()
            async throws
        {
            let scene = try await Scene(.folder)
            let (hub, pocket) = (scene.hub, scene.pocket)
            try await scene.play(5)
            let server = try await OpenSSHServer(.obeyingPermissions)
            try await pocket.edit { $0.port = server.port }
            let icons = pocket.folder("saves/Game 5/icons")
            try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: icons)
            defer { try? FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: icons) }
            for allowed in [[], Set(Valve.allCases)] {
                let report = try await pocket.sync(allowing: allowed)
                #expect(report.plan?.halts.map(\.valve) == [.directoryUnreadable], "\(report.shown)")
                #expect(report.plan?.halts.first?.directory == icons && report.plan?.halts.first?.override == nil)
                #expect(
                    report.failure == nil && report.moved == (allowed.isEmpty ? [.pull: 1] : [:]), "\(report.shown)")
            }
            #expect(try await scene.gone() == 0)
            #expect(try await hub.content("Chrono") == "played")

            try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: icons)
            #expect(pocket.read(save: "Game 5") == "new")
            try await pocket.sync(expecting: [.push: 1])
            #expect(pocket.read(save: "Game 5") == "old 5")
            try await pocket.rerunIsQuiet()
        }

        @Test(arguments: SaveForm.allCases)
        func `34 more than half vanished at once: halted until it is allowed, for that plan alone`(form: SaveForm)
            async throws
        {
            let scene = try await Scene(form)
            let pocket = scene.pocket
            try await scene.play(7)
            for number in 1...4 { try pocket.remove(save: "Game \(number)") }
            try await scene.haltsAlone(.massDeletion, saves: 7)
            #expect(pocket.read(save: "Game 7") == "new")
            // The plan says the same, and how it can be allowed.
            #expect(try await pocket.plan().halts.first?.override == "--allow mass-deletion")
            #expect(try await pocket.plan(allowing: [.massDeletion]).halts.isEmpty)
            let report = try await pocket.sync(allowing: [.massDeletion])
            #expect(report.plan?.halts.isEmpty == true && report.moved[.push] == 1, "\(report.shown)")
            #expect(try await scene.gone() == 4)
            try await pocket.rerunIsQuiet()
            // Once more, and it is halted once more.
            for number in 1...4 { try pocket.write(save: "Game \(number)", "back \(number)") }
            try await pocket.sync(expecting: [.pull: 4])
            for number in 1...4 { try pocket.remove(save: "Game \(number)") }
            #expect(try await pocket.sync().plan?.halts.map(\.valve) == [.massDeletion])
        }

        @Test(arguments: SaveForm.allCases)
        func `34 all of twenty changed at once: halted until it is allowed, for that plan alone`(form: SaveForm)
            async throws
        {
            let scene = try await Scene(form)
            let (hub, pocket) = (scene.hub, scene.pocket)
            for number in 1...20 { try pocket.write(save: "Game \(number)", "old") }
            try await pocket.sync(expecting: [.pull: 20])
            for number in 1...20 { try pocket.write(save: "Game \(number)", "encrypted by something") }
            let report = try await pocket.sync()
            #expect(report.plan?.halts.map(\.valve) == [.massChange] && report.moved.isEmpty, "\(report.shown)")
            #expect(try await hub.content("Game 3") == "old")
            #expect(try await pocket.sync(allowing: [.massChange]).moved == [.pull: 20])
            #expect(try await hub.contents("Game 3") == ["encrypted by something", "old"])
            for number in 1...20 { try pocket.write(save: "Game \(number)", "and again") }
            #expect(try await pocket.sync().plan?.halts.map(\.valve) == [.massChange])
        }

        @Test(arguments: SaveForm.allCases)
        func `34 a single tracked save that vanishes is deleted on the device, and never more`(form: SaveForm)
            async throws
        {
            let scene = try await Scene(form)
            let (hub, pocket) = (scene.hub, scene.pocket)
            try pocket.write(save: "Metroid", "x")
            try await pocket.sync(expecting: [.pull: 1])
            try pocket.remove(save: "Metroid")
            let report = try await pocket.sync()
            #expect(report.plan?.halts.isEmpty == true)
            #expect(try await scene.gone() == 1)
            #expect(try await hub.content("Metroid") == "x")
        }

        @Test(arguments: SaveForm.allCases)
        func `35 the extensions are edited so that tracked files fall out of sight: not a deletion`(form: SaveForm)
            async throws
        {
            let scene = try await Scene(form)
            let (hub, pocket) = (scene.hub, scene.pocket)
            for number in 1...5 { try pocket.write(save: "Game \(number)", "x") }
            try await pocket.sync(expecting: [.pull: 5])
            func look(for extensions: [String], _ layout: SaveDirectory.Layout) async throws {
                try await pocket.edit { settings in
                    settings.directories = settings.directories.map {
                        SaveDirectory(
                            id: $0.id, path: $0.path, platform: $0.platform, layout: layout, extensions: extensions)
                    }
                }
            }
            let layout = form.directory("").layout
            try await look(for: ["sav"], .files)
            let report = try await pocket.sync()
            #expect(report.failure == nil && report.moved.isEmpty, "\(report.shown)")
            #expect(try await scene.gone() == 0)
            #expect(try await hub.store.saves().count { $0.deleted == nil } == 5)
            #expect(pocket.read(save: "Game 1") == "x")
            try await look(for: ["srm"], layout)
            try pocket.write(save: "Game 1", "y")
            try await pocket.sync(expecting: [.pull: 1])
            try await pocket.rerunIsQuiet()
        }

        @Test(arguments: ["", "\0\0\0\0\0\0\0\0", String(repeating: "\u{7f}", count: 32 << 10)], SaveForm.allCases)
        func `57 a blank save where a real one was is held, and pulled when it is meant`(
            _ blank: String, form: SaveForm
        ) async throws {
            let scene = try await Scene(form)
            let (hub, pocket) = (scene.hub, scene.pocket)
            try pocket.write(save: "Metroid", "sixty hours")
            try pocket.write(save: "Zelda", "x")
            try await pocket.sync(expecting: [.pull: 2])
            try pocket.write(save: "Metroid", blank)
            try pocket.write(save: "Zelda", "y")
            let report = try await pocket.sync()
            #expect(report.plan?.halts.map(\.valve) == [.blankSave], "\(report.shown)")
            #expect(report.plan?.halts.first?.override == "--allow blank-save")
            #expect(report.moved[.pull] == 1, "\(report.shown)")
            #expect(try await hub.content("Metroid") == "sixty hours")
            #expect(pocket.read(save: "Metroid") == blank)
            let allowed = try await pocket.sync(allowing: [.blankSave])
            #expect(allowed.moved == [.pull: 1] && allowed.plan?.halts.isEmpty == true)
            #expect(try await hub.contents("Metroid") == [blank, "sixty hours"])
            try await pocket.rerunIsQuiet()
        }
    }
}
