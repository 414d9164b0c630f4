import Planner
import Testing

/// How names are read, folded, refused and shown.
@Suite struct NamingTests {
    struct Name: CustomTestStringConvertible, Sendable {
        let name: String
        var kind = SaveKind.save
        var extensions: [String]?
        /// Game, slot and extension, or nil for a file that is no save.
        let parts: [String]?
        var testDescription: String { "\(name): \(parts?.joined(separator: ", ") ?? "no save")" }
    }

    static let names: [Name] = [
        Name(name: "Metroid.srm", parts: ["Metroid", "main", "srm"]),
        Name(name: "Metroid.SRM", parts: ["Metroid", "main", "SRM"]),
        Name(name: "Metroid.sav", parts: ["Metroid", "main", "sav"]),
        Name(name: "Metroid.gba.sav", parts: ["Metroid", "main", "sav"]),
        Name(name: "Metroid.GBA.srm", parts: ["Metroid", "main", "srm"]),
        Name(name: "Metroid.rtc", parts: ["Metroid", "rtc", "rtc"]),
        Name(name: "xyz 3.0.srm", parts: ["xyz 3.0", "main", "srm"]),
        Name(name: "Dr. Mario (World) [!].srm", parts: ["Dr. Mario (World) [!]", "main", "srm"]),
        Name(name: "Ball.sav", extensions: ["sav", "all.sav"], parts: ["Ball", "main", "sav"]),
        Name(name: "Metroid.zip.srm", parts: ["Metroid", "main", "srm"]),
        Name(name: "Zelda.min.srm", extensions: ["srm", "min.srm"], parts: ["Zelda", "main", "min.srm"]),
        Name(name: ".srm", parts: nil),
        Name(name: "srm", parts: nil),
        Name(name: "Metroid.txt", parts: nil),
        Name(name: "Metroid.srm.bak", parts: nil),
        Name(name: "Metroid.state", kind: .state, parts: ["Metroid", "main", "state"]),
        Name(name: "Metroid.state3", kind: .state, parts: ["Metroid", "state3", "state3"]),
        Name(name: "Metroid.state.auto", kind: .state, parts: ["Metroid", "state.auto", "state.auto"]),
        Name(name: "Metroid.srm", kind: .state, parts: nil),
        Name(name: "Metroid.State10", kind: .state, parts: ["Metroid", "state10", "State10"]),
        Name(name: "Metroid.gba.state999", kind: .state, parts: ["Metroid", "state999", "state999"]),
        Name(name: "Metroid 2.st12", kind: .state, parts: ["Metroid 2", "st12", "st12"]),
        Name(name: "Pok\u{e9}mon.state10", kind: .state, parts: ["Pok\u{e9}mon", "state10", "state10"]),
        Name(name: "Metroid.state1a", kind: .state, parts: nil),
        Name(name: "Metroid.state10.png", kind: .state, parts: nil),
        Name(name: "Metroid.st", kind: .state, parts: nil),
        Name(name: ".state10", kind: .state, parts: nil),
        Name(name: "Metroid.state10", kind: .state, extensions: ["state", "state1"], parts: nil),
    ]

    @Test(arguments: names)
    func `a file's name tells game and slot`(row: Name) {
        let extensions = row.extensions ?? SaveFileName.defaultExtensions(for: row.kind)
        let name = SaveFileName(row.name, kind: row.kind, extensions: extensions)
        #expect(name.map { [$0.game, $0.slot, $0.fileExtension] } == row.parts)
    }

    static let folded: [(String, String, Bool)] = [
        ("Metroid", "METROID", true), ("Pok\u{e9}mon", "POKE\u{301}MON", true), ("Stra\u{df}e", "STRASSE", true),
        ("\u{3a3}\u{3c3}\u{3c2}", "\u{3c3}\u{3c3}\u{3c3}", true), ("Metroid", "Metroid 2", false),
        ("Metroid_2", "Metroid 2", false), ("a", "\u{e4}", false),
    ]

