import Synchronization

/// Shows that something that goes round and round still does.
public final class Heartbeat: Sendable {
    /// By the clock that stands still while the machine sleeps: nothing beats then.
    private let last = Mutex<SuspendingClock.Instant?>(nil)

    /// A heart that has not begun to beat.
    public init() {}

    /// It has come round.
    public func beat() { last.withLock { $0 = .now } }

    /// How long ago it last came round; nil before it has begun.
    public var age: Duration? { last.withLock { $0.map { $0.duration(to: .now) } } }
}
