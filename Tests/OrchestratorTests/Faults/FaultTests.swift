#if DEBUG
    import Faults
    import Foundation
    import Synchronization
    import TestSupport
    import Testing

    extension ScenarioTests {
        /// One run for each point at which bytes leave or enter and each kind of fault: nothing is lost, nothing is torn,
        /// and the next run finishes the work.
        ///
        /// By itself a sample, with a seed that is printed. `SAVEFERRY_FAULTS=all` tries every one of them, `SAVEFERRY_FAULTS=N`
        /// and `SAVEFERRY_FAULTS_SEED=S` another sample, `SAVEFERRY_FAULTS_SERVERS=S,T` only these, and
        /// `SAVEFERRY_FAULTS_ONLY=SERVER:KIND@SEAM:POINT` one alone.
        @Suite struct FaultTests {
            @Test func `nothing is lost or torn by a fault, and the next run finishes the work`() async throws {
                let choice = try FaultChoice(ProcessInfo.processInfo.environment)
                for server in FaultServer.allCases where choice.includes(server) { try await run(choice, server) }
            }

            private func run(_ choice: FaultChoice, _ server: FaultServer) async throws {
                guard let first = try await FaultWorld(server) else {
                    say("\(server.rawValue) can't be started here")
                    return
                }
                let points = try await FaultPoints(first)
                let faults = choice.faults(of: points.faults, server)
                let shown = Fault.Seam.allCases.map { "\($0.rawValue) \(points.count($0))" }.joined(separator: ", ")
                say("\(server.rawValue): points \(shown); \(points.faults.count) faults, \(faults.count) are tried")
                let queue = FaultQueue(faults, of: server)
                let began = ContinuousClock.now
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for worker in 0..<choice.workers {
                        group.addTask {
                            guard var world = worker == 0 ? first : try await FaultWorld(server) else { return }
                            while let fault = queue.next() {
                                if choice.isVerbose { say("\(server.rawValue):\(fault)") }
                                let run = FaultRun(world: world, fault: fault, points: points)
                                do {
                                    try await finish(within: 120, "the run with \(run.description) ends") {
                                        try await run.play()
                                    }
                                } catch {
                                    queue.failed(error)
                                    Issue.record("\(error)")
                                    guard error is TimedOut, let another = try await FaultWorld(server) else {
                                        continue
                                    }
                                    // Whatever still runs there is left to itself.
                                    world = another
                                }
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                say("\(server.rawValue): \(queue.summary) in \(ContinuousClock.now - began)")
            }
        }
    }

    /// Progress, at once even where standard output is a file.
    private func say(_ line: String) {
        FileHandle.standardError.write(Data("faults: \(line)\n".utf8))
    }

    /// The faults that are still to be tried, handed out one after the other.
    private final class FaultQueue: Sendable {
        private let faults: [Fault]
        private let server: FaultServer
        private let state = Mutex((next: 0, failed: 0))

        init(_ faults: [Fault], of server: FaultServer) {
            self.faults = faults
            self.server = server
        }

        func next() -> Fault? {
            let number = state.withLock { state in
                state.next += 1
                return state.next
            }
            if number.isMultiple(of: 250) { say("\(server.rawValue): \(number) of \(faults.count)") }
            return number <= faults.count ? faults[number - 1] : nil
        }

        func failed(_ error: any Error) {
            state.withLock { $0.failed += 1 }
            say("FAILED \(error)")
        }

        var summary: String { "\(faults.count) runs, \(state.withLock(\.failed)) failed" }
    }

    /// Which faults are tried.
    struct FaultChoice {
        private enum Extent {
            case all
            case sample(Int)
            case only(server: String, fault: Fault)
        }

        private let extent: Extent
        private let seed: UInt64
        /// Whether each fault is named before it is tried.
        let isVerbose: Bool
        /// Nil for all of them.
        private let servers: [String]?
        /// How many worlds there are side by side.
        let workers: Int

        init(_ environment: [String: String]) throws {
            servers = environment["SAVEFERRY_FAULTS_SERVERS"]?.split(separator: ",").map(String.init)
            isVerbose = environment["SAVEFERRY_FAULTS_VERBOSE"] != nil
            seed = environment["SAVEFERRY_FAULTS_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0..<1_000_000)
            workers = environment["SAVEFERRY_FAULTS_WORKERS"].flatMap { Int($0) } ?? 4
            if let only = environment["SAVEFERRY_FAULTS_ONLY"] {
                let parts = only.split(separator: ":", maxSplits: 1).map(String.init)
                guard parts.count == 2, let fault = Fault(parts[1]) else {
                    throw Broken("SAVEFERRY_FAULTS_ONLY is SERVER:KIND@SEAM:POINT, not \(only)")
                }
                extent = .only(server: parts[0], fault: fault)
            } else if environment["SAVEFERRY_FAULTS"] == "all" {
                extent = .all
            } else {
                extent = .sample(environment["SAVEFERRY_FAULTS"].flatMap { Int($0) } ?? 120)
                say("SAVEFERRY_FAULTS_SEED=\(seed)")
            }
        }

        func includes(_ server: FaultServer) -> Bool {
            if case .only(let only, _) = extent {
                only == server.rawValue
            } else {
                servers?.contains(server.rawValue) ?? true
            }
        }

        /// The chosen ones of a server's faults, in an order that mixes them.
        func faults(of all: [Fault], _ server: FaultServer) -> [Fault] {
            switch extent {
            case .only(_, let fault): return [fault]
            case .all: return all
            case .sample(let count):
                var random = SplitMix64(seed: seed &+ UInt64(server.rawValue.utf8.count))
                return Array(all.shuffled(using: &random).prefix(count / FaultServer.allCases.count))
            }
        }
    }
#endif
