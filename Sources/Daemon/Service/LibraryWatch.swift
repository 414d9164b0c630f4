import Logging
import Orchestrator
import Store
import Synchronization

/// Sees whether the library answers. Where it does not, as on a network mount whose server is gone, every run waits for it, and
/// a daemon that is started anew would wait too: so it is told, and nothing else is done about it.
final class LibraryWatch: Sendable {
    private let answer: @Sendable () async -> Void
    private let patience: Duration
    private let heart = Heartbeat()
    private let isAsked = Mutex(false)

    /// - Parameters:
    ///   - patience: How long the library may take.
    ///   - answer: Returns when it has answered.
    init(patience: Duration = .seconds(60), _ answer: @escaping @Sendable () async -> Void) {
        self.patience = patience
        self.answer = answer
    }

    /// Whether it has been asked in vain for longer than that.
    var isSilent: Bool { heart.age.map { $0 > patience } ?? false }

    /// Asks over and over until the task is cancelled. Logs when the answers stop, and when they come again.
    func run(every interval: Duration, _ logger: Logger) async {
        heart.beat()
        var wasSilent = false
        while !Task.isCancelled {
            ask()
            try? await Task.sleep(for: interval)
            guard isSilent != wasSilent else { continue }
            wasSilent.toggle()
            if wasSilent {
                logger.error(
                    "the library has not answered for \(patience.components.seconds) seconds, and syncs wait for it. Look at its disk or mount."
                )
            } else {
                logger.notice("the library answers again")
            }
        }
    }

    /// One question at a time, left to itself: the daemon's end must not wait for what hangs.
    private func ask() {
        let isFirst = isAsked.withLock { isAsked in
            defer { isAsked = true }
            return !isAsked
        }
        guard isFirst else { return }
        Task {
            await answer()
            heart.beat()
            isAsked.withLock { $0 = false }
        }
    }
}
