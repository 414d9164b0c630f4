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
    /// The directory in which the valves count the save, or nil where they don't.
    let trackedDirectory: Int64?
    /// What a listing has to show for the save to be unread.
    let settled: SettledFile?
    /// The save as the server has it.
    let save: ServerSave
    /// What the device and the server last agreed on, or nil when they never did.
    let baseline: Baseline?

    init(_ save: ServerSave, _ baseline: Baseline?) {
        side = save.side
        agreed = baseline.agreed
        agreedDigest = baseline?.digest
        trackedDirectory = baseline?.trackedDirectory
        settled = baseline.flatMap(SettledFile.init)
        self.save = save
        self.baseline = baseline
    }
}

/// The one file that a baseline speaks of, under a settled stamp: the common case of ``Baseline/stillDescribes(_:)``.
struct SettledFile: Sendable {
    private let directory: Int64
    private let path: RelativePath
    private let stamp: Stamp

    /// Nil for a save that is gone, has several files, lies in a folder of its own, or whose stamp proves nothing yet.
    init?(_ baseline: Baseline) {
        guard !baseline.isGone, let directory = baseline.directory, baseline.entries.count == 1,
            let entry = baseline.entries.first, entry.path == baseline.path, entry.state == .settled
        else { return nil }
        self.directory = directory
        path = baseline.path
        stamp = entry.stamp
    }

    /// Whether `save` is that one file, where and as it was. False says nothing.
    func describes(_ save: DeviceSave) -> Bool {
        guard save.directory == directory, save.files.count == 1, let file = save.files.first else { return false }
        return file.stamp == stamp && file.path == path && save.path == path
    }
}
