import Foundation
import Logging
import Orchestrator

/// Log lines on standard error, in the style that is in force.
struct StderrLogHandler: LogHandler {
    let style: InForce<LogStyle>
    let prefix: LogPrefix
    var metadata: Logger.Metadata = [:]
    private var ownLevel: Logger.Level?

    init(_ style: InForce<LogStyle>, prefix: LogPrefix) {
        self.style = style
        self.prefix = prefix
    }

    var logLevel: Logger.Level {
        get { ownLevel ?? style.value.level }
        set { ownLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let line = LogLine(
            date: Date(), level: event.level, message: "\(event.message)",
            metadata: metadata.merging(event.metadata ?? [:]) { $1 })
        Console.note(style.value.format == .json ? line.json : line.text(prefix))
    }
}
