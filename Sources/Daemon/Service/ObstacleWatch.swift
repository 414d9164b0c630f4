import Logging
import Orchestrator
import Synchronization

/// Sees whether runs can begin, and tells the log when they can't any more, and when they can again.
final class ObstacleWatch: Sendable {
    private struct State {
        /// What was found last.
        var obstacle: String?
        /// The look that is under way: one at a time, since what hangs must not pile up.
        var look: Task<Void, Never>?
    }

    private let find: @Sendable () async -> String?
    private let state = Mutex(State())

    /// How long a look may take for its answer to be waited for.
    private static let patience: Duration = .seconds(2)

    /// - Parameter find: what keeps runs from beginning, or nil.
    init(_ find: @escaping @Sendable () async -> String?) {
        self.find = find
    }

    /// What keeps runs from beginning right now, or nil; what was found last where that can't be told at once.
    var obstacle: String? {
        get async {
            let look = look()
            _ = await Health.answer(within: ObstacleWatch.patience) { await look.value }
            return state.withLock(\.obstacle)
        }
    }

    private func look() -> Task<Void, Never> {
        state.withLock { state in
            if let look = state.look { return look }
            let look = Task {
                let found = await find()
                self.state.withLock { ($0.obstacle, $0.look) = (found, nil) }
            }
            state.look = look
            return look
        }
    }

    /// Looks over and over until the task is cancelled.
    func run(every interval: Duration, _ logger: Logger) async {
        var told: String?
        while !Task.isCancelled {
            let obstacle = await obstacle
            if let obstacle, obstacle != told { logger.error("nothing can be synced: \(obstacle)") }
            if obstacle == nil, told != nil { logger.notice("syncs can begin again") }
            told = obstacle
            try? await Task.sleep(for: interval)
        }
    }
}
