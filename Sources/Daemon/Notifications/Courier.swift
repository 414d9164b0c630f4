import Foundation
import Logging
import Orchestrator

/// Delivers the notices for one target, one after the other and in order, for as long as it takes.
///
/// What can't be delivered is tried again, at most for a day; what exceeds the rate is put together into one notice.
/// A target that does not work makes one line in the log when that begins and one when it ends, however many notices fail.
actor Courier {
    private let target: NotificationTarget
    private let attempt: @Sendable (Notice) async -> Attempt
    private let clock: any SystemClock
    private let logger: Logger
    private var queue: [Notice] = []
    private var bucket: TokenBucket
    /// What ``run()`` waits in, and whether a new notice ends that.
    private var wait: (task: Task<Void, Never>, isIdle: Bool)?
    private var isEnding = false
    /// How many notices were lost since the target began to fail; nil while it works.
    private var lost: Int?
    /// What was tried in vain when it had to end.
    private var left: [Notice] = []

    /// How many notices wait at the most; then the oldest goes.
    static let mostWaiting = 100
    /// How many seconds a notice is worth telling.
    private static let longestKept: TimeInterval = 86_400

    init(
        _ target: NotificationTarget, clock: any SystemClock, logger: Logger,
        attempt: @escaping @Sendable (Notice) async -> Attempt
    ) {
        self.target = target
        self.attempt = attempt
        self.clock = clock
        self.logger = logger
        bucket = TokenBucket(target.rate, at: clock.seconds)
    }

    /// Takes a notice, if it is one that the target wants. Returns false when it takes none any more.
    @discardableResult
    func enqueue(_ notice: Notice) -> Bool {
        guard !isEnding else { return false }
        guard target.events.contains(notice.kind) else { return true }
        if queue.count == Courier.mostWaiting {
            queue.removeFirst()
            lose("more than \(Courier.mostWaiting) notices wait; the oldest are dropped")
        }
        queue.append(notice)
        if wait?.isIdle == true { wait?.task.cancel() }
        return true
    }

    /// Delivers until ``end()``, and then what is left, each once; or until the task is cancelled. Returns what could not be
    /// delivered, in order.
    func run() async -> [Notice] {
        while !Task.isCancelled {
            if queue.isEmpty {
                if isEnding { break }
                await pause(.infinity, isIdle: true)
            } else if let seconds = bucket.take(at: clock.seconds) {
                await pause(seconds)
                // By then there may be several: they go out as one.
                if isEnding || bucket.take(at: clock.seconds) == nil { await deliver(takeAll()) }
            } else {
                await deliver(queue.removeFirst())
            }
        }
        return left + queue
    }

    /// No notice is taken any more, and nothing waited for.
    func end() {
        isEnding = true
        wait?.task.cancel()
    }

    /// Tells the log how many notices never arrive: those that were lost since the target began to fail, and so many more.
    func abandon(_ left: Int) {
        let count = (lost ?? 0) + left
        guard count > 0 else { return }
        logger.error(
            "notifications: \(target.name): \(count) \(count == 1 ? "notice was" : "notices were") not delivered at the end"
        )
    }

    private func takeAll() -> Notice {
        defer { queue = [] }
        return .summary(of: queue)
    }

    private func deliver(_ notice: Notice) async {
        var attempts = 0
        while !Task.isCancelled {
            switch await attempt(notice) {
            case .delivered: return works()
            case .refused(let why): return lose(why)
            case .failed(let why, let asked):
                attempts += 1
                guard clock.now().timeIntervalSince(notice.date) < Courier.longestKept else { return lose(why) }
                if isEnding {
                    fails(why)
                    return left.append(notice)
                }
                fails("\(why); it is tried again")
                await pause(Backoff.seconds(after: attempts, asked: asked, chance: .random(in: 0...1)))
            }
        }
        left.append(notice)
    }

    private func pause(_ seconds: Double, isIdle: Bool = false) async {
        guard !isEnding else { return }
        let task = Task { _ = try? await Task.sleep(for: .seconds(min(seconds, 86_400))) }
        wait = (task, isIdle)
        await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
        wait = nil
    }

    private func works() {
        guard let lost else { return }
        self.lost = nil
        let loss = lost == 0 ? "" : "; \(lost) \(lost == 1 ? "notice was" : "notices were") lost"
        logger.notice("notifications: \(target.name) works again\(loss)")
    }

    private func lose(_ why: String) {
        fails(why)
        lost = (lost ?? 0) + 1
    }

    private func fails(_ why: String) {
        guard lost == nil else { return }
        lost = 0
        logger.error("notifications: \(target.name): \(why)")
    }
}

extension SystemClock {
    /// The monotonic clock in seconds.
    var seconds: Double { Double(moment().nanoseconds) / 1e9 }
}
