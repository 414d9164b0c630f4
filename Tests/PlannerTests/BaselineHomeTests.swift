import Planner
import Testing

/// Which directory has the place of a row whose directory is another row now.
@Suite struct BaselineHomeTests {
    /// A row of no directory for `path`, and the server's side.
    static func strays(
        _ count: Int, in directories: [SaveDirectory], at place: String = "Game 0.srm"
    ) -> Fixture {
        var fixture = Fixture()
        fixture.directories = directories
        for number in 0..<count {
            let name = "Game \(number)"
            fixture.add(
                server: ServerSave(
                    id: Int64(number + 1),
                    identity: SaveIdentity(owner: "anna", platform: "gba", game: name, kind: .save),
                    content: .version(
                        ServerVersion(
                            id: 1, digest: digest("y"), shape: .file, size: 100, isBlank: false,
                            originalName: "\(name).srm", modified: 0))))
            let path = path(count == 1 ? place : "\(name).srm")
            fixture.add(
                Baseline(
                    saveID: Int64(number + 1), directory: nil, path: path, shape: .file,
                    agreement: .content(digest(count == 1 ? "x" : "y")),
                    entries: [
                        EntryBaseline(
                            path: path, stamp: Stamp(size: 100, modified: Fixture.deviceTime), state: .settled)
                    ]))
        }
        return fixture
    }

    static func directory(
        _ id: Int64, _ platform: SaveDirectory.PlatformRule = .named("gba"), kind: SaveKind = .save,
        layout: SaveDirectory.Layout = .files, extensions: [String]? = nil
    ) -> SaveDirectory {
        SaveDirectory(
            id: id, path: "/d\(id)", platform: platform, kind: kind, layout: layout, extensions: extensions)
    }

    static let homes: [(String, [SaveDirectory], from: String, to: String?)] = [
        ("the same path again", [directory(7)], "Game 0.srm", "/d7/Game 0.srm"),
        ("its folder is kept", [directory(7)], "sub/Game 0.srm", "/d7/sub/Game 0.srm"),
        ("by platform", [directory(6, .named("snes")), directory(7)], "Game 0.srm", "/d7/Game 0.srm"),
        ("by kind", [directory(6, kind: .state), directory(7)], "Game 0.srm", "/d7/Game 0.srm"),
        ("by layout", [directory(6, layout: .folders), directory(7)], "Game 0.srm", "/d7/Game 0.srm"),
        ("into the platform's folder", [directory(7, .eachSubfolder)], "Game 0.srm", "/d7/GBA/Game 0.srm"),
        ("out of the platform's folder", [directory(7)], "gba/Game 0.srm", "/d7/Game 0.srm"),
        ("under another extension", [directory(7, extensions: ["sav"])], "Game 0.srm", "/d7/Game 0.sav"),
        ("no directory of its platform", [directory(7, .named("snes"))], "Game 0.srm", nil),
    ]

    @Test(arguments: homes)
    func `a save that changed on the server goes to the directory that has its place now`(
        name: String, directories: [SaveDirectory], from: String, to: String?
    ) {
        var fixture = Self.strays(1, in: directories, at: from)
        fixture.contents[7] = .init(folders: [path("GBA")])
        let plan = fixture.plan()
        #expect(plan.operations.map(\.remotePath) == [to].compactMap(\.self), "\(name): \(plan.lines)")
        #expect(plan.operations.allSatisfy { $0.action == .push }, "\(name): \(plan.lines)")
    }

    @Test func `what an empty new folder lacks is told, and can be put back`() {
        let fixture = Self.strays(12, in: [Self.directory(7)])
        let plan = fixture.plan()
        #expect(plan.halts.map(\.valve) == [.directoryEmptied] && plan.count(.push) == 0)
        #expect(fixture.plan(puttingBack: PutBack()).count(.push) == 12)
    }

    @Test func `a file under the old name and stamp in another folder is read before it counts as unchanged`() {
        var fixture = Self.strays(1, in: [Self.directory(7)])
        fixture.stand(path("Game 0.srm"), "x", in: 7)
        #expect(fixture.surveyed.count == 1)
        #expect(fixture.plan().lines == ["push Game 0: changed on server"])
    }

    // MARK: A directory in another

    @Test(arguments: [
        ("/saves", "/saves/gba", "gba"), ("/saves/", "/saves//x/./gba/", "x/gba"), ("~/s", "s/gba", "gba"),
        ("~", "~/a/b", "a/b"), ("/", "/a", "a"),
    ]) func `a directory that lies in another is found however it is written`(
        outer: String, inner: String, place: String
    ) {
        let outer = SaveDirectory(id: 1, path: outer, platform: .eachSubfolder)
        let inner = SaveDirectory(id: 2, path: inner, platform: .named("gba"))
        #expect(InnerDirectories([outer, inner]).paths(in: 1) == [path(place)])
        #expect(InnerDirectories([outer, inner]).paths(in: 2).isEmpty)
        let states = SaveDirectory(id: 2, path: inner.path, platform: .named("gba"), kind: .state)
        let folders = SaveDirectory(id: 2, path: inner.path, platform: .named("gba"), layout: .folders)
        for other in [states, folders] { #expect(InnerDirectories([outer, other]).paths(in: 1).isEmpty) }
    }

    @Test(arguments: ["/saves2/gba", "/save", "saves/gba", "/saves/../gba", "/saves"])
    func `a directory that lies elsewhere is not in it`(other: String) {
        let all = [
            SaveDirectory(id: 1, path: "/saves", platform: .named("gba")),
            SaveDirectory(id: 2, path: other, platform: .named("gba")),
        ]
        #expect(InnerDirectories(all).paths(in: 1).isEmpty && InnerDirectories(all).paths(in: 2).isEmpty)
    }

    @Test func `rows of the outer directory follow their files into the inner one`() {
        var fixture = Fixture()
        fixture.directories = [
            SaveDirectory(id: 1, path: "/saves", platform: .named("gba")),
            SaveDirectory(id: 2, path: "/saves/hacks", platform: .named("gba")),
            SaveDirectory(id: 3, path: "/saves/snes", platform: .named("snes")),
        ]
        fixture.add("Metroid", "-/y/x", .init(prefix: "hacks/"))
        // Taken for a save of this platform when there was no directory for the other one.
        fixture.add("Chrono", "-/x/x", .init(prefix: "snes/"))
        let plan = fixture.plan()
        #expect(plan.operations.filter { $0.action == .push }.map(\.remotePath) == ["/saves/hacks/Metroid.srm"])
        #expect(plan.halts.isEmpty)
    }
}
