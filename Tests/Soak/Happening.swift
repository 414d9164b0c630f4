/// One thing that happens in a story.
enum Happening: Hashable, Sendable {
    /// The player saves: in one step, or over the old save piece by piece as many emulators do.
    case plays(device: Int, game: Int, size: Int, isAtomic: Bool)
    case deletes(device: Int, game: Int)
    case falls(device: Int, into: Trouble)
    /// `isTrusted`: a host key that changed is trusted from now on; otherwise the device has its old one again.
    case recovers(device: Int, isTrusted: Bool)
    /// Every connection of the device ends, in the middle of whatever it carries.
    case isCut(device: Int)
    case command(Errand)
    case daemonEnds(Ending)
    /// The daemon is to read its settings anew (SIGHUP).
    case daemonReads
}

/// What can be wrong with a handheld for a while.
enum Trouble: String, CaseIterable, Sendable {
    /// Nothing listens: connections are refused.
    case away
    /// Its processes are stopped, with every connection that they have.
    case frozen
    /// Connections are taken, and nothing is ever said.
    case silent
    /// Nobody's key is accepted.
    case locked
    /// It shows another host key.
    case otherKey
    /// Its save directory is gone, or there is an empty one in its place.
    case cardMissing, cardEmptied

    /// Whether somebody can play meanwhile: not on a device that sleeps, or that has no card.
    var allowsPlaying: Bool {
        switch self {
        case .away, .silent, .locked, .otherKey: true
        case .frozen, .cardMissing, .cardEmptied: false
        }
    }
}

/// A command that the user gives beside the daemon.
enum Errand: Hashable, Sendable {
    case sync(device: Int)
    case status, saves, retention, verify
    /// Decides the oldest open conflict.
    case resolve(keep: String)
}

/// How the daemon ends before it is started again.
enum Ending: Sendable { case killed, terminated }
