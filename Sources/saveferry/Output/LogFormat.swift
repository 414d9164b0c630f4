import ArgumentParser
import Foundation
import Logging

/// How log lines look: as people read them, or one JSON document a line.
enum LogFormat: String, CaseIterable, ExpressibleByArgument {
    case text, json

    static let expectation = allCases.map(\.rawValue).joined(separator: " or ")
}

/// Which log lines there are, and how they look.
struct LogStyle: Equatable {
    /// Less important lines are left out.
    let level: Logger.Level
    let format: LogFormat
}

/// What stands before a text line.
enum LogPrefix {
    /// Nothing: someone looks on.
    case none
    /// The time, where nobody else notes it.
    case time
    /// The priority, for the journal, which notes the time itself (sd-daemon(3)).
    case priority

    /// The right one for standard error as it is; `isStamped` asks for times where lines end in a file.
    static func forStandardError(isStamped: Bool) -> LogPrefix {
        if isJournal { return .priority }
        return isStamped && !Console.isInteractive ? .time : .none
    }

    /// Whether standard error is the journal's: `JOURNAL_STREAM` is its device and inode (systemd.exec(5)).
    private static var isJournal: Bool {
        var info = stat()
        guard let stream = Environment["JOURNAL_STREAM"], fstat(STDERR_FILENO, &info) == 0 else { return false }
        return stream == "\(info.st_dev):\(info.st_ino)"
    }
}
