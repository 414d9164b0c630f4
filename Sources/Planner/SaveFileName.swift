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

    /// The parts of `name`, or nil when it ends in none of `extensions` (lower case, without the dot).
    public init?(_ name: String, kind: SaveKind, extensions: [String]) {
        let lowered = name.lowercased()
        guard
            let match = extensions.filter({ lowered.hasSuffix("." + $0) && lowered.utf8.count > $0.utf8.count + 1 })
                .max(by: { $0.utf8.count < $1.utf8.count })
        else { return nil }
        // Counted in characters: lower-casing keeps their number for every extension in use.
        let stem = name.dropLast(match.count + 1)
        guard !stem.isEmpty else { return nil }
        game = String(SaveFileName.withoutROMExtension(stem))
        slot = SaveFileName.slot(forExtension: match, kind: kind)
        fileExtension = String(name.suffix(match.count))
    }

    /// The file name for a save in `slot` on a device whose directory takes `extensions`, or nil when none of them
    /// can hold that slot, or no name would be read back as this game. `preferred` is the extension the save has
    /// elsewhere.
    public static func make(
        game: String, kind: SaveKind, slot: String, preferred: String?, extensions: [String]
    ) -> String? {
        let fitting = extensions.filter { NameFolding.caseFolded(self.slot(forExtension: $0, kind: kind)) == slot }
        let ordered = [preferred].compactMap(\.self).filter { fitting.contains($0.lowercased()) } + fitting
        // A game whose own name ends like a ROM's would be read back as another game.
        return ordered.map { game + "." + $0 }
            .first { SaveFileName($0, kind: kind, extensions: extensions)?.game == game }
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
        case .save:
            ["srm", "sav", "dsv", "mcr", "mcd", "nv", "gci"] + companionExtensions
        case .state:
            ["state", "state.auto", "auto"] + (0...9).map { "state\($0)" } + (0...9).map { "st\($0)" }
        }
    }

    /// Whether `slot`, folded, is that of a file which stands beside a game's main save.
    static func isCompanion(slot: String) -> Bool { companionExtensions.contains(slot) }

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
