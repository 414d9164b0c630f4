import Planner
import Testing

/// Where a save that the device never had is put.
@Suite struct PlacementTests {
    static func directory(
        _ id: Int64 = 1, _ platform: SaveDirectory.PlatformRule = .named("gba"), kind: SaveKind = .save,
        layout: SaveDirectory.Layout = .files, extensions: [String]? = ["srm", "rtc"], acceptsNew: Bool = true
    ) -> SaveDirectory {
        SaveDirectory(
            id: id, path: "/d\(id)", platform: platform, kind: kind, layout: layout, extensions: extensions,
            acceptsNew: acceptsNew)
    }

    /// A server's save as it came from a device of its own.
    static func save(
        _ game: String = "Metroid", platform: String = "gba", kind: SaveKind = .save, slot: String = "main",
        shape: SaveShape = .file, name: String = "Metroid.srm"
    ) -> ServerSave {
        let version = ServerVersion(
            id: 1, digest: digest("y"), shape: shape, size: 1, isBlank: false, originalName: name, modified: 0)
        let identity = SaveIdentity(owner: "anna", platform: platform, game: game, kind: kind, slot: slot)
        return ServerSave(id: 1, identity: identity, content: .version(version))
    }

    struct Row: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let directories: [SaveDirectory]
        var save = PlacementTests.save()
        /// Folders that stand in the first directory, and files with other games' saves.
        var folders: [String] = []
        var siblings: [String] = []
        /// Where it goes, or nil when the device has no place for it.
        let place: String?
    }

    static let table: [Row] = [
        Row(testDescription: "by its platform", directories: [directory()], place: "/d1/Metroid.srm"),
        Row(
            testDescription: "not where new saves are not taken", directories: [directory(acceptsNew: false)],
            place: nil),
        Row(
            testDescription: "in the first directory that takes it",
            directories: [directory(1, acceptsNew: false), directory(2), directory(3)], place: "/d2/Metroid.srm"),
        Row(testDescription: "not among another platform's", directories: [directory(1, .named("snes"))], place: nil),
        Row(testDescription: "not among states", directories: [directory(kind: .state)], place: nil),
        Row(
            testDescription: "platforms meet by folding", directories: [directory(1, .named("Genesis Plus GX"))],
            save: save(platform: "genesis_plus_gx"), place: "/d1/Metroid.srm"),
        Row(
            testDescription: "in the platform's own folder as the device writes it",
            directories: [directory(1, .eachSubfolder)], save: save(platform: "genesis_plus_gx"),
            folders: ["GBA", "Genesis Plus GX", "GBA/genesis plus gx"], place: "/d1/Genesis Plus GX/Metroid.srm"),
        Row(
            testDescription: "not where the platform has no folder", directories: [directory(1, .eachSubfolder)],
            folders: ["snes"], place: nil),
        Row(
            testDescription: "30 under an extension that the directory takes",
            directories: [directory(extensions: ["sav"])],
            place: "/d1/Metroid.sav"),
        Row(
            testDescription: "under the extension that the user prefers",
            directories: [directory(extensions: ["sav", "srm"])], place: "/d1/Metroid.sav"),
        Row(
            testDescription: "under the preferred extension also among others",
            directories: [directory(extensions: ["srm", "sav"])], save: save(name: "Metroid.sav"),
            siblings: ["Zelda.sav", "Mario.sav"], place: "/d1/Metroid.srm"),
        Row(
            testDescription: "under the extension it has elsewhere, where it is the first save",
            directories: [directory(extensions: nil)], save: save(name: "Metroid.sav"), place: "/d1/Metroid.sav"),
        Row(
            testDescription: "under the extension that most saves have",
            directories: [directory(extensions: nil)], save: save(name: "Metroid.sav"),
            siblings: ["Zelda.srm", "Mario.srm", "Kirby.sav", "Kirby.rtc", "Mario.rtc", "Wario.rtc"],
            place: "/d1/Metroid.srm"),
        Row(
            testDescription: "with the extension in the letters that the others have",
            directories: [directory()], siblings: ["Zelda.SRM"], place: "/d1/Metroid.SRM"),
        Row(
            testDescription: "with the ROM's extension where most have one",
            directories: [directory(extensions: nil)],
            siblings: ["Zelda.gba.sav", "Mario.gba.sav", "Kirby.srm"], place: "/d1/Metroid.gba.sav"),
        Row(
            testDescription: "without the ROM's extension where it is not one and the same",
            directories: [directory(extensions: nil)], siblings: ["Zelda.gba.sav", "Mario.zip.sav"],
            place: "/d1/Metroid.sav"),
        Row(
            testDescription: "with the ROM's extension before the preferred one",
            directories: [directory(extensions: ["srm", "sav"])], siblings: ["Zelda.gba.sav"],
            place: "/d1/Metroid.gba.srm"),
        Row(
            testDescription: "a clock named like the saves where it is the first one",
            directories: [directory(extensions: nil)], save: save(slot: "rtc", name: "Metroid.rtc"),
            siblings: ["Zelda.gba.sav"], place: "/d1/Metroid.gba.rtc"),
        Row(
            testDescription: "like those of its own platform's folder",
            directories: [directory(1, .eachSubfolder, extensions: nil)], folders: ["gba", "nds"],
            siblings: ["gba/Zelda.sav", "nds/Mario.dsv", "nds/Kirby.dsv"], place: "/d1/gba/Metroid.sav"),
        Row(
            testDescription: "a companion under its own extension", directories: [directory()],
            save: save(slot: "rtc", name: "Metroid.rtc"), place: "/d1/Metroid.rtc"),
        Row(
            testDescription: "no companion where its extension is not taken",
            directories: [directory(extensions: ["srm"])],
            save: save(slot: "rtc", name: "Metroid.rtc"), place: nil),
        Row(
            testDescription: "a slot of our own stays here", directories: [directory()], save: save(slot: "main-deck"),
            place: nil),
        Row(
            testDescription: "no folder among files", directories: [directory()],
            save: save(shape: .folder, name: "ULUS1"),
            place: nil),
        Row(testDescription: "no file among folders", directories: [directory(layout: .folders)], place: nil),
        Row(
            testDescription: "a folder among folders", directories: [directory(layout: .folders)],
            save: save("ULUS1", shape: .folder, name: "ULUS1"), place: "/d1/ULUS1"),
        Row(
            testDescription: "a state", directories: [directory(kind: .state, extensions: nil)],
            save: save(kind: .state, slot: "state3", name: "Metroid.state3"), place: "/d1/Metroid.state3"),
        Row(
            testDescription: "a state of any number", directories: [directory(kind: .state, extensions: nil)],
            save: save(kind: .state, slot: "state120", name: "Metroid.state120"), place: "/d1/Metroid.state120"),
        Row(
            testDescription: "no state whose number is not taken",
            directories: [directory(kind: .state, extensions: ["state", "state1"])],
            save: save(kind: .state, slot: "state10", name: "Metroid.state10"), place: nil),
    ]

    @Test(arguments: table)
    func `a new save goes where it belongs`(row: Row) {
        var fixture = Fixture()
        fixture.directories = row.directories
        fixture.add(server: row.save)
        fixture.contents[1] = .init(folders: row.folders.map(path))
        for sibling in row.siblings { fixture.stand(path(sibling), "x") }
        let operations = fixture.plan().operations.filter { $0.identity?.game == row.save.identity.game }
        #expect(operations.map(\.remotePath) == [row.place].compactMap { $0 })
        #expect(operations.allSatisfy { $0.action == .push })
    }

    static let obstacles = ["Metroid.srm", "METROID.SRM"]

    @Test(arguments: obstacles)
    func `a new save does not overwrite something else of that name`(name: String) {
        // Out of sight for the directory, as its extensions don't take it; on FAT the case makes no difference.
        let folder = DirectoryListing.Contents(folders: [path(name)])
        let link = DirectoryListing.Contents(skipped: [SkippedEntry(path: path(name), reason: "a symbolic link")])
        for contents in [folder, link] {
            var fixture = Fixture()
            fixture.directories = [Self.directory()]
            fixture.add(server: Self.save())
            fixture.contents[1] = contents
            let operation = fixture.plan().operations.first { $0.identity != nil }
            #expect(operation?.step == .skip(isProblem: true))
            #expect(operation?.reason == "something that is not this save already stands at /d1/Metroid.srm")
        }
    }

    @Test func `what could not be listed takes no new save`() {
        var fixture = Fixture()
        fixture.directories = [Self.directory(1, .eachSubfolder)]
        fixture.add(server: Self.save())
        fixture.contents[1] = .init(
            folders: [path("gba")], unreadable: [UnreadableFolder(path: path("gba"), reason: "EACCES")])
        #expect(fixture.plan().only?.action == .skip)
    }

    @Test(arguments: ["Metroid", "xyz 3.0", "v1.0", "Pok\u{e9}mon", "A.gb", "Disc.zip", "A.state"])
    func `the name a save gets reads back as the same save`(game: String) {
        let extensions = SaveFileName.defaultExtensions(for: .save)
        let name = SaveFileName.make(game: game, kind: .save, slot: "main", preferred: ["SAV"], extensions: extensions)
        // "A.gb.srm" would be the save of the game "A", so the game "A.gb" has no name here.
        let isLikeROM = game == "A.gb" || game == "Disc.zip"
        #expect(name == (isLikeROM ? nil : game + ".SAV"))
        let read = name.flatMap { SaveFileName($0, kind: .save, extensions: extensions) }
        #expect(read?.game == (isLikeROM ? nil : game))
    }
}
