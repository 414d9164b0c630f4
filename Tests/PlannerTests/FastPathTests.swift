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
    func `a file under a settled stamp is what its row describes`(seed: Int) {
        var names = RandomNames(seed: seed)
        let identity = SaveIdentity(owner: "anna", platform: "gba", game: "Metroid", kind: .save)
        var found = 0
        for _ in 0..<2_000 {
            func file() -> ListedFile {
                ListedFile(path: path(["a", "b/a"].randomElement(using: &names.random) ?? "a"), stamp: stamp())
            }
            func stamp() -> Stamp { Stamp(size: 1, modified: Int64.random(in: 1...2, using: &names.random)) }
            let listed = (0..<Int.random(in: 1...2, using: &names.random)).map { _ in file() }
            let known = (0..<Int.random(in: 0...2, using: &names.random)).map { _ in file() }
            let settled = Bool.random(using: &names.random)
            let state: StampState = settled ? .settled : .unsettled(firstListed: Moment(boot: "b", nanoseconds: 1))
            let baseline = Baseline(
                saveID: 1, directory: [1, 2, nil].randomElement(using: &names.random) ?? nil,
                path: known.first?.path ?? path("a"), shape: .file, agreement: .content(digest("x")),
                entries: known.map { EntryBaseline(path: $0.path, stamp: $0.stamp, state: state) },
                isGone: Int.random(in: 0...4, using: &names.random) == 0)
            let save = DeviceSave(
                identity: identity, directory: 1, path: listed[0].path, shape: .file, files: listed)
            guard SettledFile(baseline)?.describes(save) == true else { continue }
            found += 1
            #expect(baseline.stillDescribes(save))
        }
        #expect(found > 0)
    }

    @Test(arguments: seeds)
    func `a table of saves finds what a dictionary finds`(seed: Int) {
        var names = RandomNames(seed: seed)
        var positions: [SaveKey: Int] = [:]
        var keys = KeyPositions(capacity: 0)
        for _ in 0..<500 {
            let key = SaveIdentity(owner: "anna", platform: "gba", game: names.name(), kind: .save).key
            #expect(keys.position(of: key) == positions[key])
            #expect(keys.add(key) == positions[key])
            if positions[key] == nil { positions[key] = positions.count }
        }
        #expect(keys.keys.count == positions.count)
        var table = SaveTable(Array(0..<positions.count), under: keys)
        for (key, position) in positions.sorted(by: { $0.value < $1.value }) {
            #expect(table[key] == position)
            if position % 3 == 0 { table[key] = nil } else { table[key] = -position }
        }
        for (key, position) in positions { #expect(table[key] == (position % 3 == 0 ? nil : -position)) }
        #expect(table.count == positions.values.count { $0 % 3 != 0 })
        for (key, position) in positions where position % 3 == 0 { table[key] = position }
        #expect(table.count == positions.count)
        for (key, position) in positions where position % 3 == 0 { #expect(table[key] == position) }
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
            "rtc", "state.auto",
        ]
        return Array(odd.shuffled(using: &random).prefix(Int.random(in: 0...5, using: &random)))
    }

    mutating func fileName(_ extensions: [String]) -> String {
        let fileExtension = extensions.randomElement(using: &random) ?? "srm"
        let ending = [fileExtension, fileExtension.uppercased(), fileExtension.capitalized, name()]
        return name() + "." + (ending.randomElement(using: &random) ?? "")
    }
}

extension String {
    fileprivate var capitalized: String { prefix(1).uppercased() + dropFirst() }
}
