/// What the server has of one save, and what was agreed on for it.
///
/// An object, because a copy of all that it holds would cost more than comparing it. What nearly every save is asked for
/// stands first, and is taken out of `save` and `baseline` beforehand: a scope is made while the device is being
/// connected, when there is time.
final class ScopeRow: Sendable {
    /// The save's part in a comparison.
    let side: ServerSide
    /// The agreement's part in a comparison.
    let agreed: Agreed
    /// What was agreed on, also where the save is untracked.
    let agreedDigest: Digest?
    /// The file with which the device shows that there is nothing to read or to do; nil where no file could.
    let inStepFile: InStepFile?
    /// The directory in which the valves count the save, or nil where they don't.
    let trackedDirectory: Int64?
    /// The save as the server has it.
    let save: ServerSave
    /// What the device and the server last agreed on, or nil when they never did.
    let baseline: Baseline?

    /// What two sides must have in common to be the same save.
    var key: SaveKey { save.identity.key }

    init(_ save: ServerSave, _ baseline: Baseline?) {
        side = save.side
        agreed = baseline.agreed
        agreedDigest = baseline?.digest
        inStepFile = baseline.flatMap { InStepFile($0, of: save) }
        trackedDirectory = baseline?.trackedDirectory
        self.save = save
        self.baseline = baseline
    }
}

/// A file as both sides know it where they agree.
struct InStepFile: Sendable {
    /// The save directory's number.
    let directory: Int64
    let path: RelativePath
    let stamp: Stamp

    /// Nil where something is to be done although the device has what was agreed on, and for a save that is gone, has
    /// several files, lies in a folder of its own, or whose stamp proves nothing yet.
    init?(_ baseline: Baseline, of save: ServerSave) {
        guard !baseline.isGone, !baseline.isWantedBack, !baseline.isUntracked, let directory = baseline.directory,
            let digest = baseline.digest,
            compare(device: .content(digest, modified: 0), server: save.side, agreed: .content(digest)) == .unchanged,
            baseline.entries.count == 1, let entry = baseline.entries.first, entry.path == baseline.path,
            entry.state == .settled, entry.stamp.showsWrites
        else { return nil }
        self.directory = directory
        path = baseline.path
        stamp = entry.stamp
    }
}
