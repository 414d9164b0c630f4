import Foundation
import Planner
import TestSupport
import Testing

/// Random stories of one server and three devices against the oracle. A failing seed is printed with its story and is run
/// again alone with `SAVEFERRY_MODEL_SEED=N`; `SAVEFERRY_MODEL_SEEDS=N` runs that many.
@Suite struct ModelTests {
    fileprivate static func seeds(_ count: Int) -> [UInt64] {
        let environment = ProcessInfo.processInfo.environment
        if let only = environment["SAVEFERRY_MODEL_SEED"].flatMap({ UInt64($0) }) { return [only] }
        return Array(1...UInt64(environment["SAVEFERRY_MODEL_SEEDS"].flatMap { Int($0) } ?? count))
    }

    @Test func `random stories end as the oracle says, planned over values`() async throws {
        for seed in ModelTests.seeds(5_000) {
            var run = ModelRun(seed: seed, world: PlannerWorld())
            try await run.play(steps: 60)
        }
    }
}

extension ScenarioTests {
    @Suite struct ModelOverSSHTests {
        @Test(arguments: [SaveDirectory.Layout.files, .folders])
        func `random stories end as the oracle says, over SSH`(layout: SaveDirectory.Layout) async throws {
            let server = try await OpenSSHServer()
            for seed in ModelTests.seeds(layout == .files ? 15 : 8) {
                var run = ModelRun(seed: seed, world: try await SSHWorld(server: server, layout: layout))
                try await run.play(steps: 40)
            }
        }
    }
}
