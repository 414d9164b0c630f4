import Foundation
import Testing

@testable import Orchestrator

/// Intervals and cron expressions (crontab(5)), in the time zone of the machine.
@Suite struct ScheduleTests {
    static func zone(_ name: String) throws -> TimeZone { try #require(TimeZone(identifier: name)) }

    /// A time as `2026-03-29T02:30:00+01:00`.
    static func time(_ text: String) throws -> Date {
        try Date(text, strategy: .iso8601)
    }

    static let intervals: [(String, TimeInterval)] = [
        ("10s", 10), ("15m", 900), ("1h30m", 5_400), ("every 2h", 7_200), ("1d", 86_400), ("  90s ", 90),
        ("1h1h", 7_200),
    ]

    @Test(arguments: intervals)
    func `an interval is read`(text: String, seconds: TimeInterval) throws {
        #expect(try Schedule(text).rule == .every(.seconds(seconds)))
    }

    struct Row: CustomTestStringConvertible, Sendable {
        let text: String
        var zone = "UTC"
        let after: String
        /// The times that follow, one after the other.
        let then: [String]
        var testDescription: String { "\(text) in \(zone) after \(after)" }

        init(_ text: String, _ zone: String = "UTC", after: String, then: String...) {
            self.text = text
            self.zone = zone
            self.after = after
            self.then = then
        }
    }

    static let fields: [Row] = [
        Row("* * * * *", after: "2026-01-01T00:00:00Z", then: "2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"),
        Row("* * * * *", after: "2026-01-01T00:00:59Z", then: "2026-01-01T00:01:00Z"),
        Row("30 4 * * *", after: "2026-01-01T04:30:00Z", then: "2026-01-02T04:30:00Z"),
        Row("*/15 * * * *", after: "2026-01-01T00:44:59Z", then: "2026-01-01T00:45:00Z", "2026-01-01T01:00:00Z"),
        Row(
            "5/20 * * * *", after: "2026-01-01T00:00:00Z", then: "2026-01-01T00:05:00Z", "2026-01-01T00:25:00Z",
            "2026-01-01T00:45:00Z"),
        Row(
            "10-20/5 * * * *", after: "2026-01-01T00:11:00Z", then: "2026-01-01T00:15:00Z", "2026-01-01T00:20:00Z",
            "2026-01-01T01:10:00Z"),
        Row("0 8,20 * * *", after: "2026-01-01T08:00:00Z", then: "2026-01-01T20:00:00Z", "2026-01-02T08:00:00Z"),
        Row("0 0 1 jan,JUL *", after: "2026-01-01T00:00:00Z", then: "2026-07-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        Row("0 9 * * mon-fri", after: "2026-01-02T09:00:00Z", then: "2026-01-05T09:00:00Z"),
        Row("0 9 * * 0", after: "2026-01-01T00:00:00Z", then: "2026-01-04T09:00:00Z"),
        Row("0 9 * * 7", after: "2026-01-01T00:00:00Z", then: "2026-01-04T09:00:00Z"),
        Row(
            "0 9 * * 6-7", after: "2026-01-01T00:00:00Z", then: "2026-01-03T09:00:00Z", "2026-01-04T09:00:00Z",
            "2026-01-10T09:00:00Z"),
        Row("@hourly", after: "2026-01-01T00:30:00Z", then: "2026-01-01T01:00:00Z"),
        Row("@Daily", after: "2026-01-01T00:30:00Z", then: "2026-01-02T00:00:00Z"),
        Row("@weekly", after: "2026-01-01T00:30:00Z", then: "2026-01-04T00:00:00Z"),
        Row("@monthly", after: "2026-01-31T00:30:00Z", then: "2026-02-01T00:00:00Z"),
        Row("@yearly", after: "2026-01-01T00:00:00Z", then: "2027-01-01T00:00:00Z"),
    ]

    static let days: [Row] = [
        // Either field matches when both are restricted: the 13th, and every Friday.
        Row("0 0 13 * fri", after: "2026-01-09T00:00:00Z", then: "2026-01-13T00:00:00Z", "2026-01-16T00:00:00Z"),
        Row("0 0 13 * *", after: "2026-01-09T00:00:00Z", then: "2026-01-13T00:00:00Z", "2026-02-13T00:00:00Z"),
        // Both must match when one of them begins with a star: a Friday that is the 1st, 11th, 21st or 31st.
        Row("0 0 */10 * fri", after: "2026-01-01T00:00:00Z", then: "2026-05-01T00:00:00Z", "2026-07-31T00:00:00Z"),
        Row("0 0 */10 * *", after: "2026-01-01T00:00:00Z", then: "2026-01-11T00:00:00Z", "2026-01-21T00:00:00Z"),
        Row("0 0 29 2 */7", after: "2026-01-01T00:00:00Z", then: "2032-02-29T00:00:00Z", "2060-02-29T00:00:00Z"),
        Row("0 0 29 2 *", after: "2096-03-01T00:00:00Z", then: "2104-02-29T00:00:00Z"),
        Row("0 0 31 * *", after: "2026-01-31T00:00:00Z", then: "2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"),
        Row("0 0 29 2 *", after: "2026-01-01T00:00:00Z", then: "2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"),
    ]

    static let zones: [Row] = [
        Row("0 12 * * *", "Europe/Berlin", after: "2026-01-01T00:00:00Z", then: "2026-01-01T11:00:00Z"),
        Row("0 12 * * *", "Asia/Kathmandu", after: "2026-01-01T00:00:00Z", then: "2026-01-01T06:15:00Z"),
        // 02:00 to 03:00 is skipped: times in it that were named run once, right after it.
        Row(
            "30 2 * * *", "Europe/Berlin", after: "2026-03-28T02:00:00+01:00", then: "2026-03-28T02:30:00+01:00",
            "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"),
        Row(
            "*/20 * * * *", "Europe/Berlin", after: "2026-03-29T01:20:00+01:00", then: "2026-03-29T01:40:00+01:00",
            "2026-03-29T03:00:00+02:00", "2026-03-29T03:20:00+02:00"),
        // 02:00 to 03:00 comes twice: what falls into it runs once, the first time.
        Row(
            "30 2 * * *", "Europe/Berlin", after: "2026-10-24T12:00:00+02:00", then: "2026-10-25T02:30:00+02:00",
            "2026-10-26T02:30:00+01:00"),
        Row("30 2 * * *", "Europe/Berlin", after: "2026-10-25T02:10:00+01:00", then: "2026-10-26T02:30:00+01:00"),
        Row(
            "0,20,40 2 * * *", "Europe/Berlin", after: "2026-03-29T01:00:00+01:00", then: "2026-03-29T03:00:00+02:00",
            "2026-03-30T02:00:00+02:00"),
        Row(
            "30 2,3 * * *", "Europe/Berlin", after: "2026-03-29T01:00:00+01:00", then: "2026-03-29T03:00:00+02:00",
            "2026-03-29T03:30:00+02:00"),
        Row(
            "30 1-3 * * *", "Europe/Berlin", after: "2026-10-25T01:00:00+02:00", then: "2026-10-25T01:30:00+02:00",
            "2026-10-25T02:30:00+02:00", "2026-10-25T03:30:00+01:00"),
        // With a star for minute or hour the new time counts at once: nothing is made up for, and the hour counts twice.
        Row(
            "30 * * * *", "Europe/Berlin", after: "2026-03-29T01:00:00+01:00", then: "2026-03-29T01:30:00+01:00",
            "2026-03-29T03:30:00+02:00"),
        Row(
            "*/30 2 * * *", "Europe/Berlin", after: "2026-03-28T12:00:00+01:00", then: "2026-03-30T02:00:00+02:00"),
        Row(
            "30 * * * *", "Europe/Berlin", after: "2026-10-25T01:30:00+02:00", then: "2026-10-25T02:30:00+02:00",
            "2026-10-25T02:30:00+01:00", "2026-10-25T03:30:00+01:00"),
        Row(
            "@hourly", "Europe/Berlin", after: "2026-10-25T01:30:00+02:00", then: "2026-10-25T02:00:00+02:00",
            "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"),
        Row(
            "15 1 * * *", "America/New_York", after: "2026-10-31T12:00:00-04:00", then: "2026-11-01T01:15:00-04:00",
            "2026-11-02T01:15:00-05:00"),
        Row(
            "15 2 * * *", "America/New_York", after: "2026-03-07T12:00:00-05:00", then: "2026-03-08T03:00:00-04:00",
            "2026-03-09T02:15:00-04:00"),
        // Half an hour: 02:00 becomes 02:30, and 02:00 becomes 01:30.
        Row(
            "10 2 * * *", "Australia/Lord_Howe", after: "2026-10-03T12:00:00+10:30", then: "2026-10-04T02:30:00+11:00",
            "2026-10-05T02:10:00+11:00"),
        Row(
            "45 1 * * *", "Australia/Lord_Howe", after: "2026-04-04T12:00:00+11:00", then: "2026-04-05T01:45:00+11:00",
            "2026-04-06T01:45:00+10:30"),
        Row(
            "*/15 * * * *", "Australia/Lord_Howe", after: "2026-04-05T01:45:00+11:00",
            then: "2026-04-05T01:30:00+10:30", "2026-04-05T01:45:00+10:30", "2026-04-05T02:00:00+10:30"),
        // The 30th of December 2011 was left out; so large a change is a correction.
        Row(
            "0 12 * * *", "Pacific/Apia", after: "2011-12-29T00:00:00-10:00", then: "2011-12-29T12:00:00-10:00",
            "2011-12-31T12:00:00+14:00", "2012-01-01T12:00:00+14:00"),
        Row("0 12 30 12 *", "Pacific/Apia", after: "2011-12-29T00:00:00-10:00", then: "2012-12-30T12:00:00+14:00"),
        Row(
            "*/20 * * * *", "Pacific/Apia", after: "2011-12-29T23:40:00-10:00", then: "2011-12-31T00:00:00+14:00",
            "2011-12-31T00:20:00+14:00"),
        Row("0 3 * * *", "Europe/Berlin", after: "2026-10-25T02:59:00+02:00", then: "2026-10-25T03:00:00+01:00"),
        Row("0 3 * * *", "Europe/Berlin", after: "2026-03-29T01:59:00+01:00", then: "2026-03-29T03:00:00+02:00"),
        // A day that begins at 01:00.
        Row(
            "0 0 * * *", "Africa/Cairo", after: "2026-04-23T12:00:00+02:00", then: "2026-04-24T01:00:00+03:00",
            "2026-04-25T00:00:00+03:00"),
    ]

    @Test(arguments: fields + days + zones)
    func `a cron expression names the times that follow`(row: Row) throws {
        let expression = try CronExpression(row.text)
        let zone = try Self.zone(row.zone)
        var date = try Self.time(row.after)
        for text in row.then {
            let next = expression.next(after: date, in: zone)
            #expect(try next == Self.time(text), "\(next?.formatted(.iso8601) ?? "never")")
            date = try Self.time(text)
        }
    }

    @Test func `a day that never comes is never due`() throws {
        let expression = try CronExpression("0 0 30 2 *")
        #expect(try expression.next(after: Self.time("2026-01-01T00:00:00Z"), in: Self.zone("UTC")) == nil)
    }

    @Test func `the next time is later, and none is passed over`() throws {
        let expression = try CronExpression("*/30 * * * *")
        let zone = try Self.zone("Europe/Berlin")
        // Two days around each change of the clocks.
        for start in ["2026-03-28T00:00:00Z", "2026-10-24T00:00:00Z"] {
            var date = try Self.time(start)
            let end = date + 2 * 86_400
            var times = 0
            while let next = expression.next(after: date, in: zone), next < end {
                #expect(next == date + 1_800)
                date = next
                times += 1
            }
            // 48 hours have 95 half hours after the first, whatever the clock shows.
            #expect(times == 95)
        }
    }

    @Test func `days are those of the calendar`() throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))
        // Over 1970, 2000, 2100 and 2400.
        for day in stride(from: -1_000, to: 160_000, by: 13) {
            let date = Date(timeIntervalSince1970: Double(day) * 86_400)
            let parts = calendar.dateComponents([.year, .month, .day, .weekday], from: date)
            let civil = CivilDate(day: day)
            #expect(civil.month == parts.month && civil.dayOfMonth == parts.day && civil.weekday + 1 == parts.weekday)
            let next = try #require(calendar.dateInterval(of: .month, for: date)?.end)
            #expect(civil.firstOfNextMonth == Int(next.timeIntervalSince1970) / 86_400, "\(day)")
        }
    }

    static let wrong: [(String, String)] = [
        ("", "is not a schedule; expected an interval such as 15m"), ("soon", "is not a schedule"),
        ("15", "is not a schedule"),
        ("5s", "an interval is at least 10s"), ("0m", "is not a schedule"), ("-5m", "is not a schedule"),
        ("1h30", "is not a schedule"),
        ("@reboot", "\"@reboot\" names no time"), ("0 0 30 2 *", "never occurs"),
        ("0 0 31 feb,apr,jun *", "never occurs"), ("* * * *", "is not a schedule"),
        ("* * * * * *", "is not a schedule"),
        ("60 * * * *", "the minute field \"60\" is wrong; expected numbers from 0 to 59"),
        ("* 24 * * *", "the hour field \"24\" is wrong"), ("* * 0 * *", "the day of month field \"0\" is wrong"),
        ("* * * 13 *", "the month field \"13\" is wrong; expected numbers from 1 to 12"),
        ("* * * * 8", "the day of week field \"8\""),
        ("* * * * foo", "or names as sun"), ("5-1 * * * *", "the minute field \"5-1\" is wrong"),
        ("*/0 * * * *", "steps as */5"),
        ("*/-1 * * * *", "the minute field"), ("1,,2 * * * *", "the minute field"), ("1- * * * *", "the minute field"),
        ("1-2-3 * * * *", "the minute field"), ("1/2/3 * * * *", "the minute field"),
        ("+5 * * * *", "the minute field \"+5\""),
        ("* * mon * *", "the day of month field \"mon\" is wrong"),
        ("99999999999999999999 * * * *", "the minute field"),
    ]

    @Test(arguments: wrong)
    func `what is no schedule is told in words`(text: String, words: String) throws {
        let error = try #require(throws: ScheduleError.self) { try Schedule(text) }
        #expect(error.description.contains(words), "\(error)")
    }

    @Test func `a step beyond the range is the first number alone`() throws {
        let expression = try CronExpression("7/9223372036854775807 * * * *")
        let date = try Self.time("2026-01-01T00:07:00Z")
        #expect(try expression.next(after: date, in: Self.zone("UTC")) == Self.time("2026-01-01T01:07:00Z"))
    }
}
