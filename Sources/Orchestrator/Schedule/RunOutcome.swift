/// How one run of a device ended, as far as its timetable is concerned.
enum RunOutcome: Sendable {
    /// It went through: this many saves were moved, and this many operations failed.
    case done(moved: Int, failed: Int)
    /// It failed as a whole.
    case failed(DeviceFailure)
    /// Another process held the device.
    case busy(DeviceFailure)
    case interrupted
}

extension RunOutcome {
    init(_ report: SessionReport) {
        switch report.failure {
        case nil: self = .done(moved: report.moved, failed: report.failed)
        case let failure?:
            switch failure.code {
            case .busy: self = .busy(failure)
            case .interrupted: self = .interrupted
            default: self = .failed(failure)
            }
        }
    }
}

extension SessionReport {
    /// Saves that were copied one way or the other, or removed.
    var moved: Int { completed(.pull) + completed(.push) + completed(.remove) }
    /// Operations that failed.
    var failed: Int { outcomes.count { $0.status == .failed } }
}
