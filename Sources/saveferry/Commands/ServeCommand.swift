import ArgumentParser
import Daemon
import Foundation
import Logging
import Orchestrator
import Planner
import Store

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Sync devices when they are due, until stopped.",
        discussion: """
            A device is due by its own schedule, else by --schedule, SAVEFERRY_SCHEDULE or the one in saveferry.yaml, \
            else every 15 minutes. One that comes online is synced at once: --wake says how often to look; one that is \
            away is left alone until then.

            SIGTERM and SIGINT end it cleanly, within ten seconds: operations in hand are finished or undone; a second one \
            ends it at once. SIGHUP reads saveferry.yaml anew. One daemon serves a state directory; every other command \
            works beside it, and devices that they add or change are picked up without a restart.

            Versions that retention lets go are removed after the start and then every day; see \
            `saveferry retention --help`. A snapshot of the database is taken every day; see `saveferry snapshot --help`.

            Examples:
              saveferry serve
              saveferry serve --schedule @hourly --wake 5s
              saveferry serve --metrics 127.0.0.1:9632 --log-format json
              saveferry device edit pocket --schedule "*/10 8-23 * * *"
              saveferry device edit attic --schedule off
              saveferry serve --check && saveferry status
            """)
    @OptionGroup var global: GlobalOptions
    @OptionGroup var scheduling: ScheduleOptions
    @OptionGroup var retention: RetentionOptions

    @Option(
        help: ArgumentHelp(
            "Offer Prometheus metrics and /healthz there, for example on 127.0.0.1:9632.", valueName: "address:port"))
    var metrics: String?

    @Flag(help: "Only say whether a daemon serves the state directory: exit code 0 when one does, 1 when none does.")
    var check = false

    /// What ends it is told like the rest of the log.
    func run() async throws {
        if check { return try sayWhoServes() }
        let settings = try global.settings()
        let logStyle = InForce(global.logStyle(settings))
        let logger = global.logger(logStyle, isStamped: true)
        do { try await serve(settings, logStyle, logger) } catch {
            let ending = Ending(error)
            logger.error("\(ending?.message ?? "\(error)")")
            throw ExitCode(ending?.exitCode ?? 1)
        }
    }

    private func serve(_ settings: Settings, _ logStyle: InForce<LogStyle>, _ logger: Logger) async throws {
        let manager = ServiceManager.fromEnvironment()
        let shutdown = Shutdown(logger: logger)
        let hangups = Hangups()
        let isInTerminal = Console.isInteractive
        let right = try await DaemonLock.acquire(stateDirectory: settings.stateDirectory, now: Date())
        let (store, orchestrator, events) = try await manager.waiting {
            try await global.orchestrator(settings, logger)
        }
        try await store.requireLibrary()
        let devices = try await store.devices()
        let scheduler = Scheduler(orchestrator: orchestrator, settings: try scheduling.settings(over: settings))
        let housekeeping = Housekeeping(store: store, settings: try housekeepingSettings(settings), logger: logger)
        let vitals = Vitals(of: store, orchestrator, housekeeping)
        let observability = try Observability(
            of: events, store: store, vitals: vitals, metrics: metricsAddress ?? settings.metrics,
            version: SaveFerry.version,
            now: { Date() }, outlook: { await scheduler.outlook() }, logger: logger)
        let notifier = await Notifier(settings.notifications, store: store, events: events, logger: logger)
        let daemon = Daemon(
            observability.services + [
                notifier,
                Work { await vitals.follow(events, logger: logger) },
                Work { await housekeeping.run { await scheduler.run() } },
                Reloading(at: hangups) {
                    // A terminal that was closed says so by SIGHUP too; who looked there wants no daemon left behind.
                    if isInTerminal, isatty(STDERR_FILENO) == 0 { return shutdown.begin() }
                    await reload(since: settings, logger) { settings in
                        let (schedule, kept) = try (
                            scheduling.settings(over: settings), housekeepingSettings(settings)
                        )
                        await orchestrator.reload(settings.orchestrator)
                        await scheduler.reload(schedule)
                        housekeeping.reload(kept)
                        await notifier.reload(settings.notifications)
                        logStyle.value = global.logStyle(settings)
                    }
                },
                Supervision(by: manager, hearts: vitals.hearts) { vitals.line },
            ], logger: logger)
        logger.notice("serving", metadata: ["devices": "\(devices.count)", "state_dir": "\(settings.stateDirectory)"])
        try await daemon.run(until: shutdown)
        logger.notice("stopped")
        store.close()
        right.release()
    }

    private func housekeepingSettings(_ settings: Settings) throws -> HousekeepingSettings {
        HousekeepingSettings(
            rule: try retention.rule(over: settings),
            snapshots: settings.snapshots.map { (settings.snapshotFolder, keeping: $0) })
    }

    /// Reads the settings anew and puts them in force, as far as that goes without a restart. Where they can't be used, the
    /// old ones stay.
    private func reload(
        since start: Settings, _ logger: Logger, putInForce: (Settings) async throws -> Void
    ) async {
        do {
            // Without a file there is nothing to be read anew; where there was one, an editor may be about to replace it.
            let settings = try global.settings(isFileRequired: true)
            try await putInForce(settings)
            logger.notice("read the settings anew")
            for (key, old, new) in [
                ("state_dir", start.stateDirectory, settings.stateDirectory),
                ("library_dir", start.libraryDirectory, settings.libraryDirectory),
                ("metrics", start.metrics?.description ?? "none", settings.metrics?.description ?? "none"),
            ] where old != new {
                logger.warning("\(key) takes effect at the next start", metadata: ["now": "\(old)", "then": "\(new)"])
            }
        } catch {
            logger.error("\(error). The old settings stay in force.")
        }
    }

    private func sayWhoServes() throws {
        let directory = try global.settings().stateDirectory
        guard let holder = try DaemonLock.holder(stateDirectory: directory) else {
            Console.answer("no daemon serves \(directory)")
            throw ExitCode(1)
        }
        Console.answer("\(directory) is served by \(holder)")
    }

    private var metricsAddress: LoopbackAddress? {
        get throws {
            guard let metrics else { return nil }
            guard let address = LoopbackAddress(metrics) else {
                throw SettingsError(
                    "--metrics: \"\(metrics)\" can't be used; expected \(LoopbackAddress.expectation)")
            }
            return address
        }
    }
}
