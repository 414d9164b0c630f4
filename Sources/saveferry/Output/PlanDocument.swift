import Foundation
import Orchestrator
import Planner
import Store

/// A plan as JSON.
struct PlanDocument: Encodable {
    struct Line: Encodable {
        let action: String
        let platform: String?
        let game: String?
        let kind: String?
        let slot: String?
        let remotePath: String
        let sizeBytes: UInt64
        let reason: String
        let saveId: Int64?
        var status: String?
        var error: String?

        init(_ operation: Planner.Operation) {
            action = operation.action.rawValue
            platform = operation.identity?.platform
            game = operation.identity?.game
            kind = operation.identity?.kind.rawValue
            slot = operation.identity?.slot
            remotePath = operation.remotePath
            sizeBytes = operation.size
            reason = operation.reason
            saveId = operation.saveID
        }
    }

    struct Totals: Encodable {
        let pull: Int
        let push: Int
        let remove: Int
        let conflict: Int
        let noOp: Int
        /// Of the saves with nothing to do, those that are gone from the device.
        let deletedOnDevice: Int
        let hold: Int
        let skip: Int
        var bytes: UInt64
    }

    struct HaltLine: Encodable {
        let code: String
        let directory: String
        let message: String
        let override: String?
        let remedy: String?
    }

    let device: String
    var generatedAt: Date?
    var operations: [Line] = []
    var totals: Totals?
    var halts: [HaltLine] = []
    var error: FailureDocument?

    init(_ plan: DevicePlan) {
        device = plan.device
        switch plan.outcome {
        case .success(let plan): fill(from: plan)
        case .failure(let failure): error = FailureDocument(failure)
        }
    }

    init(device: String, _ plan: Plan?) {
        self.device = device
        if let plan { fill(from: plan) }
    }

    private mutating func fill(from plan: Plan) {
        generatedAt = Date(timeIntervalSince1970: TimeInterval(plan.generatedAt))
        operations = plan.operations.map(Line.init)
        totals = Totals(
            pull: plan.count(.pull), push: plan.count(.push), remove: plan.count(.remove),
            conflict: plan.count(.conflict), noOp: plan.count(.noOp),
            deletedOnDevice: plan.operations.count { $0.isGone }, hold: plan.count(.hold), skip: plan.count(.skip),
            bytes: plan.bytes)
        halts = plan.halts.map {
            HaltLine(
                code: $0.valve.rawValue, directory: $0.directory, message: $0.message, override: $0.override,
                remedy: $0.remedy(for: plan.device))
        }
    }
}

/// Why a device failed, as JSON.
struct FailureDocument: Encodable {
    let code: String
    let message: String
    let advice: String

    init(_ failure: DeviceFailure) {
        code = failure.code.rawValue
        message = failure.message
        advice = failure.advice
    }
}

/// A run as JSON: its plan's keys, and how it and each operation ended. `bytes` are those that were transferred and recorded.
struct SessionDocument: Encodable {
    let device: String
    let sessionId: Int64?
    let status: String
    let generatedAt: Date?
    let operations: [PlanDocument.Line]
    let totals: PlanDocument.Totals?
    let halts: [PlanDocument.HaltLine]
    let openConflicts: Int
    let error: FailureDocument?

    init(_ report: SessionReport) {
        var plan = PlanDocument(device: report.device, report.plan)
        plan.totals?.bytes = report.bytes
        device = report.device
        sessionId = report.session
        status = report.status.rawValue
        generatedAt = plan.generatedAt
        operations = zip(plan.operations, report.outcomes).map { line, outcome in
            var line = line
            line.status = outcome.status.rawValue
            line.error = outcome.error
            return line
        }
        totals = plan.totals
        halts = plan.halts
        openConflicts = report.openConflicts
        error = report.failure.map(FailureDocument.init)
    }
}
