import Logging
import Synchronization

/// The log lines of notice level and above, as `level device: message`.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }

    /// Writes here.
    var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }

    private struct Handler: LogHandler {
        let lines: LogLines
        var logLevel = Logger.Level.notice
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let device = event.metadata?["device"].map { "\($0)" } ?? "-"
            lines.lines.withLock { $0.append("\(event.level) \(device): \(event.message)") }
        }
    }
}
