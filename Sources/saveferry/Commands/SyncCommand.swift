import ArgumentParser
import Foundation
import Orchestrator
import Planner
import Store

struct SyncCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync", abstract: "Sync saves both ways, now.",
        discussion: """
            A save that was deleted on a device stays on the server and is not put there again. --put-back does that: for all \
            that are gone from one device, for one platform, or for the saves that are named. Folders that are missing in a \
            save directory are made; a save directory itself is not, because its card may not be mounted. Where the device has \
            another content under the name meanwhile, nothing is replaced: it is a conflict.

            Examples:
              saveferry sync
              saveferry sync pocket
              saveferry sync pocket --dry-run --json
              saveferry sync pocket --put-back
              saveferry sync pocket --put-back --platform gba
              saveferry sync pocket --put-back gba/Metroid "snes/Chrono Trigger"
            """)
    @OptionGroup var global: GlobalOptions
    @OptionGroup var options: RunOptions
    @Flag(help: "Only show what would be done, as `plan` does.") var dryRun = false

    func run() async throws {
        if dryRun {
            try await printPlans(options, global)
            return
        }
        let valves = try options.valves()
        let (store, orchestrator, events, settings) = try await global.orchestrator()
        try await store.requireLibrary()
        let devices = try await options.devices(store)
        let putBack = try await options.putBack(store)
        let housekeeping = Housekeeping(store: store, settings: .init(), logger: global.logger(settings))
        let reports = try await Signals.cancelling {
            try await housekeeping.rehash()
            return await ProgressLine.during(events) {
                await orchestrator.sync(devices, trigger: .onDemand, allowing: valves, puttingBack: putBack)
            }
        }
        if options.json { try JSON.answer(["sessions": reports.map(SessionDocument.init)]) }
        for report in reports {
            if let plan = report.plan, !options.json {
                Console.answer(PlanText.text(plan, all: options.all, outcomes: report.outcomes))
                if report.openConflicts > 0 {
                    Console.answer("\(Formats.count(report.openConflicts, "conflict")) open: see `saveferry conflicts`")
                }
            }
            if let failure = report.failure { Console.error("\(report.device): \(failure)") }
        }
        throw ExitCode(reports.map(\.exitCode).max() ?? 0)
    }
}
