import TestSupport
import Testing

@testable import SSHClient

extension ServerTests {
    /// How a connection comes by the address of a name.
    @Suite struct LookUpTests {
        private let names = Names()

        private func connect(
            to name: String, port: Int = 22, _ lookUps: LookUps, within limit: Duration = .seconds(3_600)
        ) async throws(SSHError) -> SSHDriver {
            try await SSHDriver.connect(
                to: Endpoint(host: name, port: port, user: "nobody"),
                deadlines: Deadlines(lookUp: limit, connect: .seconds(60)), lookUps: lookUps)
        }

        private func end(_ driver: SSHDriver) { driver.fail(SSHError(.cancelled, "the test ended it")) }

        /// Begins to connect to names whose look-ups hang, and waits until they do.
        private func sleep(_ hung: String..., by lookUps: LookUps) async throws -> [Task<SSHError.Code?, Never>] {
            let tasks = hung.map { name in Task { await code { _ = try await connect(to: name, lookUps) } } }
            try await eventually("they are looked up") { hung.allSatisfy { names.count($0) > 0 } }
            return tasks
        }

        @Test func `no connection waits for the names of devices that sleep`() async throws {
            let (server, lookUps) = (try SilentServer(), names.lookUps())
            names.set("pocket", "127.0.0.1")
            var sleeping = try await sleep("hung0", "hung1", by: lookUps)
            end(try await connect(to: "pocket", port: server.port, lookUps))
            sleeping += try await sleep("hung2", by: lookUps)
            // All places but the one that is kept for names that were found quickly.
            end(
                try await finish("it connects") {
                    try await connect(to: "pocket", port: server.port, lookUps)
                })
            #expect(names.count("pocket") == 2)
            for _ in sleeping { names.release.signal() }
            for task in sleeping { #expect(await task.value == .unreachable) }
            withExtendedLifetime(server) {}
        }

        @Test func `a name whose turn does not come in time is unreachable, or tried where it was last`() async throws {
            let (server, lookUps) = (try SilentServer(), names.lookUps())
            names.set("hung", "127.0.0.1")
            let error = await #expect(throws: SSHError.self) {
                try await connect(to: "hung", port: server.port, lookUps, within: .milliseconds(50))
            }
            #expect(error?.code == .unreachable && error?.what.contains("could not be looked up within") == true)
            names.release.signal()
            try await eventually("it is found") { await lookUps.known("hung") != nil }
            // The next look-up hangs again.
            end(try await connect(to: "hung", port: server.port, lookUps, within: .milliseconds(50)))
            try await eventually("it was looked up again") { names.count("hung") == 2 }
            names.release.signal()
            withExtendedLifetime(server) {}
        }

        @Test func `a name that is not found any more is tried where it was last`() async throws {
            let (server, lookUps) = (try SilentServer(), names.lookUps())
            names.set("pocket", "127.0.0.1")
            end(try await connect(to: "pocket", port: server.port, lookUps))
            names.set("pocket")
            for _ in 1...2 { end(try await connect(to: "pocket", port: server.port, lookUps)) }
            #expect(names.count("pocket") >= 2)
            withExtendedLifetime(server) {}
        }

        @Test func `a look-up that nobody waits for any more ends at once`() async throws {
            let lookUps = names.lookUps()
            let sleeping = try await sleep("hung", by: lookUps)
            sleeping[0].cancel()
            #expect(try await finish("the connection is given up") { await sleeping[0].value } == .cancelled)
            names.release.signal()
        }

        @Test func `a name that is not found is not known`() async throws {
            let error = await #expect(throws: SSHError.self) { try await connect(to: "nowhere", names.lookUps()) }
            #expect(error?.code == .unreachable && error?.what.contains("nowhere is not known") == true)
        }
    }
}
