import SSHClient
import Store

/// Why a whole device could not be planned or synced.
public struct DeviceFailure: Error, Sendable, CustomStringConvertible {
    /// What kind of failure, and with it the exit code.
    public enum Code: String, Sendable {
        case configuration, unreachable
        case hostKey = "host-key"
        case authentication, busy, interrupted, other
    }

    /// What kind of failure.
    public let code: Code
    /// What happened, and to what.
    public let message: String
    /// What the user can do about it; empty where there is nothing but to try again.
    public let advice: String

    /// A failure with this code.
    public init(code: Code, message: String, advice: String = "") {
        self.code = code
        self.message = message
        self.advice = advice
    }

    /// Message and advice in one line.
    public var description: String {
        advice.isEmpty ? message : "\(message). \(advice)"
    }

    /// The failure that any error amounts to when it ends a run.
    init(_ error: any Error) {
        switch error {
        case let failure as DeviceFailure: self = failure
        case let error as SSHError: self.init(error)
        case let error as StoreError: self.init(error)
        case is CancellationError:
            self.init(code: .interrupted, message: "the run was interrupted", advice: "The next run finishes the work.")
        default: self.init(code: .other, message: String(describing: error))
        }
    }

    private init(_ error: SSHError) {
        let code: Code =
            switch error.code {
            case .hostKeyUnknown, .hostKeyChanged, .hostKeyUnusable: .hostKey
            case .authenticationRefused, .badKeyFile: .authentication
            case .unreachable, .timedOut, .disconnected, .noCommonAlgorithm: .unreachable
            case .cancelled: .interrupted
            default: .other
            }
        self.init(code: code, message: error.what, advice: error.advice)
    }

    private init(_ error: StoreError) {
        let code: Code =
            switch error.code {
            case .held: .busy
            case .notFound, .invalid: .configuration
            default: .other
            }
        self.init(code: code, message: error.what, advice: error.advice)
    }
}
