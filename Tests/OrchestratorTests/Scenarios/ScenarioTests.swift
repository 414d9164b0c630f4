import Foundation
import TestSupport
import Testing

/// What happens between a hub and handhelds behind a real sshd: one test after the other, because deadlines are made for
/// devices and not for a machine that runs twenty servers at once. A test's name begins with the number of its case.
@Suite(.serialized, .timeLimit(.minutes(minutes))) enum ScenarioTests {}

/// How long one test may take. All faults together take hours, each with a limit of its own.
private let minutes = isThorough || ProcessInfo.processInfo.environment["SAVEFERRY_FAULTS"] != nil ? 600 : 15
