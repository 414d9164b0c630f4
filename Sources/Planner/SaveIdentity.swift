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
/// Its names are shared between copies, because plans hold and sort many thousands of them.
public struct SaveIdentity: Hashable, Sendable {
    private let names: SaveNames

    /// The identity with these display names; the key is derived from them.
    public init(owner: String, platform: String, game: String, kind: SaveKind, slot: String = mainSlot) {
        self.init(
            owner: owner, platform: .platform(platform), game: game, kind: kind, slot: .slot(slot))
    }

    /// The identity of one of many saves, which have their platform and slot in common.
    init(owner: String, platform: FoldedName, game: String, kind: SaveKind, slot: FoldedName) {
        names = SaveNames(owner, platform, game, kind, slot)
    }

    /// Whose save it is.
    public var owner: String { names.owner }
    /// The console or core, for example `gba`.
    public var platform: String { names.platform.text }
    /// The game, as its files are named.
    public var game: String { names.game }
    /// The game's own memory, or a snapshot.
    public var kind: SaveKind { names.kind }
    /// Which of the game's saves.
    public var slot: String { names.slot.text }
    /// What two sides must have in common to be the same save.
    public var key: SaveKey { SaveKey(names) }

    /// The slot of a save that says nothing else.
    public static let mainSlot = "main"

    /// The identity of the file that says so.
    init(_ read: SaveFileNames, of owner: String) {
        self.init(
            owner: owner, platform: read.platform, game: String(read.game), kind: read.kind, slot: read.slot)
    }

    /// Whether these are its names, byte for byte.
    func hasNames(_ read: SaveFileNames, of owner: String) -> Bool {
        names.kind == read.kind && names.game.hasSameBytes(as: read.game)
            && names.platform.text.hasSameBytes(as: read.platform.text)
            && names.slot.text.hasSameBytes(as: read.slot.text) && names.owner.hasSameBytes(as: owner)
    }

    /// The same game and kind in another slot.
    public func inSlot(_ slot: String) -> SaveIdentity {
        SaveIdentity(owner: owner, platform: names.platform, game: game, kind: kind, slot: .slot(slot))
    }

    /// True when all names are the same, not only the key.
    public static func == (a: SaveIdentity, b: SaveIdentity) -> Bool {
        a.names === b.names
            || a.key == b.key && a.platform == b.platform && a.game == b.game && a.slot == b.slot
    }

    /// Over the key, which equal identities share.
    public func hash(into hasher: inout Hasher) { hasher.combine(key) }
}

/// The pairing key: two files are the same save when their keys are equal.
///
/// Strings compare by canonical equivalence (Unicode UAX #15), so composed and decomposed accents are equal here.
public struct SaveKey: HashedKey, Hashable {
    private let names: SaveNames

    fileprivate init(_ names: SaveNames) {
        self.names = names
    }

    /// Whose save it is.
    public var owner: String { names.owner }
    /// The platform, folded.
    public var platform: String { names.platform.folded }
    /// The game, folded.
    public var game: String { names.foldedGame }
    /// The game's own memory, or a snapshot.
    public var kind: SaveKind { names.kind }
    /// The slot, folded.
    public var slot: String { names.slot.folded }
    /// Of the folded names; equal for equal keys, and another one in every process.
    var hash: Int { names.hash }

    /// True when every part is the same.
    public static func == (a: SaveKey, b: SaveKey) -> Bool {
        a.names === b.names
            || a.names.hash == b.names.hash && a.game == b.game && a.platform == b.platform && a.kind == b.kind
                && a.slot == b.slot && a.owner == b.owner
    }

    /// Computed once, when the names were folded.
    public func hash(into hasher: inout Hasher) { hasher.combine(names.hash) }
}

/// The names of one save as they are shown and as they are compared. One object for both, because there are many.
private final class SaveNames: Sendable {
    // What keys are compared by stands first, and so near each other.
    let hash: Int
    let kind: SaveKind
    let foldedGame: String
    let platform: FoldedName
    let slot: FoldedName
    let owner: String
    let game: String
    let gameStart: SortedStart?

    init(_ owner: String, _ platform: FoldedName, _ game: String, _ kind: SaveKind, _ slot: FoldedName) {
        self.owner = owner
        self.platform = platform
        self.game = game
        foldedGame = NameFolding.caseFolded(game)
        gameStart = SortedStart(foldedGame)
        self.kind = kind
        self.slot = slot
        var hasher = Hasher()
        hasher.combine(platform.folded)
        hasher.combine(foldedGame)
        hasher.combine(slot.folded)
        hash = hasher.finalize()
    }
}

extension SaveKey: Comparable {
    /// By platform, game, kind, slot, owner: the order of plans and lists.
    public static func < (a: SaveKey, b: SaveKey) -> Bool {
        if a.platform != b.platform { return a.platform < b.platform }
        if let start = a.names.gameStart, let other = b.names.gameStart, start != other { return start < other }
        if a.game != b.game { return a.game < b.game }
        if a.kind != b.kind { return a.kind.rawValue < b.kind.rawValue }
        if a.slot != b.slot { return a.slot < b.slot }
        return a.owner < b.owner
    }
}
