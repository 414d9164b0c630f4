import Foundation

/// Five fields of times: minute, hour, day of month, month, day of week (crontab(5)).
struct CronExpression: Hashable, Sendable {
    /// Bit `n` stands for the number `n`.
    private let minutes: UInt64
    private let hours: UInt64
    private let days: UInt64
    private let months: UInt64
    /// Sunday is 0.
    private let weekdays: UInt64
    /// A day matches by either of its fields when neither begins with a star, and by both otherwise.
    private let isEitherDayEnough: Bool
    /// Whether it names times of the day: neither minute nor hour begins with a star. Only such an expression is followed
    /// through changes of the clock (cron(8)).
    let isFixed: Bool

    private static let shorthands = [
        "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
    ]
    private static let monthNames = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]
    private static let dayNames = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]

    init(_ text: String) throws(ScheduleError) {
        guard text.lowercased() != "@reboot" else {
            throw ScheduleError(
                "\"@reboot\" names no time: devices are synced when `serve` starts, and when they wake up")
        }
        let fields = (CronExpression.shorthands[text.lowercased()] ?? text).split(whereSeparator: \.isWhitespace)
        guard fields.count == 5 else {
            throw ScheduleError("\"\(text)\" is not a schedule; expected \(Schedule.expectation)")
        }
        minutes = try CronExpression.field(fields[0], "minute", 0...59)
        hours = try CronExpression.field(fields[1], "hour", 0...23)
        days = try CronExpression.field(fields[2], "day of month", 1...31)
        months = try CronExpression.field(fields[3], "month", 1...12, names: CronExpression.monthNames, firstName: 1)
        let weekdays = try CronExpression.field(
            fields[4], "day of week", 0...7, names: CronExpression.dayNames, firstName: 0)
        self.weekdays = weekdays | weekdays >> 7 & 1
        isEitherDayEnough = !fields[2].hasPrefix("*") && !fields[4].hasPrefix("*")
        isFixed = !fields[0].hasPrefix("*") && !fields[1].hasPrefix("*")
    }

    private static func field(
        _ text: Substring, _ name: String, _ range: ClosedRange<Int>, names: [String] = [], firstName: Int = 0
    ) throws(ScheduleError) -> UInt64 {
        func wrong() -> ScheduleError {
            ScheduleError(
                "the \(name) field \"\(text)\" is wrong; expected numbers from \(range.lowerBound) to \(range.upperBound), "
                    + "ranges as 1-5, lists as 1,2, steps as */5" + (names.isEmpty ? "" : ", or names as \(names[0])"))
        }
        func number(_ text: Substring) -> Int? {
            text.utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains) ? Int(text) : nil
        }
        func value(_ text: Substring) -> Int? {
            number(text) ?? names.firstIndex(of: text.lowercased()).map { $0 + firstName }
        }
        var values: UInt64 = 0
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = item.split(separator: "/", omittingEmptySubsequences: false)
            guard let base = parts.first, parts.count <= 2 else { throw wrong() }
            let step = parts.count == 2 ? number(parts[1]) ?? 0 : 1
            let ends = base.split(separator: "-", omittingEmptySubsequences: false)
            let first: Int?
            let last: Int?
            if base == "*" {
                (first, last) = (range.lowerBound, range.upperBound)
            } else if ends.count == 2 {
                (first, last) = (value(ends[0]), value(ends[1]))
            } else {
                first = ends.count == 1 ? value(base) : nil
                last = parts.count == 2 ? range.upperBound : first
            }
            guard let first, let last, step > 0, first <= last, range.contains(first), range.contains(last) else {
                throw wrong()
            }
            for value in stride(from: first, through: last, by: step) { values |= 1 << value }
        }
        return values
    }

    /// Whether any year has a matching day.
    var occurs: Bool { nextMatch(after: LocalTime(seconds: 0)) != nil }

    /// The first matching minute after `time` on a clock that is never changed, or nil when no year has one.
    func nextMatch(after time: LocalTime) -> LocalTime? {
        var (day, minute) = time.dayAndMinute
        minute += 1
        // The calendar repeats itself after 28 years, and after 40 where a leap day is left out.
        let end = day + 41 * 366
        while day < end {
            let date = CivilDate(day: day)
            if months & 1 << date.month == 0 {
                (day, minute) = (date.firstOfNextMonth, 0)
            } else if matches(date), let match = nextMinute(from: minute) {
                return LocalTime(day: day, minute: match)
            } else {
                (day, minute) = (day + 1, 0)
            }
        }
        return nil
    }

    private func matches(_ date: CivilDate) -> Bool {
        let (byDay, byWeekday) = (days & 1 << date.dayOfMonth != 0, weekdays & 1 << date.weekday != 0)
        return isEitherDayEnough ? byDay || byWeekday : byDay && byWeekday
    }

    /// The first matching minute of a day from its minute `start` on.
    private func nextMinute(from start: Int) -> Int? {
        guard start < 24 * 60 else { return nil }
        let (hour, minute) = start.quotientAndRemainder(dividingBy: 60)
        if hours & 1 << hour != 0, let found = CronExpression.first(in: minutes, from: minute) {
            return hour * 60 + found
        }
        guard let hour = CronExpression.first(in: hours, from: hour + 1),
            let minute = CronExpression.first(in: minutes, from: 0)
        else { return nil }
        return hour * 60 + minute
    }

    private static func first(in bits: UInt64, from start: Int) -> Int? {
        let rest = bits & (.max << start)
        return rest == 0 ? nil : rest.trailingZeroBitCount
    }
}
