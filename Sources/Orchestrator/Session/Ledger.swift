import Planner
import Store

/// Keeps the record of one run: the session and its operations in the database, their outcomes, and the events.
actor Ledger {
    nonisolated let session: SyncSession
    private let device: Device
    private let plan: Plan
    private let store: Store
    private let events: EventBus
    /// The database's number of each operation that is recorded; quiet ones are only counted.
    private let recorded: [Int: Int64]
    private var outcomes: [OperationOutcome]
    private var done = 0
    private var bytes: UInt64 = 0

    private init(
        session: SyncSession, recorded: [Int: Int64], device: Device, plan: Plan, store: Store, events: EventBus
    ) {
        self.session = session
        self.recorded = recorded
        self.device = device
        self.plan = plan
        self.store = store
        self.events = events
        outcomes = plan.operations.map { operation in
            switch operation.step {
            case .skip(isProblem: true): OperationOutcome(.failed, error: operation.reason)
            case .pull, .push, .remove, .conflict, .adopt, .markGone, .retire: OperationOutcome(.pending)
            case .nothing, .hold, .skip: OperationOutcome(.completed)
            }
        }
    }

    /// Records that a run begins, with every operation of its plan that is worth a line.
    static func begin(
        _ plan: Plan, of device: Device, trigger: SessionTrigger, store: Store, events: EventBus
    ) async throws -> Ledger {
        let indices = plan.operations.indices.filter { !plan.operations[$0].isQuiet }
        let session = try await store.beginSession(
            device: device, trigger: trigger, operations: indices.map { OperationRecord(plan.operations[$0]) })
        let ledger = Ledger(
            session: session, recorded: Dictionary(uniqueKeysWithValues: zip(indices, session.operationIDs)),
            device: device, plan: plan, store: store, events: events)
        await ledger.publish(.started(operations: indices.count, bytes: plan.bytes))
        return ledger
    }

    /// The database's number of the operation at `index`, or nil for a quiet one.
    nonisolated func record(of index: Int) -> Int64? { recorded[index] }

    /// The operation at `index` was carried out and recorded.
    func completed(_ index: Int) {
        outcomes[index] = OperationOutcome(.completed)
        let operation = plan.operations[index]
        if operation.action.movesContent { bytes += operation.size }
        advance(index)
    }

    /// The operation at `index` failed; the others go on.
    func failed(_ index: Int, _ error: any Error) {
        outcomes[index] = OperationOutcome(.failed, error: DeviceFailure(error).description)
        advance(index)
    }

    private func advance(_ index: Int) {
        guard recorded[index] != nil else { return }
        done += 1
        publish(.progress(done: done, of: recorded.count, bytes: bytes))
    }

    /// Tells listeners of a conflict that is now recorded.
    func conflictOpened(_ operation: Operation) {
        guard let identity = operation.identity else { return }
        publish(.conflict(identity, reason: operation.reason))
    }

    private func publish(_ kind: Event.Kind, totals: SessionTotals? = nil) {
        events.publish(kind, device: device.settings.name, session: session.id, totals: totals)
    }

    /// Records how the run ended: what was not begun is cancelled, what failed keeps its reason.
    func finish(failure: DeviceFailure?) async throws -> SessionReport {
        for index in outcomes.indices where outcomes[index].status == .pending {
            outcomes[index] = OperationOutcome(.cancelled)
        }
        let totals = SessionTotals(
            pulled: count(.pull, .completed), pushed: count(.push, .completed), removed: count(.remove, .completed),
            conflicts: count(.conflict, .completed), unchanged: plan.operations.count { $0.action == .noOp },
            failed: outcomes.count { $0.status == .failed }, bytes: bytes, held: count(.hold, .completed),
            skipped: count(.skip, .completed))
        let status = SessionStatus(failure: failure, failed: totals.failed, halts: plan.halts.count)
        let report = try await record(status, totals, failure)
        publish(failure.map { .error($0) } ?? .completed(totals, halts: plan.halts), totals: totals)
        return report
    }

    private func record(
        _ status: SessionStatus, _ totals: SessionTotals, _ failure: DeviceFailure?
    ) async throws -> SessionReport {
        // What was carried out is recorded with its work already.
        let endings = recorded.compactMap { index, number in
            plan.operations[index].isWork && outcomes[index].status == .completed
                ? nil
                : OperationEnding(operation: number, status: outcomes[index].status, error: outcomes[index].error)
        }
        let halts = plan.halts.map {
            SessionHalt(code: $0.valve.rawValue, directory: $0.directory, message: $0.message)
        }
        let (store, device, session, settled) = (store, device, session, settledSaves)
        let open = try await uncancelled {
            try await store.endOperations(endings)
            if try await store.openConflictCount(device: device.id) > 0 {
                try await store.closeConflicts(device: device.id, of: settled)
            }
            try await store.finishSession(
                session.id, status: status, error: failure?.description, totals: totals, halts: halts)
            return try await store.openConflictCount(device: device.id)
        }
        return SessionReport(
            device: device.settings.name, session: session.id, status: status, plan: plan, outcomes: outcomes,
            failure: failure, openConflicts: open)
    }

    /// The saves of which this run knows both sides, and that they don't stand against each other.
    private var settledSaves: Set<Int64> {
        Set(
            zip(plan.operations, outcomes).compactMap { operation, outcome in
                outcome.status == .completed && (operation.isQuiet || operation.action == .remove)
                    ? operation.saveID : nil
            })
    }

    private func count(_ action: Action, _ status: OperationStatus) -> Int {
        zip(plan.operations, outcomes).count { $0.action == action && $1.status == status }
    }
}

extension OperationRecord {
    /// A line of a plan, as it is recorded.
    init(_ operation: Operation) {
        self.init(
            action: operation.action, identity: operation.identity, save: operation.saveID,
            remotePath: operation.remotePath, size: operation.size, reason: operation.reason)
    }
}

extension Planner.Operation {
    /// Whether carrying it out is recorded in the same transaction.
    fileprivate var isWork: Bool {
        switch step {
        case .pull, .push, .remove, .conflict: true
        case .adopt, .markGone, .retire, .nothing, .hold, .skip: false
        }
    }
}
