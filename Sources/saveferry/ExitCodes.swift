import Orchestrator
import Planner

extension DeviceFailure {
    /// The process's exit code for this failure.
    var exitCode: Int32 {
        switch code {
        case .configuration: 2
        case .unreachable: 5
        case .hostKey: 6
        case .authentication: 7
        case .busy: 8
        case .interrupted, .other: 1
        }
    }
}

extension DevicePlan {
    /// 0, or what keeps the plan from being carried out as it stands.
    var exitCode: Int32 {
        switch outcome {
        case .failure(let failure): failure.exitCode
        case .success(let plan): plan.halts.isEmpty ? 0 : 4
        }
    }
}

extension SessionReport {
    /// 0, or the highest code of all that went wrong.
    var exitCode: Int32 {
        if let failure { return failure.exitCode }
        if plan?.halts.isEmpty == false { return 4 }
        if openConflicts > 0 { return 3 }
        return status == .completed ? 0 : 1
    }
}
