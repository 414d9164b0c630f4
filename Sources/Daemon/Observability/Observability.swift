import Foundation
import Logging
import Orchestrator
import ServiceLifecycle
import Store

/// What the daemon shows of itself: status and events by its socket, and, where they are wanted, metrics.
public struct Observability: Sendable {
    /// To be started before the syncs, so that they end after them and tell of the last one.
    public let services: [any Service]

    /// Binds the socket in the state directory, and `metrics` if it is not nil; from now on events are noted.
    ///
    /// - Parameters:
    ///   - vitals: how the daemon fares; asked at each request for `/healthz`.
    ///   - outlook: what the scheduler knows; asked at each request.
    ///   - now: the time of day.
    public init(
        of events: EventBus, store: Store, vitals: Vitals, metrics: LoopbackAddress?, version: String,
        now: @escaping @Sendable () -> Date, outlook: @escaping @Sendable () async -> [DeviceOutlook], logger: Logger
    ) throws(ListenError) {
        let journal = EventJournal()
        let socket = try ControlSocket(
            stateDirectory: store.stateDirectory, journal: journal, version: version, since: now(), outlook: outlook,
            logger: logger)
        events.observe(journal.note)
        guard let metrics else {
            services = [socket]
            return
        }
        let counts = SessionCounts()
        let endpoint = try MetricsEndpoint(
            metrics, counts: counts, store: store, vitals: vitals, version: version, outlook: outlook)
        events.observe(counts.note)
        logger.notice("metrics on http://\(endpoint.address)/metrics")
        services = [socket, endpoint]
    }
}
