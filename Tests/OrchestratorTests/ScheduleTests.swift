import Foundation
import Testing

@testable import Orchestrator

/// Intervals and cron expressions (crontab(5)), in the time zone of the machine.
@Suite struct ScheduleTests {
    static func calendar(_ zone: String) throws -> Calendar {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(identifier: zone))
        return calendar
    }

    /// A time as `2026-03-29T02:30:00+01:00`.
    static func time(_ text: String) throws -> Date {
        try Date(text, strategy: .iso8601)
    }

    static let intervals: [(String, TimeInterval)] = [
        ("10s", 10), ("15m", 900), ("1h30m", 5_400), ("every 2h", 7_200), ("1d", 86_400), ("  90s ", 90),
        ("1h1h", 7_200),
    ]

    @Test(arguments: intervals)
    func `an interval counts from the last run`(text: String, seconds: TimeInterval) throws {
        let schedule = try Schedule(text)
        let start = try Self.time("2026-03-29T00:59:59Z")
        #expect(schedule.isInterval)
        #expect(try schedule.next(after: start, in: Self.calendar("Europe/Berlin")) == start + seconds)
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
        // A field that begins with a star restricts nothing by itself, steps or not.
        Row("0 0 */10 * fri", after: "2026-01-01T00:00:00Z", then: "2026-01-02T00:00:00Z", "2026-01-09T00:00:00Z"),
        Row("0 0 31 * *", after: "2026-01-31T00:00:00Z", then: "2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"),
        Row("0 0 29 2 *", after: "2026-01-01T00:00:00Z", then: "2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"),
    ]

    static let zones: [Row] = [
        Row("0 12 * * *", "Europe/Berlin", after: "2026-01-01T00:00:00Z", then: "2026-01-01T11:00:00Z"),
        Row("0 12 * * *", "Asia/Kathmandu", after: "2026-01-01T00:00:00Z", then: "2026-01-01T06:15:00Z"),
        // 02:00 to 03:00 is skipped: what falls into it runs once, right after it.
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
        Row("0 3 * * *", "Europe/Berlin", after: "2026-10-25T02:59:00+02:00", then: "2026-10-25T03:00:00+01:00"),
        Row("0 3 * * *", "Europe/Berlin", after: "2026-03-29T01:59:00+01:00", then: "2026-03-29T03:00:00+02:00"),
        // A day that begins at 01:00.
        Row(
            "0 0 * * *", "Africa/Cairo", after: "2026-04-23T12:00:00+02:00", then: "2026-04-24T01:00:00+03:00",
            "2026-04-25T00:00:00+03:00"),
    ]

    @Test(arguments: fields + days + zones)
    func `a cron expression names the times that follow`(row: Row) throws {
        let schedule = try Schedule(row.text)
        #expect(!schedule.isInterval)
        let calendar = try Self.calendar(row.zone)
        var date = try Self.time(row.after)
        for text in row.then {
            let next = schedule.next(after: date, in: calendar)
            #expect(try next == Self.time(text), "\(next?.formatted(.iso8601) ?? "never")")
            date = try Self.time(text)
        }
    }

    @Test func `a day that never comes is never due`() throws {
        let schedule = try Schedule("0 0 30 2 *")
        #expect(try schedule.next(after: Self.time("2026-01-01T00:00:00Z"), in: Self.calendar("UTC")) == nil)
    }

    @Test func `the next time is later, and none is passed over`() throws {
        let schedule = try Schedule("*/30 * * * *")
        let calendar = try Self.calendar("Europe/Berlin")
        // Two days around each change of the clocks.
        for (start, count) in [("2026-03-28T00:00:00Z", 95), ("2026-10-24T00:00:00Z", 95)] {
            var date = try Self.time(start)
            let end = date + 2 * 86_400
            var times = 0
            while let next = schedule.next(after: date, in: calendar), next < end {
                #expect(next > date && next <= date + 5_400)
                date = next
                times += 1
            }
            // 48 hours have 95 half hours after the first; the hour that comes twice is gone through once.
            #expect(times == (start.contains("-10-") ? count - 2 : count))
        }
    }

    static let wrong: [(String, String)] = [
        ("", "is not a schedule; expected an interval such as 15m"), ("soon", "is not a schedule"),
        ("15", "is not a schedule"),
        ("5s", "an interval is at least 10s"), ("0m", "is not a schedule"), ("-5m", "is not a schedule"),
        ("1h30", "is not a schedule"),
        ("@reboot", "is not a schedule"), ("* * * *", "is not a schedule"), ("* * * * * *", "is not a schedule"),
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
        let schedule = try Schedule("7/9223372036854775807 * * * *")
        let date = try Self.time("2026-01-01T00:07:00Z")
        #expect(try schedule.next(after: date, in: Self.calendar("UTC")) == Self.time("2026-01-01T01:07:00Z"))
    }
}
