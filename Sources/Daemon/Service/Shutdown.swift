import Dispatch
import Foundation
import Logging
import ServiceLifecycle
import Synchronization

/// How SIGTERM and SIGINT end the daemon, from the moment that this is made: process 1 of a container has no other
/// handling of signals than its own.
///
/// The first one ends it in order, and in less than ten seconds whatever hangs, be it whoever reads the log. A second one ends
/// it at once. Nothing is lost by that either: a killed run is finished by the next one.
public final class Shutdown: Sendable {
    private enum Phase {
        /// Nothing is in hand.
        case starting
        case serving(ServiceGroup)
        case ending
    }

    private let phase = Mutex(Phase.starting)
    private let sources = Mutex<SignalSources?>(nil)
    private let logger: Logger

    /// How long the end may take: what a disk or a database holds up that hangs can't be waited for.
    private static let limit: DispatchTimeInterval = .milliseconds(9_300)
    /// How long it may then take to say so.
    private static let lastWords: DispatchTimeInterval = .milliseconds(200)

    /// Handles the two signals from now on, for as long as the process lives.
    public init(logger: Logger) {
        self.logger = logger
        sources.withLock { $0 = SignalSources([SIGTERM, SIGINT]) { [self] in handle($0) } }
    }

    /// From now on it is these services that a signal ends.
    func ends(_ group: ServiceGroup) {
        phase.withLock { $0 = .serving(group) }
    }

    /// Does what SIGTERM does.
    public func begin() {
        handle(SIGTERM)
    }

    /// Returns at once: who waits for the log, or for a thread, can't be told of another signal.
    private func handle(_ signal: Int32) {
        let before = phase.withLock { phase in
            defer { phase = .ending }
            return phase
        }
        switch before {
        case .starting: _exit(0)
        case .serving(let group):
            setLimit()
            Task {
                logger.notice("ending: what is in hand is finished or undone; a second signal ends at once")
                await group.triggerGracefulShutdown()
            }
        case .ending: _exit(128 + signal)
        }
    }

    private func setLimit() {
        let end = DispatchTime.now() + Shutdown.limit
        DispatchQueue.global().asyncAfter(deadline: end) { [logger] in
            logger.error("something hangs and was not waited for: the next run finishes what was in hand")
            _exit(0)
        }
        DispatchQueue.global().asyncAfter(deadline: end + Shutdown.lastWords) { _exit(0) }
    }
}
