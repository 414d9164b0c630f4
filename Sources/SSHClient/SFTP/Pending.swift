/// An answer that was asked for and may not be there yet.
///
/// Confined to the actor that asked.
final class Pending<Answer: Sendable> {
    private var result: Result<Answer, SSHError>?
    private var continuation: CheckedContinuation<Result<Answer, SSHError>, Never>?
    private var onArrival: ((Result<Answer, SSHError>) -> Void)?
    /// How many answers had come when this one did; later answers have larger numbers.
    private(set) var order = 0

    /// Whether the answer is here.
    var hasArrived: Bool { result != nil }

    init(onArrival: ((Result<Answer, SSHError>) -> Void)? = nil) {
        self.onArrival = onArrival
    }

    func arrive(_ result: Result<Answer, SSHError>, order: Int) {
        self.order = order
        onArrival?(result)
        self.result = result
        continuation?.resume(returning: result)
        continuation = nil
    }

    /// Gives the answer to `body`, now or when it comes. For answers that nobody waits for any more.
    func whenHere(_ body: @escaping (Result<Answer, SSHError>) -> Void) {
        if let result { body(result) } else { onArrival = body }
    }

    /// Waits for the answer. May be called again once it has come, but not by two at a time.
    func value(isolation: isolated (any Actor)? = #isolation) async throws(SSHError) -> Answer {
        if let result { return try result.get() }
        return try await withCheckedContinuation { continuation in
            // Asked again: on the way here the task may have been suspended, and the answer have come.
            if let result { continuation.resume(returning: result) } else { self.continuation = continuation }
        }.get()
    }
}
