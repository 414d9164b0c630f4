import NIOCore
import Synchronization

/// Tells whoever shares out what many devices need whether one of them keeps its connection waiting.
public final class Pulse: Sendable {
    /// Since when we have waited for the device without hearing of it, in nanoseconds; `none` while nothing is awaited.
    private let waitingSince = Atomic<UInt64>(none)
    private static let none = UInt64.max
    /// When something last arrived, or the beginning.
    private let lastArrival = Atomic<UInt64>(now)

    /// Nothing is awaited yet.
    public init() {}

    /// How long the device has been silent while something was awaited of it: the connection, or an answer. Zero while
    /// nothing is. Can be asked from anywhere.
    public var silence: Duration {
        let since = waitingSince.load(ordering: .relaxed)
        return since == Pulse.none ? .zero : .nanoseconds(Pulse.now &- since)
    }

    /// How long ago something last arrived from the device, or, before that, the pulse was made. Does not count while the
    /// machine sleeps. Can be asked from anywhere.
    public var sinceArrival: Duration { .nanoseconds(Pulse.now &- lastArrival.load(ordering: .relaxed)) }

    /// Whether something is awaited of the device from now on.
    func setAwaiting(_ isAwaiting: Bool) {
        waitingSince.store(isAwaiting ? Pulse.now : Pulse.none, ordering: .relaxed)
    }

    /// Something arrived from the device.
    func heard() {
        let now = Pulse.now
        lastArrival.store(now, ordering: .relaxed)
        if waitingSince.load(ordering: .relaxed) != Pulse.none { waitingSince.store(now, ordering: .relaxed) }
    }

    private static var now: UInt64 { NIODeadline.now().uptimeNanoseconds }
}
