import Logging
import Orchestrator
import Store
import Synchronization

/// How the daemon fares: whether the database and the library answer, how many devices are being synced, and whether they get on.
public final class Vitals: Sendable {
    /// Beats whenever the database has answered, and be it with an error.
    public let database = Heartbeat()
    private let library: LibraryWatch
    private let store: Store
    private let count = Mutex(0)
    private let syncing = Mutex<Set<String>>([])
    private let runs = Mutex(RunMarks())

    /// How often the database, the library and the scheduler are asked.
    private static let interval: Duration = .seconds(10)

    /// Nothing is known yet.
    public convenience init(of store: Store) {
        self.init(of: store, library: LibraryWatch { await store.library.answer() })
    }

    init(of store: Store, library: LibraryWatch) {
        self.store = store
        self.library = library
    }

    /// Keeps up with the store and what happens there, until the task is cancelled. The log is told when the library stops
    /// answering, and when it answers again.
    ///
    /// - Parameter outlook: What the scheduler knows.
    public func follow(
        _ events: EventBus, outlook: @escaping @Sendable () async -> [DeviceOutlook], logger: Logger
    ) async {
        async let heard: Void = listen(to: events.subscribe())
        async let watched: Void = library.run(every: Vitals.interval, logger)
        async let looked: Void = look(outlook)
        while !Task.isCancelled {
            if let devices = try? await store.devices() { count.withLock { $0 = devices.count } }
            database.beat()
            try? await Task.sleep(for: Vitals.interval)
        }
        _ = await (heard, watched, looked)
    }

    private func look(_ outlook: @Sendable () async -> [DeviceOutlook]) async {
        while !Task.isCancelled {
            let running = await outlook().filter(\.isRunning).map(\.name)
            runs.withLock { $0.look(at: running, now: .now) }
            try? await Task.sleep(for: Vitals.interval)
        }
    }

    private func listen(to events: AsyncStream<Event>) async {
        for await event in events {
            runs.withLock { $0.note(event.device, now: .now) }
            syncing.withLock { syncing in
                switch event.kind {
                case .started: syncing.insert(event.device)
                case .completed, .error: syncing.remove(event.device)
                case .progress, .conflict: break
                }
            }
        }
    }

    /// What keeps runs from getting on, or nil.
    var standstill: String? {
        if library.isSilent { return "the library does not answer" }
        let stuck = runs.withLock { $0.stuck(now: .now) }
        return stuck.isEmpty
            ? nil : "nothing got done for more than 30 minutes in the runs of: \(stuck.joined(separator: ", "))"
    }

    /// For example `3 devices, 1 syncing`.
    public var line: String {
        let count = count.withLock { $0 }
        let running = syncing.withLock(\.count)
        return "\(count) \(count == 1 ? "device" : "devices")" + (running > 0 ? ", \(running) syncing" : "")
    }
}
