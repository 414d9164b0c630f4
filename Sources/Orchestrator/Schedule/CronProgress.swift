import Foundation

/// How far a device has come on the times of a cron expression. However many have passed, one run serves them all.
struct CronProgress: Sendable {
    private let expression: CronExpression
    private let zone: TimeZone
    /// Times up to here are served.
    private var served: Date
    /// The first time that is not; nil when there is none.
    private(set) var next: Date?

    /// A clock that was stepped back by less than this says the same as before.
    private static let tolerance: TimeInterval = 60

    init(_ expression: CronExpression, in zone: TimeZone, served: Date) {
        (self.expression, self.zone, self.served) = (expression, zone, served)
        next = expression.next(after: served, in: zone)
    }

    mutating func isDue(at now: Date) -> Bool {
        followStepBack(to: now)
        return next.map { $0 <= now } ?? false
    }

    /// A run ended: what was due until now is served by it.
    mutating func serve(until now: Date) {
        served = max(served, now)
        next = expression.next(after: served, in: zone)
    }

    /// As Vixie's cron: after a step of less than three hours, times that were named and served don't come again; all others
    /// go by the new time at once.
    private mutating func followStepBack(to now: Date) {
        let step = served.timeIntervalSince(now)
        let longest = expression.isFixed ? TimeInterval(CronExpression.longestFollowedChange) : Self.tolerance
        guard step >= longest else { return }
        served = now
        next = expression.next(after: now, in: zone)
    }
}
