import Planner
import Testing

/// Which files of a device are which saves, SCENARIOS 23 to 26 and 30.
@Suite struct PairingTests {
    @Test func `23 a rename by case follows, and nothing is deleted or made`() {
        var fixture = Fixture()
        fixture.add("metroid", "-/x/x")
        fixture.stand(path("METROID.srm"), "x")
        let plan = fixture.plan()
        #expect(plan.lines == ["no_op metroid: in step"])
        guard case .adopt(let save, _)? = plan.only?.step else {
            Issue.record("the row does not follow: \(plan.lines)")
            return
        }
        #expect(save.path.text == "METROID.srm")
    }

    @Test func `24 composed and decomposed accents are one save`() {
        var fixture = Fixture()
        fixture.add("Poke\u{301}mon", "y/-/-")
        let composed = SaveIdentity(owner: "anna", platform: "gba", game: "Pok\u{e9}mon", kind: .save)
        let version = ServerVersion(
            id: 1, digest: digest("y"), shape: .file, size: 100, isBlank: false, originalName: "Pok\u{e9}mon.srm",
            modified: 0)
        fixture.add(server: ServerSave(id: 1, identity: composed, content: .version(version)))
        let plan = fixture.plan()
        #expect(plan.only?.action == .noOp, "\(plan.lines)")
        // The row keeps the device's own bytes.
        guard case .adopt(let save, _)? = plan.only?.step else { return }
        #expect(save.path == path("Poke\u{301}mon.srm") && save.path != path("Pok\u{e9}mon.srm"))
    }

    static let forms = [
        ("25 NFC and NFD", "Pok\u{e9}mon.srm", "Poke\u{301}mon.srm"), ("25 case", "Metroid.srm", "METROID.srm"),
        ("25 case of the extension", "Metroid.srm", "Metroid.SRM"),
    ]

    @Test(arguments: forms)
    func `one name in two forms is held`(name: String, one: String, other: String) {
        var fixture = Fixture()
        fixture.stand(path(one), "x")
        fixture.stand(path(other), "x")
        let plan = fixture.plan()
        #expect(plan.only?.step == .hold, "\(name): \(plan.lines)")
        #expect(plan.only?.reason.hasPrefix("ambiguous: ") == true)
        #expect(!plan.hasProblems)
    }

    static let clashes = [
        ["Metroid.srm", "Metroid.sav"], ["a/Metroid.srm", "b/Metroid.srm"], ["Metroid.srm", "Metroid.gba.srm"],
    ]

    @Test(arguments: clashes, ["-", "y"])
    func `26 two files that map to one save are an error that names both`(files: [String], server: String) {
        var fixture = Fixture()
        fixture.add("Metroid", "-/\(server)/-")
        for (file, letter) in zip(files, ["x", "z"] as [Character]) { fixture.stand(path(file), letter) }
        let plan = fixture.plan()
        #expect(plan.only?.step == .skip(isProblem: true), "\(plan.lines)")
        for file in files { #expect(plan.only?.reason.contains("/saves/gba/\(file)") == true) }
        #expect(plan.hasProblems)
    }

    @Test func `26 folders that map to one save are named in the same order each time`() {
        var fixture = Fixture.folders
        for name in ["Save", "SAVE", "save"] { fixture.stand(path("\(name)/a.bin"), "x") }
        for _ in 0..<20 {
            #expect(fixture.pairing.clashes.map(\.identity.game) == ["SAVE"])
            #expect(fixture.pairing.clashes.first?.saves.map(\.path.text) == ["SAVE", "Save", "save"])
        }
    }

    @Test func `30 each device keeps its own name for a save`() {
        for fileExtension in ["srm", "sav"] {
            var fixture = Fixture()
            fixture.add("Metroid", "x/y/x", .init(fileExtension: fileExtension))
            guard case .push(_, let target)? = fixture.plan().only?.step else {
                Issue.record("\(fixture.plan().lines)")
                return
            }
            #expect(target.path.text == "Metroid." + fileExtension)
        }
    }

    @Test func `a folder save takes everything below its folder, and files beside it are none`() throws {
        var fixture = Fixture.folders
        for file in ["ULUS1/b.bin", "ULUS1/deep/a.bin", "ULUS2/x", "loose.bin"] { fixture.stand(path(file), "x") }
        let saves = fixture.pairing.saves.map(\.save).sorted { $0.path < $1.path }
        #expect(saves.map(\.path.text) == ["ULUS1", "ULUS2"])
        #expect(saves.first?.files.map(\.path.text) == ["ULUS1/b.bin", "ULUS1/deep/a.bin"])
        // Half of a folder says nothing of the whole.
        fixture.contents[1]?.unreadable = [UnreadableFolder(path: path("ULUS1/deep"), reason: "EACCES")]
        #expect(fixture.pairing.saves.map(\.save.path.text) == ["ULUS2"])
    }

    @Test func `subfolders name platforms, and files beside them are no saves`() {
        var fixture = Fixture()
        fixture.directories = [SaveDirectory(id: 1, path: "/saves", platform: .eachSubfolder, extensions: ["srm"])]
        for file in ["gba/Metroid.srm", "SNES/sub/Zelda.srm", "Loose.srm", "gba/notes.txt"] {
            fixture.stand(path(file), "x")
        }
        let found = fixture.pairing.saves.map { "\($0.save.identity.platform) \($0.save.identity.game)" }.sorted()
        #expect(found == ["SNES Zelda", "gba Metroid"])
    }

    @Test func `every entry that is left out is named with its reason`() {
        var fixture = Fixture()
        fixture.contents[1] = .init(skipped: [
            SkippedEntry(Array("evil\n".utf8), in: nil, reason: "the name contains a control character")
        ])
        #expect(fixture.plan().lines == ["skip /saves/gba/evil\\x0a: the name contains a control character"])
        #expect(!fixture.plan().hasProblems)
    }
}
