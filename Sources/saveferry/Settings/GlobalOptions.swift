import ArgumentParser
import Foundation
import Logging
import Orchestrator
import Planner
import SSHClient
import Store

/// The options that every command takes.
struct GlobalOptions: ParsableArguments {
    @Option(help: ArgumentHelp("One folder for everything: state, library, keys and saveferry.yaml.", valueName: "dir"))
    var home: String?

    @Option(help: ArgumentHelp("The settings file.", valueName: "file"))
    var config: String?

    @Flag(name: .shortAndLong, help: "Say more about what happens.")
    var verbose = false

    @Flag(name: .shortAndLong, help: "Say nothing but answers and errors.")
    var quiet = false

    var logger: Logger {
        let level: Logger.Level =
            verbose
            ? .debug : quiet ? .error : Environment["SAVEFERRY_LOG"].flatMap { Logger.Level(rawValue: $0) } ?? .notice
        return Logger(label: "saveferry") { _ in StderrLogHandler(logLevel: level) }
    }

    /// Flags over environment over file over defaults.
    func settings() throws -> Settings {
        try Settings(home: home, config: config)
    }

    /// The settings and the opened state.
    func open() async throws -> (settings: Settings, store: Store) {
        let settings = try settings()
        let store = try await Store.open(
            stateDirectory: settings.stateDirectory, libraryDirectory: settings.libraryDirectory, now: { Date() },
            logger: logger)
        return (settings, store)
    }

    /// An orchestrator over the opened state.
    func orchestrator() async throws -> (store: Store, orchestrator: Orchestrator, events: EventBus, settings: Settings)
    {
        let (settings, store) = try await open()
        let events = EventBus()
        let orchestrator = Orchestrator(
            store: store, settings: settings.orchestrator, clock: MachineClock(), logger: logger, events: events)
        return (store, orchestrator, events, settings)
    }
}

/// The process's environment.
enum Environment {
    /// A variable that is set and not empty.
    static subscript(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}
