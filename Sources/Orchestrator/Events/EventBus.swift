import Synchronization

/// Hands each event to everyone who listens. Listeners that are slow lose the oldest events, never the newest.
public final class EventBus: Sendable {
    private let listeners = Mutex<(next: Int, active: [Int: AsyncStream<Event>.Continuation])>((0, [:]))

    /// A bus with no listeners.
    public init() {}

    /// The events from now on. Ends when ``finish()`` is called.
    public func subscribe() -> AsyncStream<Event> {
        AsyncStream(bufferingPolicy: .bufferingNewest(1_000)) { continuation in
            let number = listeners.withLock { listeners in
                defer { listeners.next += 1 }
                listeners.active[listeners.next] = continuation
                return listeners.next
            }
            continuation.onTermination = { [weak self] _ in
                _ = self?.listeners.withLock { $0.active.removeValue(forKey: number) }
            }
        }
    }

    /// Ends every subscription.
    public func finish() {
        let active = listeners.withLock { listeners in
            defer { listeners.active = [:] }
            return listeners.active.values.map { $0 }
        }
        for continuation in active { continuation.finish() }
    }

    func publish(_ event: Event) {
        let active = listeners.withLock { $0.active.values.map { $0 } }
        for continuation in active { continuation.yield(event) }
    }
}
