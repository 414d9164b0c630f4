/// What is known of a save's content on the device once everything that had to be read was read.
public enum DeviceKnowledge: Hashable, Sendable {
    /// Its settled stamps say that it is still what was agreed on.
    case unchanged
    case read(DeviceContent)
    /// It could not be read, or changed while it was; nothing may be concluded from it.
    case unreadable(reason: String)
}

/// The saves whose contents must be read before anything can be decided, in order of their keys.
///
/// A save is not read when every stamp is the one last agreed on, all of them are settled, and the server's side
/// would not have anything put over it or removed. Everything else is read: new saves, moved stamps, stamps that
/// could still hide a write, and every file that this run might replace.
public func survey(_ pairing: Pairing, deletions: DeletionPolicy) -> [DeviceSave] {
    pairing.saves
        .filter { pairing.mustRead($0, deletions) }
        .map(\.save)
        .sorted { $0.identity.key < $1.identity.key }
}

extension Pairing {
    /// Whether nothing can be decided about a save before its content is read.
    func mustRead(_ paired: PairedSave, _ deletions: DeletionPolicy) -> Bool {
        guard let row = paired.row.map({ scope.rows[$0] }) else { return true }
        if row.agreed == .untracked { return false }
        guard case .content(let agreed) = row.agreed, row.stillDescribes(paired.save) else { return true }
        switch row.side {
        case .content(let digest, _): return digest != agreed
        case .deleted: return deletions == .propagate
        case .absent: return true
        }
    }
}

extension ScopeRow {
    /// Whether the save stands where and as it stood when it was agreed on.
    func stillDescribes(_ save: DeviceSave) -> Bool { baseline?.stillDescribes(save) == true }
}

extension Baseline {
    /// Whether the save stands where it stood, under stamps that are the same and settled. One that was gone and is back,
    /// or that was restored meanwhile, is looked at again, so that the row no longer says so.
    func stillDescribes(_ save: DeviceSave) -> Bool {
        !isGone && !isWantedBack && directory == save.directory && path == save.path
            && entries.count == save.files.count
            && zip(entries, save.files).allSatisfy { old, file in
                old.path == file.path && old.stamp == file.stamp && old.state == .settled && old.stamp.showsWrites
            }
    }

    /// Whether recording `content` of `save` would change nothing in this row.
    func isUpToDate(with save: DeviceSave, _ content: DeviceContent) -> Bool {
        !isGone && !isWantedBack && directory == save.directory && path == save.path
            && agreement == .content(content.digest)
            && entries.count == content.entries.count
            && zip(entries, content.entries).allSatisfy { old, new in
                old.path == new.path && old.stamp == new.stamp && old.state == new.state
            }
    }
}
