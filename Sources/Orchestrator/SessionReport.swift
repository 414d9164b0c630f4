import Planner
import Store

/// How one device's dry run ended.
public struct DevicePlan: Sendable {
    /// The device's name.
    public let device: String
    /// The plan, or why there is none.
    public let outcome: Result<Plan, DeviceFailure>
}

/// How one device's run ended.
public struct SessionReport: Sendable {
    /// The device's name.
    public let device: String
    /// The session's number, or nil for a run that was refused or could not be recorded.
    public let session: Int64?
    /// How the run ended.
    public let status: SessionStatus
    /// Nil when the run failed before it could be made.
    public let plan: Plan?
    /// One for each operation of the plan, in its order.
    public let outcomes: [OperationOutcome]
    /// What ended the run, or nil when it went through; single operations may have failed all the same.
    public let failure: DeviceFailure?
    /// How many conflicts of this device are open now.
    public let openConflicts: Int

    /// Bytes of the contents that were transferred and recorded; those of operations that failed are not.
    public var bytes: UInt64 {
        zip(plan?.operations ?? [], outcomes).reduce(0) { sum, item in
            item.0.action.movesContent && item.1.status == .completed ? sum + item.0.size : sum
        }
    }

    /// How many operations of this kind were carried out.
    func completed(_ action: Action) -> Int {
        zip(plan?.operations ?? [], outcomes).count { $0.action == action && $1.status == .completed }
    }
}

extension SessionStatus {
    /// How a run with this plan ended: `failure` ended it early, so many operations failed, and so many safety limits closed.
    ///
    /// A halt comes before operations that failed, as in the exit codes.
    init(failure: DeviceFailure?, failed: Int, halts: Int) {
        self =
            switch failure?.code {
            case .interrupted: .cancelled
            case .some: .failed
            case nil: halts > 0 ? .halted : failed > 0 ? .failed : .completed
            }
    }
}

/// How one operation of a plan ended.
public struct OperationOutcome: Hashable, Sendable {
    /// How the operation ended.
    public let status: OperationStatus
    /// What went wrong, for an operation that failed.
    public let error: String?

    /// An outcome; `error` only for a failure.
    public init(_ status: OperationStatus, error: String? = nil) {
        self.status = status
        self.error = error
    }
}
