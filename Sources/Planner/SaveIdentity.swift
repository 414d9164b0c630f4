/// What a save holds: the game's own save memory, or an emulator's snapshot.
public enum SaveKind: String, Hashable, Sendable, CaseIterable {
    case save, state
}

/// A plain file, or a folder whose files belong together.
public enum SaveShape: String, Hashable, Sendable {
    case file, folder
}

/// The save that a player means, as it is shown: whose, of which platform and game, which kind and slot.
public struct SaveIdentity: Hashable, Sendable {
    /// Whose save it is.
    public let owner: String
    /// The console or core, for example `gba`.
    public let platform: String
    /// The game, as its files are named.
    public let game: String
    /// The game's own memory, or a snapshot.
    public let kind: SaveKind
    /// Which of the game's saves.
    public let slot: String
    /// What two sides must have in common to be the same save.
    public let key: SaveKey

    /// The identity with these display names; the key is derived from them.
    public init(owner: String, platform: String, game: String, kind: SaveKind, slot: String = mainSlot) {
        self.owner = owner
        self.platform = platform
        self.game = game
        self.kind = kind
        self.slot = slot
        key = SaveKey(
            owner: owner, platform: NameFolding.platform(platform), game: NameFolding.caseFolded(game),
            kind: kind, slot: NameFolding.caseFolded(slot))
    }

    /// The slot of a save that says nothing else.
    public static let mainSlot = "main"

    /// The same game and kind in another slot.
    public func inSlot(_ slot: String) -> SaveIdentity {
        SaveIdentity(owner: owner, platform: platform, game: game, kind: kind, slot: slot)
    }
}

/// The pairing key: two files are the same save when their keys are equal.
///
/// Strings compare by canonical equivalence (Unicode UAX #15), so composed and decomposed accents are equal here.
public struct SaveKey: Hashable, Sendable {
    /// Whose save it is.
    public let owner: String
    /// The platform, folded.
    public let platform: String
    /// The game, folded.
    public let game: String
    /// The game's own memory, or a snapshot.
    public let kind: SaveKind
    /// The slot, folded.
    public let slot: String
}

extension SaveKey: Comparable {
    /// By platform, game, kind, slot, owner: the order of plans and lists.
    public static func < (a: SaveKey, b: SaveKey) -> Bool {
        if a.platform != b.platform { return a.platform < b.platform }
        if a.game != b.game { return a.game < b.game }
        if a.kind != b.kind { return a.kind.rawValue < b.kind.rawValue }
        if a.slot != b.slot { return a.slot < b.slot }
        return a.owner < b.owner
    }
}

/// How names of files and folders are made comparable.
public enum NameFolding {
    /// Folded for comparison without case. Upper case first, so that "ß" and "SS" meet.
    public static func caseFolded(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.lowercased() }
        return text.uppercased().lowercased()
    }

    /// A platform's or core's folder name without case, spaces, `_` and `-`:
    /// "Genesis Plus GX" and "genesis_plus_gx" are one.
    public static func platform(_ text: String) -> String {
        let folded = caseFolded(text).filter { $0 != " " && $0 != "_" && $0 != "-" }
        return folded.isEmpty ? caseFolded(text) : folded
    }
}
