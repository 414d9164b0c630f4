import Foundation
import Logging
import Planner
import ServiceLifecycle
import Store
import TestSupport

@testable import Daemon
@testable import Orchestrator

/// A daemon with nothing to sync: a real store in a temporary folder, and its observability.
final class Watched: Sendable {
    let folder: TemporaryFolder
    let store: Store
    let events = EventBus(now: { Date() })
    let port: Int
    private let group: ServiceGroup

    /// Runs `body` while the services run, and then ends them.
    static func run<Result: Sendable>(
        state: String = "state", outlook: [DeviceOutlook] = [], _ body: @Sendable (Watched) async throws -> Result
    ) async throws -> Result {
        let watched = try await Watched(state: state, outlook: outlook)
        async let services: Void = watched.group.run()
        do {
            let result = try await body(watched)
            await watched.end()
            try await services
            return result
        } catch {
            await watched.end()
            try await services
            throw error
        }
    }

    init(state: String = "state", outlook: [DeviceOutlook] = []) async throws {
        folder = try TemporaryFolder()
        var logger = Logger(label: "daemon")
        logger.logLevel = .critical
        store = try await Store.open(
            stateDirectory: folder(state), libraryDirectory: folder("library"), now: { Date() }, logger: logger)
        port = try freePort()
        let observability = try Observability(
            of: events, store: store, vitals: Vitals(of: store, library: LibraryWatch {}),
            metrics: LoopbackAddress("127.0.0.1:\(port)"),
            version: "1.2.3", now: { Date() },
            outlook: { outlook }, logger: logger)
        group = ServiceGroup(services: observability.services, logger: logger)
    }

    /// Ends the services as a signal does.
    func end() async { await group.triggerGracefulShutdown() }

    var socket: String { "\(store.stateDirectory)/saveferry.sock" }

    /// Publishes as a session does.
    func publish(_ kind: Event.Kind, device: String = "pocket", session: Int64? = 1, totals: SessionTotals? = nil) {
        events.publish(kind, device: device, session: session, totals: totals)
    }

    func publishConflict(_ game: String, device: String = "pocket") {
        publish(
            .conflict(
                SaveIdentity(owner: "default", platform: "gba", game: game, kind: .save),
                reason: "changed on both sides"),
            device: device)
    }

    /// What it says of itself.
    func report() async throws -> DaemonReport {
        try await ControlClient(stateDirectory: store.stateDirectory).status(within: .seconds(longEnough))
    }

    /// Asks over a connection of its own, and returns the whole answer.
    func ask(_ request: String) async throws -> String {
        let peer = try await Peer(of: self)
        try await peer.write(request + "\n")
        return await peer.text()
    }
}
