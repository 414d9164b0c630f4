#if DEBUG
    import Faults
    import Foundation
    import Orchestrator
    import Store
    import TestSupport
    import Testing

    extension ScenarioTests {
        /// What the enumeration of faults has found, each as a test of its own.
        @Suite struct FaultFindingTests {
            let world: FaultWorld

            init() async throws {
                world = try #require(try await FaultWorld(.openssh))
                try await world.rewind()
            }

            /// One run that meets a fault, and what stands where after it.
            private func run(
                _ kind: Fault.Kind, _ seam: Fault.Seam, where matches: @escaping @Sendable (String) -> Bool
            ) async throws -> (report: SessionReport, state: FaultState) {
                let hub = try await FaultHub(home: world.home)
                defer { hub.close() }
                let injector = FaultInjector(kind, seam, where: matches)
                let report = try await hub.sync(disturbedBy: injector)
                #expect(!injector.struck.isEmpty)
                let state = try await FaultState(hub, home: world.home)
                try state.check(against: world.ever)
                return (report, state)
            }

            /// The next run, which finishes the work.
            private func recover() async throws {
                let hub = try await FaultHub(home: world.home)
                defer { hub.close() }
                try await hub.sync().mustBeWhole("the next run")
                let state = try await FaultState(hub, home: world.home)
                #expect(state.difference(from: world.golden) == nil)
                #expect(state.leftovers.isEmpty && state.staging.isEmpty)
            }

            @Test func `a folder's swap that is refused half way puts the old one back at once`() async throws {
                let (report, state) = try await run(.failure, .sftp) {
                    $0.contains("RENAME psp/.saveferry-") && $0.hasSuffix("psp/PUSHED")
                }
                #expect(report.failure == nil && !report.claimsSuccess)
                #expect(state.standing["pocket/psp/PUSHED"]?.files["DATA.BIN"] == Array("PUSHED 1".utf8))
                #expect(state.leftovers.isEmpty)
                try await recover()
            }

            @Test func `a leftover that can't be removed keeps nothing from being synced`() async throws {
                try Data("half".utf8).write(to: URL(fileURLWithPath: "\(world.home)/pocket/saves/.saveferry-1.tmp"))
                let (_, state) = try await run(.permissionDenied, .sftp) {
                    $0 == "REMOVE saves/.saveferry-1.tmp"
                }
                #expect(state.difference(from: world.golden) == nil)
                #expect(state.leftovers == ["pocket/saves/.saveferry-1.tmp"])
                try await recover()
            }

            @Test func `a save whose old content can't be put back is unknown, and the others are synced`() async throws
            {
                let still = "\(world.home)/pocket/saves/Still.srm"
                try FileManager.default.moveItem(atPath: still, toPath: still + ".saveferry-bak")
                let (report, state) = try await run(.permissionDenied, .sftp) {
                    $0.contains("RENAME saves/Still.srm.saveferry-bak")
                }
                #expect(report.failure == nil && !report.claimsSuccess)
                #expect(
                    state.standing["pocket/saves/Gift.srm"] != nil && state.standing["pocket/saves/Still.srm"] == nil)
                try await recover()
            }

            @Test func `a card that takes half of a write and says that it took all replaces nothing`() async throws {
                let (report, state) = try await run(.silentShortWrite, .sftp) { $0.hasPrefix("WRITE 8 ") }
                #expect(!report.claimsSuccess)
                #expect(state.leftovers.isEmpty)
                try await recover()
            }

            @Test func `what could not be removed of a run's staging is removed by the next run`() async throws {
                _ = try await run(.failure, .file) { $0.hasPrefix("unlink") }
                try await recover()
            }

            @Test func `a staging that a run made and did not come to lock is removed by the next run`() async throws {
                try FileManager.default.createDirectory(
                    atPath: "\(world.home)/library/.saveferry/staging/abandoned", withIntermediateDirectories: true)
                try await recover()
            }
        }
    }
#endif
