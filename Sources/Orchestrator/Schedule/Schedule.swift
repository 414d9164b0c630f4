import Foundation

/// When a device is due: after an interval, at the times of a cron expression (crontab(5)), or never by itself.
public struct Schedule: Hashable, Sendable {
    enum Rule: Hashable, Sendable {
        /// Counts from the end of the last run.
        case every(Duration)
        /// Names times by the zone's clock.
        case cron(CronExpression)
        case off
    }

    let rule: Rule

    /// What a schedule looks like, for error messages.
    public static let expectation =
        "an interval such as 15m or 1h30m, five cron fields such as \"*/15 * * * *\", @hourly, @daily, @weekly, or off"

    /// Every 15 minutes: what holds when nothing is set.
    public static let standard = Schedule(rule: .every(.seconds(900)))

    /// Never by itself.
    static let off = Schedule(rule: .off)

    init(rule: Rule) { self.rule = rule }

    /// Reads `15m`, `every 1h30m`, `*/10 8-23 * * mon-fri`, `@hourly` or `off`. Throws a sentence that says what is wrong,
    /// also for an expression that no day matches.
    public init(_ text: String) throws(ScheduleError) {
        let trimmed = text.trimmingCharacters(in: .whitespaces)
        let interval = trimmed.hasPrefix("every ") ? String(trimmed.dropFirst(6)) : trimmed
        if trimmed == "off" {
            rule = .off
        } else if let seconds = Schedule.seconds(interval) {
            guard seconds >= 10 else { throw ScheduleError("\"\(trimmed)\": an interval is at least 10s") }
            rule = .every(.seconds(seconds))
        } else {
            let expression = try CronExpression(trimmed)
            guard expression.occurs else {
                throw ScheduleError(
                    "\"\(trimmed)\" never occurs: no month has such a day; expected \(Schedule.expectation)")
            }
            rule = .cron(expression)
        }
    }

    /// `1h30m` as seconds, or nil when it is no interval.
    static func seconds(_ text: String) -> Int? {
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
