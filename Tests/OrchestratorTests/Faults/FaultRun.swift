#if DEBUG
    import Faults
    import Foundation
    import Orchestrator
    import SSHClient
    import TestSupport

    /// One run that meets one fault, the run after it, and what must hold after each.
    struct FaultRun {
        let world: FaultWorld
        let fault: Fault
        let points: FaultPoints

        /// As `SAVEFERRY_FAULTS_ONLY` takes it.
        var description: String { "\(world.server.rawValue):\(fault)" }

        /// Throws what is broken.
        func play() async throws {
            try await world.rewind()
            let (claimsSuccess, shown) = try await disturb()
            let hub = try await FaultHub(home: world.home)
            defer { hub.close() }
            do {
                let after = try await FaultState(hub, home: world.home)
                try after.check(against: world.ever)
                if claimsSuccess, let difference = after.difference(from: world.golden) {
                    throw Broken("the run claims success, and \(difference)")
                }
                try await recover(hub)
            } catch {
                throw Broken("\(description): \(error)\n    the disturbed run: \(shown)")
            }
        }

        /// The next run finishes the work, and then nothing is left to do.
        private func recover(_ hub: FaultHub) async throws {
            let report = try await hub.sync()
            let state = try await FaultState(hub, home: world.home)
            try state.check(against: world.ever)
            try report.mustBeWhole("the next run")
            if let difference = state.difference(from: world.golden) {
                throw Broken("after the next run \(difference)")
            }
            guard state.leftovers.isEmpty else { throw Broken("left on the device: \(state.leftovers)") }
            guard state.staging.isEmpty else { throw Broken("left in the staging: \(state.staging)") }
            guard state.openSessions == 0 else { throw Broken("\(state.openSessions) sessions are still open") }
            try await hub.mustBeQuiet()
        }

        /// Whether the disturbed run says that all was done, and what it says.
        private func disturb() async throws -> (claimsSuccess: Bool, shown: String) {
            switch fault.kind {
            case .kill, .killAfter:
                let result = try await Command.run(
                    FaultRun.program, ["sync", "pocket", "--home", world.home],
                    environment: ["SAVEFERRY_FAULT": "\(fault)", "SSH_AUTH_SOCK": ""])
                return (result.status == 0, "exit \(result.status) \(result.errorOutput)")
            default:
                let hub = try await FaultHub(
                    home: world.home, deadlines: [.hang, .hangAfter].contains(fault.kind) ? .short : .patient)
                defer { hub.close() }
                let injector = FaultInjector(fault) { [points, kind = fault.kind] in points.isUndetectable(kind, $0) }
                let report = try await hub.sync(disturbedBy: injector)
                return (report.claimsSuccess, "struck \(injector.struck)\n\(report.shown)")
            }
        }

        /// `saveferry` as it was built with the tests.
        private static let program: String = {
            let runner = URL(fileURLWithPath: ProcessInfo.processInfo.arguments[0]).resolvingSymlinksInPath()
            return runner.deletingLastPathComponent().appendingPathComponent("saveferry").path
        }()
    }

    extension Deadlines {
        /// For devices that are told to fall silent.
        static let short = Deadlines(connect: .seconds(60), handshake: .seconds(60), idle: .milliseconds(400))
    }
#endif
