import Foundation
import Logging
import Orchestrator
import ServiceLifecycle
import Store

/// Tells of what runs find and of disks that fill up, for as long as the daemon runs.
///
/// Started before the syncs and ended after them, so that the last run is told of too. Listening only decides and fills
/// bounded queues: a slow web server never makes it miss an event.
public actor Notifier: Service {
    private let store: Store
    private let events: AsyncStream<Event>
    private let clock: any SystemClock
    private let logger: Logger
    private let web = WebClient()
    private var settings: NotificationSettings
    private var rules: NoticeRules
    private var couriers: [NotificationTarget: Running] = [:]
    /// The last couriers that a reload ended, until they are gone.
    private var leaving: Task<Void, Never>?
    private var isEnded = false

    private struct Running {
        let courier: Courier
        let task: Task<[Notice], Never>
    }

    /// How often the disks are looked at.
    private static let diskInterval: Duration = .seconds(300)
    /// How long what is under way has when the daemon ends.
    private static let farewell: Duration = .seconds(3)

    /// A notifier of what happens from now on; to be run, and once. What was told before is not told again, as far as the
    /// runs on record show it: no run may begin meanwhile.
    public init(
        _ settings: NotificationSettings, store: Store, events: EventBus, clock: any SystemClock = MachineClock(),
        logger: Logger
    ) async {
        self.settings = settings
        self.store = store
        self.events = events.subscribe()
        self.clock = clock
        self.logger = logger
        rules = NoticeRules(failingAfter: settings.failingAfter, diskLimit: settings.diskLimit)
        await resume()
    }

    /// Runs until the daemon ends; then what waits has three seconds to be delivered.
    public func run() async {
        start(settings.targets)
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.watchDisks() }
                // Cancelled, the stream still gives what it holds.
                for await event in self.events { await self.tell(after: event) }
            }
        }
        isEnded = true
        async let left: Void? = leaving?.value
        await end(couriers)
        await left
        await web.shutDown()
    }

    /// Goes on by these settings. Targets that stay as they were keep what waits for them; what a target that is gone does
    /// not deliver in three seconds goes to those that take its place, the new ones for the same service.
    public func reload(_ settings: NotificationSettings) async {
        guard !isEnded else { return }
        self.settings = settings
        rules.failingAfter = settings.failingAfter
        rules.diskLimit = settings.diskLimit
        let gone = couriers.filter { !settings.targets.contains($0.key) }
        for target in gone.keys { couriers[target] = nil }
        let others = Set(couriers.keys)
        start(settings.targets)
        let before = leaving
        leaving = Task {
            async let earlier: Void? = before?.value
            await end(gone, besides: others)
            await earlier
        }
    }

    private func resume() async {
        do {
            for device in try await store.devices() {
                let sessions = try await store.sessions(device: device.id, limit: max(50, settings.failingAfter * 2))
                rules.resume(device.settings.name, from: sessions)
            }
        } catch {
            logger.error("notifications: reading the last runs: \(error)")
        }
    }

    private func start(_ targets: [NotificationTarget]) {
        for target in targets where couriers[target] == nil {
            if case .discord = target.place {
                logger.warning(
                    """
                    notifications: whoever knows Discord's URL can post with it: keep it in a file of mode 600 and name that \
                    as discord_file
                    """)
            }
            let delivery = Delivery(web: web)
            let courier = Courier(target, clock: clock, logger: logger) { await delivery.attempt($0, to: target.place) }
            couriers[target] = Running(courier: courier, task: Task { await courier.run() })
        }
    }

    private func tell(after event: Event) async {
        await tell(rules.notices(after: event, failures: await failures(upTo: event)))
    }

    /// At a run's end: the record knows the runs of other processes too.
    private func failures(upTo event: Event) async -> Int? {
        switch event.kind {
        case .completed, .error:
            guard let session = event.session else { return nil }
            return try? await store.failures(upTo: session)
        case .started, .progress, .conflict: return nil
        }
    }

    private func watchDisks() async {
        while !Task.isCancelled {
            let rooms = await store.diskRooms()
            await tell(rules.notices(after: rooms, at: clock.now()))
            try? await Task.sleep(for: Notifier.diskInterval)
        }
    }

    private func tell(_ notices: [Notice]) async {
        for notice in notices {
            for running in couriers.values { await running.courier.enqueue(notice) }
        }
    }

    /// Lets these deliver what they have, for a while. What they can't goes to those that took their place: `others` were
    /// told of it themselves.
    private func end(
        _ running: [NotificationTarget: Running], besides others: Set<NotificationTarget> = []
    ) async {
        for one in running.values { await one.courier.end() }
        let limit = Task {
            guard (try? await Task.sleep(for: Notifier.farewell)) != nil else { return }
            for one in running.values { one.task.cancel() }
        }
        var left: [NotificationTarget: [Notice]] = [:]
        for (target, one) in running { left[target] = await one.task.value }
        limit.cancel()
        // Two that are gone may have had the same for one that comes.
        var taken: [NotificationTarget: Set<Notice>] = [:]
        for (target, one) in running {
            let heirs = couriers.filter { $0.key.isForSameService(as: target) && !others.contains($0.key) }
            var untaken = Set(left[target] ?? [])
            for (heir, successor) in heirs {
                for notice in left[target] ?? [] {
                    if taken[heir]?.contains(notice) != true {
                        guard await successor.courier.enqueue(notice) else { continue }
                        taken[heir, default: []].insert(notice)
                    }
                    untaken.remove(notice)
                }
            }
            await one.courier.abandon(untaken.count)
        }
    }
}
