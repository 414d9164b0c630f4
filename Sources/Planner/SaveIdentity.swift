/// What a save holds: the game's own save memory, or an emulator's snapshot.
public enum SaveKind: String, Hashable, Sendable, CaseIterable {
    case save, state
}

/// A plain file, or a folder whose files belong together.
public enum SaveShape: String, Hashable, Sendable {
    case file, folder
}

/// The save that a player means, as it is shown: whose, of which platform and game, which kind and slot.
///
/// Its parts are shared between copies, because plans hold and sort many thousands of them.
public struct SaveIdentity: Hashable, Sendable {
    private let parts: Parts

    private final class Parts: Sendable {
        let owner: String
        let platform: String
        let game: String
        let kind: SaveKind
        let slot: String
        let key: SaveKey

        init(_ owner: String, _ platform: String, _ game: String, _ kind: SaveKind, _ slot: String) {
            self.owner = owner
            self.platform = platform
            self.game = game
            self.kind = kind
            self.slot = slot
            key = SaveKey(
                owner: owner, platform: NameFolding.platform(platform), game: NameFolding.caseFolded(game), kind: kind,
                slot: NameFolding.caseFolded(slot))
        }
    }

    /// The identity with these display names; the key is derived from them.
    public init(owner: String, platform: String, game: String, kind: SaveKind, slot: String = mainSlot) {
        parts = Parts(owner, platform, game, kind, slot)
    }

    /// Whose save it is.
    public var owner: String { parts.owner }
    /// The console or core, for example `gba`.
    public var platform: String { parts.platform }
    /// The game, as its files are named.
    public var game: String { parts.game }
    /// The game's own memory, or a snapshot.
    public var kind: SaveKind { parts.kind }
    /// Which of the game's saves.
    public var slot: String { parts.slot }
    /// What two sides must have in common to be the same save.
    public var key: SaveKey { parts.key }

    /// The slot of a save that says nothing else.
    public static let mainSlot = "main"

    /// The same game and kind in another slot.
    public func inSlot(_ slot: String) -> SaveIdentity {
        SaveIdentity(owner: owner, platform: platform, game: game, kind: kind, slot: slot)
    }

    /// True when all names are the same, not only the key.
    public static func == (a: SaveIdentity, b: SaveIdentity) -> Bool {
        a.parts === b.parts
            || a.key == b.key && a.platform == b.platform && a.game == b.game && a.slot == b.slot
    }

    /// Over the key, which equal identities share.
    public func hash(into hasher: inout Hasher) { hasher.combine(key) }
}

/// The pairing key: two files are the same save when their keys are equal.
///
/// Strings compare by canonical equivalence (Unicode UAX #15), so composed and decomposed accents are equal here.
public struct SaveKey: Hashable, Sendable {
    private let parts: Parts

    private final class Parts: Sendable {
        let owner: String
        let platform: String
        let game: String
        let kind: SaveKind
        let slot: String
        let hash: Int

        init(_ owner: String, _ platform: String, _ game: String, _ kind: SaveKind, _ slot: String) {
            self.owner = owner
            self.platform = platform
            self.game = game
            self.kind = kind
            self.slot = slot
            var hasher = Hasher()
            hasher.combine(platform)
            hasher.combine(game)
            hasher.combine(slot)
            hash = hasher.finalize()
        }
    }

    /// The key of these names, which are folded already.
    init(owner: String, platform: String, game: String, kind: SaveKind, slot: String) {
        parts = Parts(owner, platform, game, kind, slot)
    }

    /// Whose save it is.
    public var owner: String { parts.owner }
    /// The platform, folded.
    public var platform: String { parts.platform }
    /// The game, folded.
    public var game: String { parts.game }
    /// The game's own memory, or a snapshot.
    public var kind: SaveKind { parts.kind }
    /// The slot, folded.
    public var slot: String { parts.slot }

    /// True when every part is the same.
    public static func == (a: SaveKey, b: SaveKey) -> Bool {
        a.parts === b.parts
            || a.parts.hash == b.parts.hash && a.game == b.game && a.platform == b.platform && a.kind == b.kind
                && a.slot == b.slot && a.owner == b.owner
    }

    /// Computed once, when the key was made.
    public func hash(into hasher: inout Hasher) { hasher.combine(parts.hash) }
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
