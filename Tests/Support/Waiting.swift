import Foundation
import Synchronization

/// In seconds. A test that fails takes as long; one that succeeds, no longer than it needs.
public let longEnough = 300.0

/// Waits until `condition` holds, looking often; fails after a time that no working machine needs. `what` is put into words then.
public func eventually(
    within seconds: Double = longEnough, _ what: @autoclosure () -> String,
    _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + .seconds(seconds)
    while try await !condition() {
        guard ContinuousClock.now < end else { throw TimedOut(what: what()) }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// What `work` returns; fails after a time that no working machine needs, and then leaves it to itself: what hangs may
/// not heed that it is cancelled.
public func finish<Value: Sendable>(
    within seconds: Double = longEnough, _ what: String, _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        let first = First(continuation)
        let limit = Task {
            guard (try? await Task.sleep(for: .seconds(seconds))) != nil else { return }
            first.resume(.failure(TimedOut(what: what)))
        }
        Task {
            let result: Result<Value, any Error>
            do { result = .success(try await work()) } catch { result = .failure(error) }
            limit.cancel()
            first.resume(result)
        }
    }
}

/// Resumes once, whoever comes first.
private final class First<Value: Sendable>: Sendable {
    private let waiting: Mutex<CheckedContinuation<Value, any Error>?>

    init(_ continuation: CheckedContinuation<Value, any Error>) { waiting = Mutex(continuation) }

    func resume(_ result: Result<Value, any Error>) {
        let continuation = waiting.withLock { waiting in
            defer { waiting = nil }
            return waiting
        }
        continuation?.resume(with: result)
    }
}

/// ``eventually(within:_:_:)`` or ``finish(within:_:_:)`` gave up.
public struct TimedOut: Error, CustomStringConvertible {
    let what: String
    /// What never came true.
    public var description: String { "it never came true that \(what)" }
}
