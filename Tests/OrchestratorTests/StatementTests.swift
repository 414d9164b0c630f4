import Synchronization
import TestSupport
import Testing

@testable import Store

/// What a run with nothing to do asks of the database.
@Suite struct StatementTests {
    /// Every statement that SQLite carried out, in order.
    private final class Log: Sendable {
        private let statements = Mutex<[String]>([])
        func add(_ statement: String) { statements.withLock { $0.append(statement) } }
        func take() -> [String] {
            statements.withLock { statements in
                defer { statements = [] }
                return statements
            }
        }
    }

    /// The statements of a run of as many saves that are unchanged, without their values.
    private func statements(ofUnchanged saves: Int, on server: OpenSSHServer) async throws -> [String] {
        let log = Log()
        let hub = try await Store.$onStatement.withValue({ log.add($0) }) { try await Hub() }
        let pocket = try await Handheld(of: hub, server: server)
        for number in 0..<saves { try pocket.write("Game \(number).srm", "save \(number)") }
        try await pocket.sync()
        // So that the stamps are settled.
        hub.clock.advance(seconds: 10)
        try await pocket.sync()
        let device = try await pocket.device
        _ = log.take()
        let reports = await hub.orchestrator.sync([device], trigger: .onDemand)
        #expect(reports.first?.plan?.operations.count { $0.action == .noOp } == saves)
        return log.take().map { $0.replacing(#/'[^']*'|\b\d+\b/#, with: "?") }
    }

    @Test func `a run with nothing to do asks the same of the database however many saves there are`() async throws {
        let server = try await OpenSSHServer()
        let few = try await statements(ofUnchanged: 10, on: server)
        #expect(few.contains { $0.contains("FROM device_save_sync") })
        for statement in few where !["BEGIN", "COMMIT", "PRAGMA", "SELECT"].contains(where: statement.hasPrefix) {
            // The record of the run itself.
            #expect(
                statement.contains("INTO device_leases") || statement.contains("INTO sync_sessions")
                    || statement.contains("UPDATE sync_sessions"), "\(statement)")
        }
        for saves in [100, 1_000] {
            let many = try await statements(ofUnchanged: saves, on: server)
            #expect(many.sorted() == few.sorted(), "\(saves) saves: \(many.count) statements, 10 saves: \(few.count)")
        }
    }
}
