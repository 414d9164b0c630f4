import Foundation

/// When a device is due: after an interval, or at the times of a cron expression (crontab(5)).
public struct Schedule: Hashable, Sendable {
    private enum Rule: Hashable, Sendable {
        case every(seconds: Int)
        case cron(CronExpression)
    }

    private let rule: Rule

    /// What a schedule looks like, for error messages.
    public static let expectation =
        "an interval such as 15m or 1h30m, five cron fields such as \"*/15 * * * *\", or @hourly, @daily, @weekly"

    /// Reads `15m`, `every 1h30m`, `*/10 8-23 * * mon-fri` or `@hourly`. Throws a sentence that says what is wrong.
    public init(_ text: String) throws(ScheduleError) {
        let trimmed = text.trimmingCharacters(in: .whitespaces)
        let interval = trimmed.hasPrefix("every ") ? String(trimmed.dropFirst(6)) : trimmed
        if let seconds = Schedule.seconds(interval) {
            guard seconds >= 10 else { throw ScheduleError("\"\(trimmed)\": an interval is at least 10s") }
            rule = .every(seconds: seconds)
        } else {
            rule = .cron(try CronExpression(trimmed))
        }
    }

    /// Whether it counts from the last run instead of naming times of the day.
    var isInterval: Bool { if case .every = rule { true } else { false } }

    /// The next time after `date`, in the calendar's time zone; nil when there is none within five years.
    public func next(after date: Date, in calendar: Calendar) -> Date? {
        switch rule {
        case .every(let seconds): date.addingTimeInterval(TimeInterval(seconds))
        case .cron(let expression): expression.next(after: date, in: calendar)
        }
    }

    /// `1h30m` as seconds, or nil when it is no interval.
    private static func seconds(_ text: String) -> Int? {
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        var total = 0
        var number = ""
        for character in text {
            if character.isASCII, character.isNumber {
                number.append(character)
            } else if let unit = units[character], let value = Int(number), value < 100_000 {
                total += value * unit
                number = ""
            } else {
                return nil
            }
        }
        return number.isEmpty && total > 0 ? total : nil
    }
}

/// Why a text is no schedule.
public struct ScheduleError: Error, Sendable, CustomStringConvertible {
    /// One sentence: what is wrong, and what was expected.
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
