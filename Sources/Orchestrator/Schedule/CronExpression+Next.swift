import Foundation

extension CronExpression {
    /// Changes of the clock of this many seconds and more are corrections: what they skip or repeat means nothing.
    static let longestFollowedChange = 3 * 3_600

    /// The next time after `date`, at the beginning of a minute by the zone's clock; nil for an expression that never occurs.
    ///
    /// Where the clock changes by less than three hours, it does as Vixie's cron (cron(8) and the main loop of cron.c in
    /// Debian): an expression that names times (``isFixed``) runs right after the change, once, for those that were skipped,
    /// and not again for those that come a second time. One with a star for minute or hour goes by the new time at once, as
    /// everything does after a larger change.
    func next(after date: Date, in zone: TimeZone) -> Date? {
        let clock = ZoneClock(zone: zone)
        var reached = Int(date.timeIntervalSince1970.rounded(.down))
        var offset = clock.offset(at: reached)
        var passed = LocalTime(seconds: reached + offset)
        if isFixed, let earlier = clock.change(after: reached - CronExpression.longestFollowedChange, through: reached),
            earlier.isFollowed
        {
            passed = max(passed, earlier.lastOld)
        }
        while let match = nextMatch(after: passed) {
            let instant = match.seconds - offset
            guard let change = clock.change(after: reached, through: instant) else {
                return Date(timeIntervalSince1970: Double(instant))
            }
            let isFollowed = isFixed && change.isFollowed
            if isFollowed, change.expected < change.shown, match <= change.shown {
                return Date(timeIntervalSince1970: Double(change.instant))
            }
            passed = isFollowed ? change.lastOld : change.shown.justBefore
            (reached, offset) = (change.instant, change.after)
        }
        return nil
    }
}

extension ZoneClock.Change {
    fileprivate var isFollowed: Bool { abs(after - before) < CronExpression.longestFollowedChange }
    /// What is not after this was shown before the change, or was skipped by it.
    fileprivate var lastOld: LocalTime { max(expected, shown).justBefore }
}

extension LocalTime {
    fileprivate var justBefore: LocalTime { LocalTime(seconds: seconds - 1) }
}
