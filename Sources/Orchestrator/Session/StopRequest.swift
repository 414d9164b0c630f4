import Synchronization

/// Ends a run in two steps: cancelling the task first lets the operations in hand finish and starts no new ones;
/// when they take longer than the grace period, they are cancelled and undone.
struct StopRequest: Sendable {
    private let state = State()

    private final class State: Sendable {
        let isRequested = Mutex(false)
    }

    /// How long operations in hand may take to finish.
    static let grace: Duration = .seconds(3)

    /// Whether no new operation may begin.
    var isRequested: Bool { state.isRequested.withLock { $0 } }

    /// Throws when the run is to end.
    func check() throws {
        if isRequested { throw CancellationError() }
    }

    /// Runs `work`, translating the task's cancellation into the two steps.
    func guarding<Result: Sendable>(_ work: @escaping @Sendable () async -> Result) async -> Result {
        let task = Task { await work() }
        return await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            state.isRequested.withLock { $0 = true }
            Task {
                try? await Task.sleep(for: StopRequest.grace)
                task.cancel()
            }
        }
    }
}

/// Runs `work` to its end even when the current task is cancelled: for records of what has already happened.
func uncancelled<Result: Sendable>(
    _ work: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await Task { try await work() }.value
}
