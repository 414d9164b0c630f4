import Foundation
import Store
import Synchronization

/// Hands each event to everyone who listens, and of progress only so much as somebody can follow.
public final class EventBus: Sendable {
    private struct Audience {
        var next = 0
        var listeners: [Int: AsyncStream<Event>.Continuation] = [:]
        var observers: [@Sendable (Event) -> Void] = []
        var thinning = EventThinning()
    }

    private let audience = Mutex(Audience())
    private let now: @Sendable () -> Date

    /// A bus with no listeners; `now` gives events their dates.
    public init(now: @escaping @Sendable () -> Date) {
        self.now = now
    }

    /// The events from now on. Ends when ``finish()`` is called. Who is slow loses the oldest events, never the newest.
    public func subscribe() -> AsyncStream<Event> {
        AsyncStream(bufferingPolicy: .bufferingNewest(1_000)) { continuation in
            let number = audience.withLock { audience in
                defer { audience.next += 1 }
                audience.listeners[audience.next] = continuation
                return audience.next
            }
            continuation.onTermination = { [weak self] _ in
                _ = self?.audience.withLock { $0.listeners.removeValue(forKey: number) }
            }
        }
    }

    /// Calls `observer` with every event from now on, each before its run goes on; so it must return at once. The events of a
    /// device come in order.
    public func observe(_ observer: @escaping @Sendable (Event) -> Void) {
        audience.withLock { $0.observers.append(observer) }
    }

    /// Ends every subscription.
    public func finish() {
        let listeners = audience.withLock { audience in
            defer { audience.listeners = [:] }
            return audience.listeners.values.map { $0 }
        }
        for listener in listeners { listener.finish() }
    }

    func publish(_ kind: Event.Kind, device: String, session: Int64?, totals: SessionTotals? = nil) {
        let event = Event(date: now(), device: device, session: session, kind: kind, totals: totals)
        let (observers, listeners) = audience.withLock { audience in
            audience.thinning.passes(event) ? (audience.observers, audience.listeners.values.map { $0 }) : ([], [])
        }
        for observer in observers { observer(event) }
        for listener in listeners { listener.yield(event) }
    }
}
