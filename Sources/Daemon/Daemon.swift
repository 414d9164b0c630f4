import Logging
import Orchestrator
import ServiceLifecycle

/// What runs for as long as `saveferry serve` does, as services under one roof.
///
/// SIGTERM and SIGINT end the services in the reverse order: first the syncs, then what tells others of them.
public struct Daemon: Sendable {
    private let services: [any Service]
    private let logger: Logger

    /// How long the services have to finish or undo what is in hand, one after the other, before all that are left are
    /// cancelled. A little later ``Shutdown`` ends the process all the same.
    private static let patience: Duration = .seconds(8)

    /// A daemon of these services, in the order in which they start.
    public init(_ services: [any Service], logger: Logger) {
        self.services = services
        self.logger = logger
    }

    /// Runs until `shutdown` says that it is to end. Throws what a service failed with, after the others have ended.
    public func run(until shutdown: Shutdown) async throws {
        var configuration = ServiceGroupConfiguration(services: services, logger: logger)
        configuration.maximumGracefulShutdownDuration = Daemon.patience
        let group = ServiceGroup(configuration: configuration)
        shutdown.ends(group)
        try await group.run()
    }
}
