import Foundation

/// Five fields of times: minute, hour, day of month, month, day of week (crontab(5)).
struct CronExpression: Hashable, Sendable {
    private let minutes: Set<Int>
    private let hours: Set<Int>
    private let days: Set<Int>
    private let months: Set<Int>
    private let weekdays: Set<Int>
    /// A day matches by either field when both are restricted, and by the restricted one otherwise.
    private let isDayRestricted: Bool
    private let isWeekdayRestricted: Bool

    private static let shorthands = [
        "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
    ]
    private static let monthNames = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]
    private static let dayNames = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]

    init(_ text: String) throws(ScheduleError) {
        let fields = (CronExpression.shorthands[text.lowercased()] ?? text).split(whereSeparator: \.isWhitespace)
        guard fields.count == 5 else {
            throw ScheduleError("\"\(text)\" is not a schedule; expected \(Schedule.expectation)")
        }
        minutes = try CronExpression.field(fields[0], "minute", 0...59)
        hours = try CronExpression.field(fields[1], "hour", 0...23)
        days = try CronExpression.field(fields[2], "day of month", 1...31)
        months = try CronExpression.field(fields[3], "month", 1...12, names: CronExpression.monthNames, firstName: 1)
        weekdays = Set(
            try CronExpression.field(fields[4], "day of week", 0...7, names: CronExpression.dayNames, firstName: 0)
                .map { $0 % 7 })
        isDayRestricted = !fields[2].hasPrefix("*")
        isWeekdayRestricted = !fields[4].hasPrefix("*")
    }

    private static func field(
        _ text: Substring, _ name: String, _ range: ClosedRange<Int>, names: [String] = [], firstName: Int = 0
    ) throws(ScheduleError) -> Set<Int> {
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
        var values: Set<Int> = []
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
            values.formUnion(stride(from: first, through: last, by: step))
        }
        return values
    }

    /// The next matching minute after `date`. A time that a clock change skips runs right after the change; one that
    /// occurs twice runs at its first occurrence.
    func next(after date: Date, in calendar: Calendar) -> Date? {
        guard var day = calendar.dateInterval(of: .day, for: date)?.start else { return nil }
        for _ in 0..<(5 * 366) {
            let parts = calendar.dateComponents([.month, .day, .weekday], from: day)
            if let month = parts.month, let number = parts.day, let weekday = parts.weekday, months.contains(month),
                matches(day: number, weekday: weekday - 1)
            {
                for hour in hours.sorted() {
                    for minute in minutes.sorted() {
                        guard
                            let time = calendar.date(
                                bySettingHour: hour, minute: minute, second: 0, of: day, matchingPolicy: .nextTime,
                                repeatedTimePolicy: .first)
                        else { continue }
                        if time > date { return time }
                    }
                }
            }
            guard let next = calendar.date(byAdding: .day, value: 1, to: day) else { return nil }
            day = calendar.startOfDay(for: next)
        }
        return nil
    }

    private func matches(day: Int, weekday: Int) -> Bool {
        switch (isDayRestricted, isWeekdayRestricted) {
        case (true, true): days.contains(day) || weekdays.contains(weekday)
        case (_, false): days.contains(day)
        case (false, true): weekdays.contains(weekday)
        }
    }
}
