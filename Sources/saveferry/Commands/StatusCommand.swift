import ArgumentParser
import Daemon
import Foundation
import Planner
import Store

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show how each device fares.",
        discussion: """
            Each device's last run, what a safety limit keeps from being synced, conflicts that wait, and runs that failed or were \
            halted since the last that was neither. When a device is \
            synced next and whether it can be reached is what the daemon knows, if one runs.

            Examples:
              saveferry status
              saveferry status --json | jq -r '.devices[] | select(.errors_in_a_row > 2) | .device'
            """)
    @OptionGroup var global: GlobalOptions
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let (settings, store) = try await global.open()
        async let asked = StatusCommand.ask(ControlClient(stateDirectory: settings.stateDirectory))
        let devices = try await store.status()
        let (daemon, problem) = await asked
        let lines = Dictionary(
            daemon?.devices.map { ($0.id, $0) } ?? [], uniquingKeysWith: { first, _ in first })
        if json {
            try JSON.answer(
                StatusDocument(
                    devices: devices.map { .init($0, lines[$0.device.id]) }, daemon: daemon.map { .init($0) }))
            if let problem, problem != .absent { Console.note("\(problem)") }
            return
        }
        guard !devices.isEmpty else {
            Console.answer("No devices yet. Add one with `saveferry device add`.")
            return
        }
        Console.answer(StatusText.table(devices, lines, now: Date()))
        for line in StatusText.halts(devices) { Console.answer(line) }
        if let daemon {
            Console.answer("The daemon (process \(daemon.pid)) has been running since \(Formats.time(daemon.since)).")
        } else if problem == .absent {
            Console.answer("No daemon is running; start one with `saveferry serve`.")
        } else if let problem {
            Console.answer("The daemon's part is missing: \(problem).")
        }
    }

    /// What the daemon says, within a second, or why it says nothing.
    private static func ask(_ client: ControlClient) async -> (DaemonReport?, ControlError?) {
        do { return (try await client.status(within: .seconds(1)), nil) } catch { return (nil, error) }
    }
}

/// How the devices fare, as JSON.
struct StatusDocument: Encodable {
    struct Device: Encodable {
        let device: String, enabled: Bool, trusted: Bool, trackedSaves: Int, openConflicts: Int, errorsInARow: Int
        let halts: [SessionRecord.Halt], heldSaves: Int
        let lastSession: SessionRecord?, lastSuccess: Date?
        let online: Bool?, running: Bool?, nextRun: Date?

        init(_ status: DeviceStatus, _ line: DaemonReport.DeviceLine?) {
            let settings = status.device.settings
            (device, enabled, trusted) = (settings.name, settings.isEnabled, !status.device.hostKeys.isEmpty)
            (trackedSaves, openConflicts) = (status.trackedSaves, status.openConflicts)
            errorsInARow = status.errorsInARow
            halts = status.halts.map { .init($0) }
            heldSaves = status.heldSaves
            lastSession = status.lastSession.map { SessionRecord($0) }
            lastSuccess = status.lastSuccess
            (online, running, nextRun) = (line?.online, line?.running, line?.nextRun)
        }
    }

    struct Daemon: Encodable {
        let pid: Int32, since: Date, version: String

        init(_ report: DaemonReport) { (pid, since, version) = (report.pid, report.since, report.version) }
    }

    let devices: [Device]
    let daemon: Daemon?

    private enum Key: CodingKey { case devices, daemon }

    /// `daemon` is there also when none runs: null.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(devices, forKey: .devices)
        try container.encode(daemon, forKey: .daemon)
    }
}
