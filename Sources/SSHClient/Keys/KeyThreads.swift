import Foundation
import Synchronization

/// Threads for work that is nothing but computing, and long: at most as many as there are cores but one, and everything else goes
/// before them. They end when there is nothing left to do.
final class KeyThreads: Sendable {
    /// The same for all who decrypt keys.
    static let shared = KeyThreads()

    private struct State {
        var running = 0
        var waiting: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())
    private let most = max(1, ProcessInfo.processInfo.activeProcessorCount - 1)

    /// Runs `work` once its turn has come, in the order in which it was asked for.
    func run(_ work: @escaping @Sendable () -> Void) {
        let needsThread = state.withLock { state in
            state.waiting.append(work)
            guard state.running < most else { return false }
            state.running += 1
            return true
        }
        guard needsThread else { return }
        Thread.detachNewThread { [self] in
            // On Linux of this thread alone (setpriority(2)).
            _ = setpriority(Int32(PRIO_PROCESS.rawValue), 0, 10)
            while let next = next() { next() }
        }
    }

    private func next() -> (@Sendable () -> Void)? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.running -= 1
                return nil
            }
            return state.waiting.removeFirst()
        }
    }
}
