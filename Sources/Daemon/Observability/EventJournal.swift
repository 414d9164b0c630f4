import Orchestrator
import Synchronization

/// The last events, and those to come, for everyone who asks.
///
/// It is given each event by ``EventBus/observe(_:)`` and returns at once, however slow its readers are.
final class EventJournal: Sendable {
    private struct Numbered {
        let number: Int
        let event: Event
    }

    private struct State {
        var next = 0
        var remembered: [Numbered] = []
        /// Of each device that is being synced: how its run began, and how far it is.
        var underWay: [String: [Numbered]] = [:]
        var readers: [Int: EventReader] = [:]
        var isFinished = false
    }

    private let state = Mutex(State())

    /// How many events are remembered, progress not counted.
    static let remembered = 100

    /// A journal that knows of nothing yet.
    init() {}

    /// Notes what happened, and tells the readers.
    func note(_ event: Event) {
        let readers = state.withLock { state in
            let numbered = Numbered(number: state.next, event: event)
            state.next += 1
            switch event.kind {
            case .started: state.underWay[event.device] = [numbered]
            case .progress: state.underWay[event.device].map { state.underWay[event.device] = [$0[0], numbered] }
            case .completed, .error: state.underWay[event.device] = nil
            case .conflict: break
            }
            if case .progress = event.kind {} else { state.remembered.append(numbered) }
            if state.remembered.count > EventJournal.remembered { state.remembered.removeFirst() }
            return state.readers.values.map { $0 }
        }
        for reader in readers { reader.offer(event) }
    }

    /// The last hundred events and what is under way, in the order in which it happened, and a reader of everything after
    /// them, of these devices or of all.
    func read(of devices: Set<String>?) -> (soFar: [Event], reader: EventReader) {
        let reader = EventReader(devices: devices)
        let soFar = state.withLock { state in
            let known = state.remembered + state.underWay.values.joined()
            let ordered = Dictionary(known.map { ($0.number, $0.event) }, uniquingKeysWith: { first, _ in first })
                .sorted { $0.key < $1.key }.map(\.value)
            if state.isFinished {
                reader.finish()
            } else {
                let number = state.next
                state.next += 1
                state.readers[number] = reader
                reader.onEnd { [weak self] in _ = self?.state.withLock { $0.readers.removeValue(forKey: number) } }
            }
            return ordered
        }
        return (soFar.filter { devices?.contains($0.device) ?? true }, reader)
    }

    /// Ends every reader after the events that it still has to read.
    func finish() {
        let readers = state.withLock { state in
            state.isFinished = true
            return state.readers.values.map { $0 }
        }
        for reader in readers { reader.finish() }
    }
}

/// The events of some devices from one moment on. Who reads slowly loses the oldest, and learns how many.
final class EventReader: Sendable {
    /// In the order in which they happened; to be read once.
    let events: AsyncStream<Event>
    private let continuation: AsyncStream<Event>.Continuation
    private let devices: Set<String>?
    private let lost = Atomic(0)

    /// How many events wait for a reader at most.
    static let capacity = 1_000

    init(devices: Set<String>?) {
        self.devices = devices
        (events, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(EventReader.capacity))
    }

    func offer(_ event: Event) {
        guard devices?.contains(event.device) ?? true else { return }
        if case .dropped = continuation.yield(event) { lost.add(1, ordering: .relaxed) }
    }

    /// How many events were lost since this was asked last.
    func takeLost() -> Int { lost.exchange(0, ordering: .relaxed) }

    /// Ends ``events`` after those that wait.
    func finish() { continuation.finish() }

    fileprivate func onEnd(_ handler: @escaping @Sendable () -> Void) {
        continuation.onTermination = { _ in handler() }
    }
}
