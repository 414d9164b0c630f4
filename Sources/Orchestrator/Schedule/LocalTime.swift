/// What a clock on the wall shows, as seconds from 1970-01-01 00:00 on that clock: no zone, no summer time.
struct LocalTime: Hashable, Comparable, Sendable {
    let seconds: Int

    init(seconds: Int) { self.seconds = seconds }

    /// A minute of a day that is counted from 1970-01-01.
    init(day: Int, minute: Int) { seconds = day * 86_400 + minute * 60 }

    var dayAndMinute: (day: Int, minute: Int) {
        let day = Int((Double(seconds) / 86_400).rounded(.down))
        return (day, (seconds - day * 86_400) / 60)
    }

    static func < (left: LocalTime, right: LocalTime) -> Bool { left.seconds < right.seconds }
}
