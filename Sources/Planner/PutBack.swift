/// Which saves that are gone from a device the user wants there again.
public struct PutBack: Hashable, Sendable {
    /// Folded; nil for every platform.
    private let platform: String?
    /// By number; empty for every save.
    private let saves: Set<Int64>

    /// The saves with these numbers, or all where none is given; of one platform, or of all for nil.
    public init(platform: String? = nil, saves: Set<Int64> = []) {
        self.platform = platform.map(NameFolding.platform)
        self.saves = saves
    }

    /// Whether the save of this row is put on the device again where it is gone.
    func wants(_ row: ScopeRow) -> Bool {
        guard case .version = row.save.content, row.baseline?.isUntracked != true else { return false }
        return (platform == nil || platform == row.key.platform) && (saves.isEmpty || saves.contains(row.save.id))
    }

    /// Whether nothing is left to be asked about a save that is gone: it is put back, or the server has deleted it, too.
    func decides(whatIsGone row: ScopeRow) -> Bool {
        if case .deleted = row.save.content { true } else { wants(row) }
    }

    /// Whether another content than the server's, where the save stands, is to be asked about: the save was seen to be gone
    /// before, or the user named it.
    func wants(standing row: ScopeRow) -> Bool {
        wants(row) && (row.baseline?.isGone == true || saves.contains(row.save.id))
    }
}
