import ArgumentParser
import Foundation
import Orchestrator
import Planner
import Store

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Sync devices when they are due, until stopped.",
        discussion: """
            A device is due by its own schedule, or by the one in saveferry.yaml or SAVEFERRY_SCHEDULE. SIGTERM and \
            SIGINT end it cleanly: operations in hand are finished or undone.

            Versions that retention lets go are removed after the start and then every day; see \
            `saveferry retention --help`.

            Examples:
              saveferry serve --schedule 15m
              saveferry device edit pocket --schedule "*/10 8-23 * * *"
            """)
    @OptionGroup var global: GlobalOptions
    @Option(help: ArgumentHelp("For devices without one: \(Schedule.expectation).", valueName: "when"))
    var schedule: String?
    @OptionGroup var retention: RetentionOptions

    func run() async throws {
        let given: Schedule?
        do { given = try schedule.map { text throws(ScheduleError) in try Schedule(text) } } catch {
            throw SettingsError("--schedule: \(error)")
        }
        let (store, orchestrator, _, settings) = try await global.orchestrator()
        let fallback = given ?? settings.schedule
        let devices = try await store.devices()
        guard fallback != nil || devices.contains(where: { $0.settings.schedule != nil }) else {
            throw SettingsError(
                "nothing is ever due: no device has a schedule and there is none for all; give --schedule 15m")
        }
        let rule = try retention.rule(over: settings)
        let logger = global.logger
        logger.notice("serving", metadata: ["devices": "\(devices.count)"])
        let scheduler = Scheduler(orchestrator: orchestrator, fallback: fallback)
        let housekeeping = Housekeeping(store: store, rule: rule, logger: logger)
        await Signals.cancelling {
            await housekeeping.rehash()
            async let kept: Void = housekeeping.run()
            await scheduler.run()
            await kept
        }
        logger.notice("stopped")
        store.close()
    }
}
