import ArgumentParser
import Foundation
import Planner
import Store

struct SessionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions", abstract: "List past runs, newest first.",
        discussion: """
            Runs that moved, failed, opened or halted something are remembered for 90 days, those in which nothing happened for 7. \
            The newest 200 of each device always stay. `serve` forgets the others once a day.

            Examples:
              saveferry sessions
              saveferry sessions list pocket --json
              saveferry sessions show 12
            """,
        subcommands: [SessionsListCommand.self, SessionsShowCommand.self], defaultSubcommand: SessionsListCommand.self)
}

/// A recorded run as JSON.
struct SessionRecord: Encodable {
    struct Operation: Encodable {
        let id: Int64, action: String, platform: String?, game: String?, kind: String?, slot: String?,
            remotePath: String
        let sizeBytes: UInt64, reason: String, status: String, error: String?
    }

    struct Halt: Encodable {
        let code: String, directory: String, message: String

        init(_ halt: SessionHalt) { (code, directory, message) = (halt.code, halt.directory, halt.message) }
    }

    let sessionId: Int64, device: String, trigger: String, status: String, error: String?
    let startedAt: Date, endedAt: Date?
    let pulled: Int, pushed: Int, removed: Int, conflicts: Int, unchanged: Int, failed: Int, bytes: UInt64
    let held: Int, skipped: Int, halts: [Halt]
    var operations: [Operation]?

    init(_ session: SessionSummary, _ operations: [OperationSummary]? = nil) {
        sessionId = session.id
        device = session.deviceName
        trigger = session.trigger.rawValue
        status = session.status.rawValue
        error = session.error
        startedAt = session.started
        endedAt = session.ended
        let totals = session.totals
        (pulled, pushed, removed) = (totals.pulled, totals.pushed, totals.removed)
        (conflicts, unchanged, failed, bytes) = (totals.conflicts, totals.unchanged, totals.failed, totals.bytes)
        (held, skipped) = (totals.held, totals.skipped)
        halts = session.halts.map { Halt($0) }
        self.operations = operations?.map {
            Operation(
                id: $0.id, action: $0.record.action.rawValue, platform: $0.record.identity?.platform,
                game: $0.record.identity?.game, kind: $0.record.identity?.kind.rawValue,
                slot: $0.record.identity?.slot, remotePath: $0.record.remotePath,
                sizeBytes: $0.record.size, reason: $0.record.reason, status: $0.status.rawValue, error: $0.error)
        }
    }
}

struct SessionsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List past runs.")
    @OptionGroup var global: GlobalOptions
    @Argument(help: "Only this device.", completion: .deviceNames) var name: String?
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let (_, store) = try await global.open()
        var device: Int64?
        if let name { device = try await store.device(named: name).id }
        let sessions = try await store.sessions(device: device)
        if json {
            try JSON.answer(["sessions": sessions.map { SessionRecord($0) }])
            return
        }
        var table = Table(
            ("ID", .right), ("DEVICE", .left), ("STARTED", .left), ("STATUS", .left), ("PULLED", .right),
            ("PUSHED", .right), ("FAILED", .right), ("ERROR", .left))
        for session in sessions {
            table.add(
                "\(session.id)", session.deviceName, Formats.time(session.started), session.status.rawValue,
                "\(session.totals.pulled)", "\(session.totals.pushed)", "\(session.totals.failed)",
                session.error ?? session.halts.map { "\($0.directory): \($0.code)" }.joined(separator: ", "))
        }
        Console.answer(sessions.isEmpty ? "No runs yet." : table.text)
    }
}

struct SessionsShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Show one run and its operations.")
    @OptionGroup var global: GlobalOptions
    @Argument(help: "The run's number.") var id: Int64
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let (_, store) = try await global.open()
        let (session, operations) = try await store.session(id)
        if json {
            try JSON.answer(["sessions": [SessionRecord(session, operations)]])
            return
        }
        Console.answer(
            "Session \(session.id): \(session.deviceName), \(session.status.rawValue), \(Formats.time(session.started))"
        )
        if let error = session.error { Console.answer("Error: \(error)") }
        for halt in session.halts { Console.answer(halt.line(of: session.deviceName)) }
        var table = Table(("ACTION", .left), ("SAVE", .left), ("STATUS", .left), ("REASON", .left))
        for operation in operations {
            // What could not be read or paired was not skipped by anyone's decision.
            let isFailure = operation.status == .failed && operation.record.action == .skip
            table.add(
                isFailure ? "-" : operation.record.action.rawValue,
                operation.record.identity?.shown ?? operation.record.remotePath,
                operation.status.rawValue, operation.error ?? operation.record.reason)
        }
        if !table.isEmpty { Console.answer(table.text) }
    }
}
