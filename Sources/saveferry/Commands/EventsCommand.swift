import ArgumentParser
import Daemon
import Foundation
import Store

struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "Show what the daemon does, as lines of JSON.",
        discussion: """
            Asks the running daemon for its last 100 events and for what is under way, and prints one JSON document a line: \
            sync:started, sync:progress (at most ten a second), sync:completed, sync:conflict and sync:error, with time, \
            device and session. An event is told only when the database has it. With --follow it goes on until \
            interrupted; a reader that can't keep up gets {"event":"lost","count":N} in place of the oldest.

            Exit codes: 0 all shown, or nobody reads on; 1 the daemon ended; 2 no daemon is running.

            Examples:
              saveferry events
              saveferry events --follow --device pocket
              saveferry events --follow | jq -r 'select(.event == "sync:conflict") | "\\(.device): \\(.game)"'
            """)
    @OptionGroup var global: GlobalOptions
    @Flag(help: "Go on with the events to come.") var follow = false
    @Option(help: ArgumentHelp("Only this device's. Repeatable.", valueName: "name")) var device: [String] = []

    func run() async throws {
        let settings = try global.settings()
        if !device.isEmpty { try await checkNames() }
        let daemon = ControlClient(stateDirectory: settings.stateDirectory)
        do {
            try await daemon.events(of: device, follow: follow) { line in
                guard Console.stream(line) else { throw ControlError.unread }
            }
        } catch ControlError.unread {
            return
        }
        if follow {
            Console.error("the daemon ended")
            throw ExitCode(1)
        }
    }

    /// A name that no device has would be waited for in vain.
    private func checkNames() async throws {
        let (_, store) = try await global.open()
        for name in device { _ = try await store.device(named: name) }
        store.close()
    }
}
