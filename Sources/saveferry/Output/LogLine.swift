import Foundation
import Logging
import Planner

/// One line of the log, in either form. Whatever a device's files are called, it stays one line, and does nothing to a
/// terminal.
struct LogLine {
    let date: Date
    let level: Logger.Level
    let message: String
    let metadata: Logger.Metadata

    private static let time = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

    /// For example `notice: serving devices=2`; values that could be misread stand in quotes.
    func text(_ prefix: LogPrefix) -> String {
        let about = metadata.sorted { $0.key < $1.key }.map { " \($0.key)=\(LogLine.value("\($0.value)"))" }
        let line = FileName.escaped("\(level): \(message)") + about.joined()
        switch prefix {
        case .none: return line
        case .time: return "\(date.formatted(LogLine.time)) \(line)"
        case .priority: return "<\(level.priority)>\(line)"
        }
    }

    private static func value(_ text: String) -> String {
        let plain = FileName.escaped(text)
        guard plain.isEmpty || plain.contains(where: { " =\"".contains($0) }) else { return plain }
        return "\"\(plain.replacing("\"", with: "\\\""))\""
    }

    /// For example `{"time":"2026-03-01T07:00:00.000Z","level":"notice","message":"serving","devices":"2"}`.
    var json: String {
        let about = metadata.map { (LogLine.key($0.key), "\($0.value)") }.sorted { $0.0 < $1.0 }
        let fields =
            [("time", date.formatted(LogLine.time)), ("level", "\(level)"), ("message", message)] + about
        return "{" + fields.map { "\(LogLine.quoted($0)):\(LogLine.quoted($1))" }.joined(separator: ",") + "}"
    }

    /// In snake_case, and never one of the three that every line has.
    private static func key(_ text: String) -> String {
        var key = ""
        for character in text {
            if character.isUppercase, !key.isEmpty, key.last != "_" { key += "_" }
            key += character.isLetter || character.isNumber ? character.lowercased() : "_"
        }
        return ["time", "level", "message"].contains(key) ? "about_\(key)" : key
    }

    /// A JSON string in printable characters (RFC 8259, section 7).
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            default:
                if scalar.isPrintable {
                    result.unicodeScalars.append(scalar)
                } else {
                    for unit in String(scalar).utf16 { result += String(format: "\\u%04x", UInt32(unit)) }
                }
            }
        }
        return result + "\""
    }
}

extension Unicode.Scalar {
    fileprivate var isPrintable: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
        default: true
        }
    }
}

extension Logger.Level {
    /// syslog(3)
    fileprivate var priority: Int {
        switch self {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
