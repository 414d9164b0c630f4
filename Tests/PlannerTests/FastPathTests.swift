import TestSupport
import Testing

@testable import Planner

/// What the planner does quickly for the common case says the same as the general way, for names made at random.
@Suite struct FastPathTests {
    private static let seeds = 1...20

    @Test(arguments: seeds)
    func `a directory's reader tells of a name what the name tells itself`(seed: Int) {
        var names = RandomNames(seed: seed)
        for _ in 0..<500 {
            let kind = SaveKind.allCases.randomElement(using: &names.random) ?? .save
            let extensions = names.extensions(for: kind)
            let name = names.fileName(extensions)
            let read = SaveNameReader(kind: kind, extensions: extensions).read(name[...])
            let told = SaveFileName(name, kind: kind, extensions: extensions)
            #expect(read.map { Array($0.game.utf8) } == told.map { Array($0.game.utf8) }, "\(name), \(extensions)")
            #expect(read.map { String($0.fileExtension) } == told?.fileExtension, "\(name), \(extensions)")
            #expect(read?.slot.text == told?.slot, "\(name), \(extensions)")
            #expect(read?.slot.folded == told.map { NameFolding.caseFolded($0.slot) })
        }
    }

    @Test(arguments: seeds)
    func `names are folded as all of Unicode is`(seed: Int) {
        var names = RandomNames(seed: seed)
        for _ in 0..<500 {
            let name = names.name()
            let folded = name.uppercased().lowercased()
            #expect(NameFolding.caseFolded(name) == folded)
            let word = folded.filter { $0 != " " && $0 != "_" && $0 != "-" }
            #expect(NameFolding.platform(name) == (word.isEmpty ? folded : word))
        }
    }

    @Test(arguments: seeds)
    func `the start of a name never says another order than the name`(seed: Int) {
        var names = RandomNames(seed: seed)
        var told = 0
        for _ in 0..<500 {
            let (one, other) = (names.name(), names.name())
            guard let start = SortedStart(one), let end = SortedStart(other), start != end else { continue }
            told += 1
            #expect((start < end) == (one < other), "\(one), \(other)")
        }
        #expect(told > 50)
    }

    @Test(arguments: seeds)
    func `texts have the same bytes when their bytes are the same`(seed: Int) {
        var names = RandomNames(seed: seed)
        for _ in 0..<500 {
            let (one, other) = (names.name(), names.name())
            #expect(one.hasSameBytes(as: other) == (Array(one.utf8) == Array(other.utf8)))
            #expect(one.hasSameBytes(as: String(decoding: Array(one.utf8), as: UTF8.self)))
        }
        // Equal to Swift and of the same length, yet not the same.
        #expect("\u{212b}" == "A\u{30a}" && !"\u{212b}".hasSameBytes(as: "A\u{30a}"))
    }

    @Test(arguments: seeds)
    func `files that are in step at first sight are so by names and contents`(seed: Int) {
        var names = RandomNames(seed: seed)
        var found = 0
        for _ in 0..<100 {
            let fixture = names.fixture()
            // Without settings to read the names by, nothing can be told beforehand.
            let scope = SyncScopeIndex(
                owner: "anna", saves: fixture.servers, baselines: fixture.baselines, directories: [])
            let slow = Pairing(listings: fixture.listings, scope: scope)
            let quick = fixture.pairing
            found += slow.saves.count - quick.saves.count
            #expect(quick.count == slow.count && quick.clashes == slow.clashes)
            #expect(
                survey(quick, deletions: fixture.deletionPolicy) == survey(slow, deletions: fixture.deletionPolicy))
            let plan = fixture.plan(of: quick)
            #expect(plan == fixture.plan(of: slow), "\(plan.lines)")
        }
        #expect(found > 50)
    }

    @Test(arguments: seeds)
    func `positions of keys are those that a dictionary finds`(seed: Int) {
        var names = RandomNames(seed: seed)
        var positions: [SaveKey: Int] = [:]
        var keys = KeyPositions<SaveKey>(capacity: 0)
        for _ in 0..<500 {
            let key = SaveIdentity(owner: "anna", platform: "gba", game: names.name(), kind: .save).key
            #expect(keys.position(of: key) == positions[key])
            #expect(keys.add(key) == positions[key])
            if positions[key] == nil { positions[key] = positions.count }
        }
        #expect(keys.keys.count == positions.count)
    }
}