    @Test(arguments: folded)
    func `games meet without case and in either Unicode form`(one: String, other: String, areOne: Bool) {
        let keys = [one, other].map { SaveIdentity(owner: "anna", platform: "gba", game: $0, kind: .save).key }
        #expect((keys[0] == keys[1]) == areOne)
        #expect((Set(keys).count == 1) == areOne)
    }

    static let platforms: [(String, String, Bool)] = [
        ("Genesis Plus GX", "genesis_plus_gx", true), ("mGBA", "m-gba", true), ("gba", "gbc", false),
        ("- _", "_ -", false), ("PS\u{df}", "PSSS", true),
    ]

    @Test(arguments: platforms)
    func `platforms meet without case, spaces and dashes`(one: String, other: String, areOne: Bool) {
        #expect((NameFolding.platform(one) == NameFolding.platform(other)) == areOne)
        #expect(!NameFolding.platform(one).isEmpty)
    }

    static let hostile: [(String, [UInt8], NameProblem)] = [
        ("27 a newline", Array("a\nb".utf8), .controlCharacter),
        ("27 an escape", Array("\u{1b}[2J".utf8), .controlCharacter),
        ("27 DEL", [0x7f], .controlCharacter), ("27 a C1 control", Array("\u{9b}".utf8), .controlCharacter),
        ("27 Latin-1", [0x50, 0xe9], .notUTF8), ("27 overlong UTF-8", [0xc0, 0xaf], .notUTF8),
        ("27 a surrogate", [0xed, 0xa0, 0x80], .notUTF8), ("28 dots", Array("..".utf8), .dot),
        ("28 a dot", Array(".".utf8), .dot),
        ("28 a slash", Array("../x".utf8), .slash), ("28 NUL", [0x61, 0], .nul), ("28 nothing", [], .empty),
    ]

    @Test(arguments: hostile)
    func `hostile names are refused`(name: String, bytes: [UInt8], problem: NameProblem) {
        #expect(throws: problem, "\(name)") { try FileName.parse(bytes) }
    }

    @Test(arguments: [
        "...", "a..b", " leading", "trailing ", "Poke\u{301}mon.srm", "\u{1f3ae}.srm", "a\\b", "-rf", "\u{202e}gpj.srm",
    ])
    func `27 odd names are carried byte for byte`(name: String) throws {
        #expect(Array(try FileName.parse(Array(name.utf8)).utf8) == Array(name.utf8))
    }

    static let shown: [([UInt8], String)] = [
        (Array("a\nb".utf8), "a\\x0ab"), (Array("\u{1b}[2J".utf8), "\\x1b[2J"),
        (Array("Pok\u{e9}mon".utf8), "Pok\u{e9}mon"),
        ([0x50, 0xe9], "P\\xe9"), (Array("\u{202e}x".utf8), "\\u{202e}x"), (Array("\u{2028}".utf8), "\\u{2028}"),
    ]

    @Test(arguments: shown)
    func `27 names are shown without control characters`(bytes: [UInt8], text: String) {
        #expect(FileName.escaped(bytes) == text)
    }

    @Test(arguments: ["", "/", "/etc", "a//b", "a/", "../a", "a/../b", "a/./b", "a\u{0}b", "a\nb"])
    func `28 a path that could lead elsewhere is none`(text: String) {
        #expect(RelativePath(text) == nil)
    }

    @Test func `paths are compared by bytes, and know what is below them`() throws {
        #expect(path("Pok\u{e9}mon") != path("Poke\u{301}mon"))
        #expect(Set([path("Pok\u{e9}mon"), path("Poke\u{301}mon")]).count == 2)
        #expect(path("a/b/c").name == "c" && path("a/b/c").parent == path("a/b") && path("a").parent == nil)
        #expect(path("a/b").isBelow(path("a")) && !path("ab").isBelow(path("a")) && !path("a").isBelow(path("a")))
        #expect(path("a/b/c").relative(to: path("a"))?.text == "b/c" && path("ab/c").relative(to: path("a")) == nil)
        #expect(throws: NameProblem.slash) { try RelativePath("../b".utf8, in: path("a")) }
        #expect([path("b"), path("a/z"), path("a"), path("a.b")].sorted().map(\.text) == ["a", "a.b", "a/z", "b"])
    }
}
