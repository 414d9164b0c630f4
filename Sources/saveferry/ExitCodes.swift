import Daemon
import Orchestrator
import Planner
import SSHClient
import Store

/// How an error ends the program.
struct Ending {
    /// What happened, and what to do about it.
    let message: String
    let exitCode: Int32

    /// Nil for errors of the command line's parser, and for those that were told already.
    init?(_ error: any Error) {
        message = "\(error)"
        switch error {
        case let error as StoreError:
            exitCode = error.code == .held ? 8 : [.notFound, .invalid, .alreadyExists].contains(error.code) ? 2 : 1
        case let error as DeviceFailure: exitCode = error.exitCode
        case let error as ControlError: exitCode = error == .absent ? 2 : 1
        case is SSHError, is SettingsError: exitCode = 2
        // A port that is taken may be free at the next start.
        case is ListenError: exitCode = 1
        default: return nil
        }
    }
}

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
    /// What `sync` would end with if all that the plan does went well.
    var exitCode: Int32 {
        switch outcome {
        case .failure(let failure): failure.exitCode
        case .success(let plan): plan.halts.isEmpty ? plan.count(.conflict) > 0 ? 3 : plan.hasProblems ? 1 : 0 : 4
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
