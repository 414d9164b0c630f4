import Logging
import Store

/// What is done beside the syncs: content hashes brought up to date before the first one; what retention lets go removed, and
/// old runs forgotten, at the start and then every day; and a snapshot of the database as soon as the newest is a day old.
public struct Housekeeping: Sendable {
    private let store: Store
    private let settings: InForce<HousekeepingSettings>
    private let logger: Logger
    private let failure = InForce<String?>(nil)

    private static let interval: Duration = .seconds(86_400)

    /// After how long content hashes are tried again.
    private let retry: Duration

    /// Housekeeping with these settings.
    public init(store: Store, settings: HousekeepingSettings, logger: Logger) {
        self.init(store: store, settings: settings, logger: logger, retry: .seconds(60))
    }

    init(store: Store, settings: HousekeepingSettings, logger: Logger, retry: Duration) {
        self.store = store
        self.settings = InForce(settings)
        self.logger = logger
        self.retry = retry
    }

    /// Why nothing is synced: content hashes can't be brought up to date. Nil while that is under way, and from when it is done.
    public var obstacle: String? {
        failure.value.map { "content hashes can't be computed, before which nothing is synced: \($0)" }
    }

    /// Runs until the task is cancelled; a sweep or a snapshot that is under way ends between two steps. Beside it `syncs` runs,
    /// from when content hashes are up to date.
    public func run(beside syncs: @Sendable () async -> Void) async {
        failure.value = await rehashFailure(after: nil)
        // Also while that fails: it may lack the room that retention makes.
        async let taken: Void = takeSnapshots()
        async let forgotten: Void = forgetOldSessions()
        async let removed: Void = removeOldVersions()
        await retryRehash()
        if !Task.isCancelled { await syncs() }
        await taken
        await forgotten
        await removed
    }

    private func retryRehash() async {
        while let last = failure.value, (try? await Task.sleep(for: retry)) != nil {
            failure.value = await rehashFailure(after: last)
        }
    }

    /// Why content hashes can't be brought up to date, which is told unless it was the `last` reason; nil when they are.
    private func rehashFailure(after last: String?) async -> String? {
        do {
            try await rehash(isAnnounced: last != nil)
            return nil
        } catch {
            let reason = "\(error)"
            if reason != last, !Task.isCancelled {
                logger.error("computing content hashes, before which nothing is synced, tried every minute: \(reason)")
            }
            return reason
        }
    }

    /// Puts other settings in force, from the next day's work on.
    public func reload(_ settings: HousekeepingSettings) {
        self.settings.value = settings
    }

    private func removeOldVersions() async {
        while !Task.isCancelled {
            if let rule = settings.value.rule { await sweep(by: rule) }
            try? await Task.sleep(for: Housekeeping.interval)
        }
    }

    private func forgetOldSessions() async {
        while !Task.isCancelled {
            do {
                let count = try await SessionSweep(of: store).run()
                if count > 0 { logger.info("forgot old runs", metadata: ["runs": "\(count)"]) }
            } catch {
                if !Task.isCancelled { logger.error("forgetting old runs: \(error)") }
            }
            try? await Task.sleep(for: Housekeeping.interval)
        }
    }

    /// Brings content hashes up to date that an earlier version of the program computed in another way. To be done before
    /// devices are synced: by another way of hashing, an unchanged save looks changed.
    public func rehash() async throws { try await rehash(isAnnounced: false) }

    private func rehash(isAnnounced: Bool) async throws {
        guard try await store.hasOldHashes() else { return }
        if !isAnnounced { logger.notice("computing content hashes anew") }
        let totals = try await Rehash(store: store, scope: .old).run { version in
            logger.error(
                "its file is not what was stored: run `saveferry verify`",
                metadata: ["save": "\(version.save)", "version": "\(version.number)"])
        }
        logger.notice(
            "computed content hashes", metadata: ["versions": "\(totals.versions)", "changed": "\(totals.changed)"])
    }

    private func takeSnapshots() async {
        var wait = await settings.value.snapshots?.folder.untilDue() ?? .zero
        var hasWarned = false
        while true {
            guard (try? await Task.sleep(for: wait)) != nil else { return }
            if let (folder, kept) = settings.value.snapshots {
                await takeSnapshot(in: folder, keeping: kept, &hasWarned)
            }
            // Also after a failure: it is tried, and reported, once a day.
            wait = Housekeeping.interval
        }
    }

    /// Takes none of a database without content: day by day it would put those that have some out of the folder.
    private func takeSnapshot(in folder: Snapshots, keeping kept: Int, _ hasWarned: inout Bool) async {
        do {
            guard try await !store.isEmpty() else {
                guard !hasWarned, try await !folder.list().isEmpty else { return }
                hasWarned = true
                return logger.warning(
                    """
                    the database has no devices and no saves, but there are snapshots: as long as that is so, none is taken and \
                    none removed. If it was lost, restore one: see `saveferry snapshot list`
                    """, metadata: ["snapshots": "\(folder.folder)", "state_dir": "\(store.stateDirectory)"])
            }
            let snapshot = try await folder.create(of: store)
            logger.info("took a snapshot", metadata: ["file": "\(snapshot.path)"])
        } catch {
            if !Task.isCancelled { logger.error("taking a snapshot: \(error)") }
            return
        }
        do { _ = try await folder.prune(keeping: kept) } catch {
            if !Task.isCancelled { logger.error("removing old snapshots: \(error)") }
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