/// Names out of few parts, so that they often begin alike, end alike and are equal in another form.
private struct RandomNames {
    var random: SplitMix64

    init(seed: Int) { random = SplitMix64(seed: UInt64(seed)) }

    private static let parts = [
        "Metroid", "METROID", "a", "B", "Z", "3", " ", "-", "_", ".", "~", "gba", ".zip", ".GB", "srm", ".srm", "(USA)",
        "\u{e9}", "e\u{301}", "\u{301}", "\u{df}", "SS", "\u{212a}", "k", "\u{37e}", ";", "\u{131}", "I", "\u{130}",
        "i",
        "\u{65e5}\u{672c}", "\u{1f3ae}", "\r\n", "\u{7f}", "\u{1}", "\u{3a3}", "\u{3c2}", "Longer Than Sixteen ",
    ]

    /// Mostly plain ASCII.
    mutating func name() -> String {
        let parts = Bool.random(using: &random) ? RandomNames.parts[..<17] : RandomNames.parts[...]
        return (0..<Int.random(in: 0...4, using: &random)).map { _ in parts.randomElement(using: &random) ?? "" }
            .joined()
    }

    mutating func extensions(for kind: SaveKind) -> [String] {
        if Bool.random(using: &random) { return SaveFileName.defaultExtensions(for: kind) }
        let odd = [
            "srm", "sav", "min.srm", "gb", "", "SRM", "zip.srm", "\u{e9}", "k", ";", "fourteen letter",
            "sixteen letters.srm",
            "rtc", "state.auto", "state1", "state#", "st#", "#", "b\u{e9}#",
        ]
        return Array(odd.shuffled(using: &random).prefix(Int.random(in: 0...5, using: &random)))
    }

    /// A device and a server that mostly agree, about few and similar names.
    mutating func fixture() -> Fixture {
        var fixture = Fixture()
        fixture.directories = [
            SaveDirectory(id: 1, path: "/saves/gba", platform: .named("gba"), extensions: ["srm", "sav", "rtc"]),
            SaveDirectory(id: 2, path: "/saves/cores", platform: .eachSubfolder, extensions: ["srm", "sav"]),
        ]
        fixture.deletionPolicy = Bool.random(using: &random) ? .hold : .propagate
        var taken: Set<SaveKey> = []
        for _ in 0..<20 {
            let isDivided = Bool.random(using: &random)
            let platform = isDivided ? ["gba", "GBA", "G B A"].randomElement(using: &random) ?? "" : "gba"
            let game = name()
            let save = Fixture.Save(
                fileExtension: Bool.random(using: &random) ? "srm" : "SAV", directory: isDivided ? 2 : 1,
                platform: platform, prefix: isDivided ? platform + "/" : "",
                isUntracked: Int.random(in: 0...9, using: &random) == 0,
                isGone: Int.random(in: 0...9, using: &random) == 0)
            guard RelativePath(save.prefix + game + "." + save.fileExtension) != nil,
                taken.insert(SaveIdentity(owner: "anna", platform: platform, game: game, kind: .save).key).inserted
            else { continue }
            let sides = ["x/x/x", "x/x/x", "x/x/x", "x/y/x", "y/x/x", "x/deleted/x", "x/-/x", "-/x/x", "x/-/-"]
            fixture.add(game, sides.randomElement(using: &random) ?? "x/x/x", save)
            // The same save a second time, or one that looks like it.
            if Int.random(in: 0...9, using: &random) == 0, let rival = RelativePath(save.prefix + game + ".srm"),
                save.fileExtension != "srm"
            {
                fixture.stand(rival, "x", in: save.directory)
            }
        }
        return fixture
    }

    mutating func fileName(_ extensions: [String]) -> String {
        let fileExtension = extensions.randomElement(using: &random) ?? "srm"
        let numbered = fileExtension.replacing("#", with: "\(Int.random(in: 0...120, using: &random))")
        let ending = [numbered, numbered.uppercased(), numbered.capitalized, name()]
        return name() + "." + (ending.randomElement(using: &random) ?? "")
    }
}

extension String {
    fileprivate var capitalized: String { prefix(1).uppercased() + dropFirst() }
}
