import Logging
import Store

/// What is done beside the syncs: content hashes brought up to date before the first one, and what retention lets go
/// removed, at the start and then every day.
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

    /// Brings content hashes up to date that an earlier version of the program computed in another way. To be done before
    /// devices are synced: by another way of hashing, an unchanged save looks changed.
    public func rehash() async {
        do {
            guard try await store.hasOldHashes() else { return }
            logger.notice("computing content hashes anew")
            let totals = try await Rehash(store: store, scope: .old).run { version in
                logger.error(
                    "its file is not what was stored: run `saveferry verify`",
                    metadata: ["save": "\(version.save)", "version": "\(version.number)"])
            }
            logger.notice(
                "computed content hashes", metadata: ["versions": "\(totals.versions)", "changed": "\(totals.changed)"])
        } catch {
            if !Task.isCancelled { logger.error("computing content hashes: \(error)") }
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
            // Ended by a signal, it goes on at the next start.
            if !Task.isCancelled { logger.error("removing old versions: \(error)") }
        }
    }
}
