import ArgumentParser
import Orchestrator

/// The flags that say when devices are synced.
struct ScheduleOptions: ParsableArguments {
    @Option(help: ArgumentHelp("For devices without one: \(Schedule.expectation).", valueName: "when"))
    var schedule: String?

    @Option(
        help: ArgumentHelp(
            "How often to look whether a device is online: \(ScheduleSettings.wakeExpectation).", valueName: "interval")
    )
    var wake: String?

    /// The flags over the settings.
    func settings(over settings: Settings) throws -> ScheduleSettings {
        var scheduling = settings.scheduling
        do throws(ScheduleError) {
            if let schedule { scheduling.fallback = try Schedule(schedule) }
        } catch {
            throw SettingsError("--schedule: \(error)")
        }
        do throws(ScheduleError) {
            if let wake { scheduling.wake = try ScheduleSettings.wake(wake) }
        } catch {
            throw SettingsError("--wake: \(error)")
        }
        return scheduling
    }
}
