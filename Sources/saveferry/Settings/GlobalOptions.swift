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

    @Option(help: ArgumentHelp("How log lines look: text or json.", valueName: "format"))
    var logFormat: LogFormat?

    /// The logger by flags and settings.
    func logger(_ settings: Settings) -> Logger { logger(InForce(logStyle(settings)), isStamped: false) }

    /// A logger whose style may change. `isStamped` puts the time before text lines that end in a file.
    func logger(_ style: InForce<LogStyle>, isStamped: Bool) -> Logger {
        let prefix = LogPrefix.forStandardError(isStamped: isStamped)
        return Logger(label: "saveferry") { _ in StderrLogHandler(style, prefix: prefix) }
    }

    /// Flags over settings.
    func logStyle(_ settings: Settings) -> LogStyle {
        LogStyle(
            level: verbose ? .debug : quiet ? .error : settings.logLevel, format: logFormat ?? settings.logFormat)
    }

    /// Flags over environment over file over defaults; see ``Settings/init(home:config:isFileRequired:)``.
    func settings(isFileRequired: Bool = false) throws -> Settings {
        try Settings(home: home, config: config, isFileRequired: isFileRequired)
    }

    /// The settings and the opened state.
    func open() async throws -> (settings: Settings, store: Store) {
        let settings = try settings()
        return (settings, try await open(settings, logger(settings)))
    }

    private func open(_ settings: Settings, _ logger: Logger) async throws -> Store {
        try await Store.open(
            stateDirectory: settings.stateDirectory, libraryDirectory: settings.libraryDirectory, now: { Date() },
            logger: logger)
    }

    /// The settings, and an orchestrator over the opened state.
    func orchestrator() async throws -> (store: Store, orchestrator: Orchestrator, events: EventBus, settings: Settings)
    {
        let settings = try settings()
        let (store, orchestrator, events) = try await orchestrator(settings, logger(settings))
        return (store, orchestrator, events, settings)
    }

    /// An orchestrator over the opened state.
    func orchestrator(
        _ settings: Settings, _ logger: Logger
    ) async throws -> (store: Store, orchestrator: Orchestrator, events: EventBus) {
        let store = try await open(settings, logger)
        let events = EventBus(now: { Date() })
        let orchestrator = Orchestrator(
            store: store, settings: settings.orchestrator, clock: MachineClock(), logger: logger, events: events)
        return (store, orchestrator, events)
    }
}

/// The process's environment.
enum Environment {
    /// A variable that is set and not empty.
    static subscript(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}
