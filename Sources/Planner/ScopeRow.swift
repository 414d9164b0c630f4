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
    /// Whether nothing is to be done as long as the device has what was agreed on.
    let isInStep: Bool
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
        isInStep = agreedDigest.map {
            compare(device: .content($0, modified: 0), server: save.side, agreed: baseline.agreed) == .unchanged
        } ?? false
        trackedDirectory = baseline?.trackedDirectory
        self.save = save
        self.baseline = baseline
    }
}
