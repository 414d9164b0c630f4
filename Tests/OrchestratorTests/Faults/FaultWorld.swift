#if DEBUG
    import Faults
    import Foundation
    import Logging
    import Orchestrator
    import Planner
    import SSHClient
    import Store
    import TestSupport

    /// A server and two handhelds at a moment when a run of the one has everything to do that a run can do. The moment can
    /// be had again as often as wanted.
    final class FaultWorld: Sendable {
        let server: FaultServer
        private let running: FaultServer.Running
        private let folder: TemporaryFolder
        /// The moment, as the contents of `now` were then.
        let ever: EverWritten
        /// What the world is after a run that nothing disturbed.
        let golden: FaultState

        /// A world with everything in it, from which many can be made side by side.
        init?(_ server: FaultServer) async throws {
            guard let running = try await server.start() else { return nil }
            self.server = server
            self.running = running
            folder = try TemporaryFolder()
            ever = try await FaultStory(folder: folder, port: running.port).play()
            try await Command.check("cp", "-a", folder("now"), folder("then"))

            let hub = try await FaultHub(home: folder("now"))
            let report = try await hub.sync()
            try report.mustBeWhole("the run that nothing disturbs")
            try await hub.mustBeQuiet()
            golden = try await FaultState(hub, home: folder("now"))
            hub.close()
            guard golden.leftovers.isEmpty else { throw Broken("leftovers without a fault: \(golden.leftovers)") }
        }

        /// The folder that holds `state`, `library` and `keys`, and the handhelds `pocket` and `other`.
        var home: String { folder("now") }

        /// Back to the moment.
        func rewind() async throws {
            try await Command.check("rm", "-rf", folder("now"))
            try await Command.check("cp", "-a", folder("then"), folder("now"))
        }
    }

    /// Something that must never be so.
    struct Broken: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    extension Command {
        /// Runs a command that must succeed.
        static func check(_ executable: String, _ arguments: String...) async throws {
            let result = try await run(executable, arguments)
            guard result.status == 0 else { throw Broken("\(executable) \(arguments): \(result.errorOutput)") }
        }
    }

    /// The server's side over a folder that is there already.
    struct FaultHub: Sendable {
        let store: Store
        private let orchestrator: Orchestrator
        private let clock = ManualClock()

        init(home: String, deadlines: Deadlines = .patient) async throws {
            var logger = Logger(label: "faults")
            logger.logLevel = .critical
            let clock = clock
            store = try await Store.open(
                stateDirectory: "\(home)/state", libraryDirectory: "\(home)/library", now: { clock.now() },
                logger: logger)
            orchestrator = Orchestrator(
                store: store, settings: OrchestratorSettings(keysDirectory: "\(home)/keys", deadlines: deadlines),
                clock: clock, logger: logger)
        }

        func close() { store.close() }

        /// One run of a device, which `injector` disturbs.
        func sync(_ device: String = "pocket", disturbedBy injector: FaultInjector? = nil) async throws -> SessionReport
        {
            clock.advance(seconds: 60)
            let device = try await store.device(named: device)
            let reports = await FaultInjector.$current.withValue(injector) {
                await orchestrator.sync([device], trigger: .onDemand)
            }
            guard let report = reports.first else { throw Broken("no report") }
            return report
        }

        /// Nothing is left to do but what waits for the user.
        func mustBeQuiet() async throws {
            clock.advance(seconds: 60)
            let plans = await orchestrator.plan([try await store.device(named: "pocket")])
            guard let plan = try plans.first?.outcome.get() else { throw Broken("no plan") }
            let busy = plan.operations.filter {
                !$0.isQuiet && $0.action != .conflict && $0.action != .hold && $0.step != .skip(isProblem: false)
            }
            guard busy.isEmpty, plan.halts.isEmpty else {
                throw Broken(
                    "the plan after that is not quiet: \(busy.map { "\($0.action) \($0.remotePath): \($0.reason)" })")
            }
        }
    }

    extension SessionReport {
        /// Whether the run says of itself that all was done.
        var claimsSuccess: Bool {
            failure == nil && status == .completed && outcomes.allSatisfy { $0.status == .completed }
                && plan?.halts.isEmpty == true
        }

        func mustBeWhole(_ what: String) throws {
            guard claimsSuccess else {
                throw Broken("\(what) did not do all: \(shown) \(plan?.halts.map(\.message) ?? [])")
            }
        }
    }
#endif
