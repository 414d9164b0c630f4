import Logging
import Store

/// What is done beside the syncs, until its task is cancelled: removing what retention lets go, at the start and then
/// every day.
public struct Housekeeping: Sendable {
    private let store: Store
    private let rule: RetentionRule?
    private let logger: Logger

    private static let interval: Duration = .seconds(86_400)

    /// Housekeeping; `rule` is nil where everything stays.
    public init(store: Store, rule: RetentionRule?, logger: Logger) {
        self.store = store
        self.rule = rule
        self.logger = logger
    }

    /// Runs until the task is cancelled; a sweep that is under way ends between two steps.
    public func run() async {
        guard let rule else { return }
        while !Task.isCancelled {
            await sweep(by: rule)
            try? await Task.sleep(for: Housekeeping.interval)
        }
    }

    private func sweep(by rule: RetentionRule) async {
        do {
            let totals = try await RetentionSweep(store: store, rule: rule, logger: logger).run()
            for failure in totals.failures { logger.error("\(failure)") }
            guard totals.removed > 0 else { return }
            logger.notice(
                "removed old versions", metadata: ["versions": "\(totals.removed)", "bytes": "\(totals.bytes)"])
        } catch {
            logger.error("removing old versions: \(error)")
        }
    }
}
