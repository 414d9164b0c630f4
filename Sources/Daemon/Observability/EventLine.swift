import Foundation
import Orchestrator
import Planner
import Store

/// An event as one line of JSON, without the line's end.
struct EventLine: Encodable {
    private struct Halt: Encodable { let code: String, directory: String, message: String }

    private let event: String
    private let time: Date
    private let device: String
    private let session: Int64?

    private var operations: Int?
    private var done: Int?
    private var of: Int?
    private var bytes: UInt64?

    private var platform: String?
    private var game: String?
    private var kind: String?
    private var slot: String?
    private var reason: String?

    private var status: String?
    private var pulled: Int?
    private var pushed: Int?
    private var removed: Int?
    private var conflicts: Int?
    private var unchanged: Int?
    private var failed: Int?
    private var held: Int?
    private var skipped: Int?
    private var halts: [Halt]?

    private var code: String?
    private var message: String?
    private var advice: String?

    /// The line for this event, in UTF-8.
    static func text(_ event: Event) -> [UInt8] { JSONLine.text(EventLine(event)) }

    private init(_ event: Event) {
        time = event.date
        device = event.device
        session = event.session
        self.event = "sync:" + event.kind.name
        status = event.status?.rawValue
        if let totals = event.totals { fill(from: totals) }
        switch event.kind {
        case .started(let operations, let bytes):
            self.operations = operations
            self.bytes = bytes
        case .progress(let done, let all, let bytes):
            self.done = done
            of = all
            self.bytes = bytes
        case .conflict(let identity, let reason):
            platform = identity.platform
            game = identity.game
            kind = identity.kind.rawValue
            slot = identity.slot
            self.reason = reason
        case .completed(let totals, let halts):
            fill(from: totals)
            self.halts = halts.map { Halt(code: $0.valve.rawValue, directory: $0.directory, message: $0.message) }
        case .error(let failure):
            code = failure.code.rawValue
            message = failure.message
            advice = failure.advice
        }
    }

    private mutating func fill(from totals: SessionTotals) {
        (pulled, pushed, removed) = (totals.pulled, totals.pushed, totals.removed)
        (conflicts, unchanged, failed, bytes) = (totals.conflicts, totals.unchanged, totals.failed, totals.bytes)
        (held, skipped) = (totals.held, totals.skipped)
    }
}

extension Event.Kind {
    fileprivate var name: String {
        switch self {
        case .started: "started"
        case .progress: "progress"
        case .conflict: "conflict"
        case .completed: "completed"
        case .error: "error"
        }
    }
}
