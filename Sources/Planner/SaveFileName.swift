/// Reads game and slot off a save's file name, and makes the name a save gets on a device that has none yet.
///
/// `Metroid.srm`, `Metroid.sav` and `Metroid.gba.sav` are the game "Metroid" in slot "main"; `Metroid.rtc` is the
/// cartridge's clock beside it, in a slot of its own, so that the two never compete; `Metroid.state3` is slot "state3".
public struct SaveFileName: Hashable, Sendable {
    /// The name without the save extension and without a known ROM extension before it.
    public let game: String
    /// "main", or the extension where one game has several files of different meaning.
    public let slot: String
    /// The save extension as the file has it, without the leading dot.
    public let fileExtension: String

    /// The parts of `name`, or nil when it ends in none of `extensions`: lower case, without the dot, and with `#` at the
    /// end for any number, so that `state#` is `state0`, `state1`, `state10` and so on.
    public init?(_ name: String, kind: SaveKind, extensions: [String]) {
        guard let parts = SaveFileName.parts(of: name[...], extensions: extensions) else { return nil }
        game = String(parts.game)
        slot = SaveFileName.slot(forExtension: parts.fileExtension.lowercased(), kind: kind)
        fileExtension = String(parts.fileExtension)
    }

    /// Game and save extension as they stand in `name`, see ``init(_:kind:extensions:)``.
    static func parts(of name: Substring, extensions: [String]) -> (game: Substring, fileExtension: Substring)? {
        let lowered = name.lowercased()
        let digits = lowered.utf8.reversed().prefix(while: \.isDigit).count
        let unnumbered = Substring(lowered.utf8.dropLast(digits))
        // Counted in characters: lower-casing keeps their number for every extension in use.
        let lengths = extensions.compactMap { text -> Int? in
            guard let word = SaveFileName.numbered(text) else {
                return lowered.hasSuffix("." + text) ? text.count : nil
            }
            return digits > 0 && unnumbered.hasSuffix("." + word) ? word.count + digits : nil
        }
        guard let length = lengths.filter({ $0 + 1 < name.count }).max() else { return nil }
        return (SaveFileName.withoutROMExtension(name.dropLast(length + 1)), name.suffix(length))
    }

    /// What stands before the number in an extension such as `state#`, or nil for one without a number.
    static func numbered(_ text: String) -> Substring? { text.hasSuffix("#") ? text.dropLast() : nil }

    /// The save extensions of `extensions` whose files are in `slot` (folded), in the same order.
    static func extensions(for slot: String, kind: SaveKind, among extensions: [String]) -> [String] {
        extensions.compactMap { text in
            guard numbered(text) != nil else {
                return NameFolding.caseFolded(self.slot(forExtension: text, kind: kind)) == slot ? text : nil
            }
            // A slot of numbered files has their extension's name.
            let isNumber = kind == .state && parts(of: "x.\(slot)", extensions: [text]) != nil
            return isNumber ? slot : nil
        }
    }

    /// The file name for a save in `slot` (folded) on a device whose directory takes `extensions`, or nil when none of them
    /// can hold that slot, or no name would be read back as this game. `preferred` says what is tried first after the
    /// game's name and a dot: an extension, or a ROM's and an extension.
    public static func make(
        game: String, kind: SaveKind, slot: String, preferred: [String], extensions: [String]
    ) -> String? {
        let fitting = self.extensions(for: slot, kind: kind, among: extensions)
        // A game whose own name ends like a ROM's would be read back as another game.
        return (preferred + fitting).map { "\(game).\($0)" }.first { name in
            guard let read = SaveFileName(name, kind: kind, extensions: extensions) else { return false }
            return read.game == game && NameFolding.caseFolded(read.slot) == slot
        }
    }

    static func slot(forExtension fileExtension: String, kind: SaveKind) -> String {
        switch kind {
        case .save: companionExtensions.contains(fileExtension) ? fileExtension : SaveIdentity.mainSlot
        case .state: fileExtension == "state" ? SaveIdentity.mainSlot : fileExtension
        }
    }

    static func withoutROMExtension(_ stem: Substring) -> Substring {
        // Looked for as a byte first, which is quicker and finds none where there is none.
        guard !stem.eachByte({ $0 != UInt8(ascii: ".") }), let dot = stem.lastIndex(of: "."), dot != stem.startIndex,
            romExtensions.contains(stem[stem.index(after: dot)...].lowercased())
        else { return stem }
        return stem[..<dot]
    }

    /// Extensions that are looked for when a directory names none.
    public static func defaultExtensions(for kind: SaveKind) -> [String] {
        switch kind {
        case .save: ["srm", "sav", "dsv", "mcr", "mcd", "nv", "gci"] + companionExtensions
        case .state: ["state", "state.auto", "auto", "state#", "st#"]
        }
    }

    /// Whether `slot`, folded, is that of a file which stands beside a game's main save.
    static func isCompanion(slot: String) -> Bool { companionExtensions.contains(slot) }

    /// The extensions as they are meant today: the list that stood for all states, and left out those after the ninth,
    /// was stored for directories that name none.
    public static func current(_ stored: [String], for kind: SaveKind) -> [String] {
        let listed =
            ["state", "state.auto", "auto"] + (0...9).map { "state\($0)" } + (0...9).map { "st\($0)" }
        return kind == .state && stored == listed ? defaultExtensions(for: kind) : stored
    }

    /// Files that stand beside a game's main save and mean something else: clocks, memory paks, backup cartridges.
    private static let companionExtensions = [
        "rtc", "eep", "sra", "fla", "mpk", "brm", "bkr", "bcr", "smpc",
    ]

    /// What ROM files end in on the systems that append the save extension to the whole ROM name.
    private static let romExtensions: Set<String> = [
        "gb", "gbc", "gba", "nes", "fds", "sfc", "smc", "md", "gen", "smd", "sms", "gg", "sg", "32x", "n64", "z64",
        "v64", "nds", "pce", "sgx", "ngp", "ngc", "ws", "wsc", "lnx", "a26", "a52", "a78", "col", "int", "vb", "min",
        "iso", "cue", "chd", "pbp", "bin", "img", "cso", "zip", "7z",
    ]
}

extension UInt8 {
    /// Whether this is an ASCII digit.
    var isDigit: Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= self }
}
