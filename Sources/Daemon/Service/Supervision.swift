import Orchestrator
import ServiceLifecycle

/// Tells the service manager that the daemon is ready, what it is doing, that it is alive, and that it ends.
///
/// To be the last service: when it runs the others do, and it is the first to hear of the end.
public struct Supervision: Service {
    private let manager: ServiceManager
    private let hearts: [Heartbeat]
    private let patience: Duration
    private let status: @Sendable () -> String

    /// Supervision by `manager`.
    /// - Parameters:
    ///   - hearts: What must beat for the daemon to be alive. One that has not begun to does not count yet.
    ///   - patience: How long a heart may pause.
    ///   - status: What the daemon is doing, in one short line.
    public init(
        by manager: ServiceManager, hearts: [Heartbeat], patience: Duration = .seconds(60),
        status: @escaping @Sendable () -> String
    ) {
        self.manager = manager
        self.hearts = hearts
        self.patience = patience
        self.status = status
    }

    /// Runs until the daemon ends. Waits for nothing that could hang.
    public func run() async {
        await cancelWhenGracefulShutdown {
            manager.tell("READY=1", "STATUS=\(status())")
            // Half of the time, as sd_watchdog_enabled(3) recommends.
            let pause = min(manager.watchdog.map { $0 / 2 } ?? .seconds(5), .seconds(5))
            while (try? await Task.sleep(for: pause)) != nil {
                let isAlive = hearts.allSatisfy { $0.age.map { $0 < patience } ?? true }
                manager.tell("STATUS=\(status())")
                if isAlive { manager.tell("WATCHDOG=1") }
            }
        }
        manager.tell("STOPPING=1", "STATUS=finishing what is in hand")
    }
}
