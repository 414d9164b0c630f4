/// What one check came to.
public struct Finding: Sendable {
    /// How it went.
    public enum Result: String, Sendable {
        case fine = "ok", warning = "warn", failed = "fail"
    }

    /// What was checked.
    public let check: String
    /// How it went.
    public let result: Result
    /// What was found.
    public let detail: String
    /// What to do about it; empty where there is nothing to do.
    public let advice: String
    /// The failure behind it, where a run would fail the same way.
    public let failure: DeviceFailure?

    static func fine(_ check: String, _ detail: String) -> Finding {
        Finding(check: check, result: .fine, detail: detail, advice: "", failure: nil)
    }

    static func warning(_ check: String, _ detail: String, _ advice: String = "") -> Finding {
        Finding(check: check, result: .warning, detail: detail, advice: advice, failure: nil)
    }

    static func failed(_ check: String, _ error: any Error) -> Finding {
        let failure = DeviceFailure(error)
        return Finding(
            check: check, result: .failed, detail: failure.message, advice: failure.advice, failure: failure)
    }
}
