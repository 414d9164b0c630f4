import Foundation
import Planner

/// Both clocks at one time.
struct TimePoint: Sendable {
    /// The time of day, which may be stepped.
    let date: Date
    /// On the clock that is never stepped and goes on while the machine sleeps.
    let elapsed: Duration
}

extension SystemClock {
    var timePoint: TimePoint { TimePoint(date: now(), elapsed: .nanoseconds(moment().nanoseconds)) }
}
