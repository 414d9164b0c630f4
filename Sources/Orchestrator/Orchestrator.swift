import Logging
import Planner
import SSHClient
import Store

/// Plans and syncs devices: several at once, each failing alone.
public struct Orchestrator: Sendable {
    let store: Store
    /// In a run: what held when it began.
    private(set) var settings: OrchestratorSettings
    private let inForce: InForce<OrchestratorSettings>
    /// Beats whenever somebody has looked which devices are due.
    public let turns = Heartbeat()
    let clock: any SystemClock
    let logger: Logger
    let events: EventBus
    private let slots: Slots
    /// Decrypts keys for all runs that are under way.
    let keys = KeyRing()

    /// An orchestrator over one store; without `events`, nobody listens.
    public init(
        store: Store, settings: OrchestratorSettings, clock: any SystemClock = MachineClock(), logger: Logger,
        events: EventBus? = nil
    ) {
        self.store = store
        self.settings = settings
        inForce = InForce(settings)
        self.clock = clock
        self.logger = logger
        self.events = events ?? EventBus(now: { clock.now() })
        slots = Slots(settings.concurrency)
    }

    /// A dry run of each device: changes nothing on the device, in the library or in the database.
    ///
    /// Returns one plan a device, in the order given. Takes no lease, so that it also works while a sync runs.
    public func plan(
        _ devices: [Device], allowing allowed: Set<Valve> = [], puttingBack putBack: PutBack? = nil
    ) async -> [DevicePlan] {
        await forEach(devices) { device, pulse in
            let session = DeviceSession(
                device: device, allowed: allowed, putBack: putBack, environment: asOfNow, pulse: pulse)
            return DevicePlan(device: device.settings.name, outcome: await session.plan())
        }
    }

    /// Syncs each device, and puts the saves of `putBack` there again where they are gone. At most ``OrchestratorSettings/concurrency`` sessions get on at once, whoever asked for them; those
    /// that wait for a silent device don't count.
    ///
    /// Returns one report a device, in the order given. Cancelling the task ends every run after the operations in hand.
    public func sync(
        _ devices: [Device], trigger: SessionTrigger, allowing allowed: Set<Valve> = [],
        puttingBack putBack: PutBack? = nil
    ) async -> [SessionReport] {
        await forEach(devices) { device, pulse in
            let session = DeviceSession(
                device: device, allowed: allowed, putBack: putBack, environment: asOfNow, pulse: pulse)
            return await session.run(trigger: trigger)
        }
    }

    /// The devices that are being planned or synced and of which nothing arrived for longer than `limit`, by name; not those that
    /// wait for their turn.
    public func stuck(for limit: Duration) async -> [String] { await slots.stuck(for: limit) }

    /// Puts other settings in force: for runs that begin from now on.
    public func reload(_ settings: OrchestratorSettings) async {
        inForce.value = settings
        await slots.resize(settings.concurrency)
    }

    /// The same with the settings that are in force.
    private var asOfNow: Orchestrator {
        var orchestrator = self
        orchestrator.settings = inForce.value
        return orchestrator
    }

    private func forEach<Result: Sendable>(
        _ devices: [Device], _ work: @escaping @Sendable (Device, Pulse) async -> Result
    ) async -> [Result] {
        await keys.keeping {
            await devices.concurrentMap(atMost: devices.count) { device in
                await slots.admit(device.settings.name) { pulse in await work(device, pulse) }
            }
        }
    }
}
