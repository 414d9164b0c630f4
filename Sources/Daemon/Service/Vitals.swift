import Logging
import Orchestrator
import Store
import Synchronization

/// How the daemon fares: whether the database and the library answer, how many devices are being synced, and whether they get on.
public final class Vitals: Sendable {
    /// Beats whenever the database has answered, and be it with an error.
    private let database = Heartbeat()
    private let turns: Heartbeat
    private let longestTurn: Duration
    private let library: LibraryWatch
    private let obstacles: ObstacleWatch
    private let store: Store
    private let unrecorded: Unrecorded
    private let obstacle: @Sendable () -> String?
    private let stuck: @Sendable (Duration) async -> [String]
    private let count = Mutex(0)
    private let syncing = Mutex<Set<String>>([])

    /// How often the database and the library are asked.
    private static let interval: Duration = .seconds(10)
    /// How long a device that is being synced may say nothing: runs that wait for an answer give up long before.
    private static let longestSilence: Duration = .seconds(1_800)

    /// Nothing is known yet.
    public convenience init(of store: Store, _ orchestrator: Orchestrator, _ housekeeping: Housekeeping) {
        self.init(
            of: store, library: LibraryWatch { await store.library.answer() }, turns: orchestrator.turns,
            obstacle: { housekeeping.obstacle }, stuck: { await orchestrator.stuck(for: $0) })
    }

    /// - Parameters:
    ///   - turns: beats whenever somebody has looked which devices are due.
    ///   - longestTurn: how long that may take, which is done every ten seconds.
    ///   - obstacle: why nothing is synced, or nil.
    ///   - stuck: the devices whose runs got nothing for so long.
    init(
        of store: Store, library: LibraryWatch, turns: Heartbeat = Heartbeat(), longestTurn: Duration = .seconds(120),
        obstacle: @escaping @Sendable () -> String? = { nil },
        stuck: @escaping @Sendable (Duration) async -> [String] = { _ in [] }
    ) {
        let unrecorded = Unrecorded()
        self.store = store
        self.unrecorded = unrecorded
        obstacles = ObstacleWatch {
            if let obstacle = await store.obstacle() { return obstacle.description }
            return await unrecorded.reason(in: store)
        }
        self.library = library
        self.turns = turns
        self.longestTurn = longestTurn
        self.obstacle = obstacle
        self.stuck = stuck
    }

    /// What must beat for the daemon to be alive.
    public var hearts: [Heartbeat] { [database, turns] }

    /// Keeps up with the store and what happens there, until the task is cancelled. The log is told when the library stops
    /// answering, and when it answers again.
    public func follow(_ events: EventBus, logger: Logger) async {
        async let heard: Void = listen(to: events.subscribe())
        async let watched: Void = library.run(every: Vitals.interval, logger)
        async let seen: Void = obstacles.run(every: Vitals.interval, logger)
        while !Task.isCancelled {
            if let devices = try? await store.devices() { count.withLock { $0 = devices.count } }
            database.beat()
            try? await Task.sleep(for: Vitals.interval)
        }
        _ = await (heard, watched, seen)
    }

    private func listen(to events: AsyncStream<Event>) async {
        for await event in events {
            unrecorded.note(event)
            syncing.withLock { syncing in
                switch event.kind {
                case .started: syncing.insert(event.device)
                case .completed, .error: syncing.remove(event.device)
                case .progress, .conflict: break
                }
            }
        }
    }

    /// What keeps runs from beginning or from getting on, or nil.
    var standstill: String? {
        get async {
            if library.isSilent { return "the library does not answer" }
            if let obstacle = obstacle() { return obstacle }
            if let obstacle = await obstacles.obstacle { return "nothing can be synced: \(obstacle)" }
            if let age = turns.age, age > longestTurn {
                return "the scheduler stands still: it has looked for no due device for more than two minutes"
            }
            let stuck = await stuck(Vitals.longestSilence)
            return stuck.isEmpty
                ? nil : "nothing arrived for more than 30 minutes in the runs of: \(stuck.joined(separator: ", "))"
        }
    }

    /// For example `3 devices, 1 syncing`.
    public var line: String {
        let count = count.withLock { $0 }
        let running = syncing.withLock(\.count)
        return "\(count) \(count == 1 ? "device" : "devices")" + (running > 0 ? ", \(running) syncing" : "")
    }
}

/// Whether the last run could be recorded: one that could not, by whatever it failed, shows that the database takes nothing.
private final class Unrecorded: Sendable {
    private let failure = Mutex<String?>(nil)

    func note(_ event: Event) {
        if event.session != nil {
            failure.withLock { $0 = nil }
        } else if case .error(let error) = event.kind, error.code != .busy, error.code != .interrupted {
            failure.withLock { $0 = error.description }
        }
    }

    /// Why it could not, as long as the database takes nothing.
    func reason(in store: Store) async -> String? {
        guard let reason = failure.withLock({ $0 }) else { return nil }
        guard (try? await store.requireWritable()) != nil else { return reason }
        failure.withLock { $0 = nil }
        return nil
    }
}
