import Foundation
import Orchestrator
import Planner
import Synchronization

/// A clock that goes on when a test says so.
final class ManualClock: SystemClock {
    private let state = Mutex((date: Date(timeIntervalSince1970: 1_790_000_000), seconds: Int64(1_000)))

    func now() -> Date { state.withLock { $0.date } }
    func moment() -> Moment { Moment(boot: "test", nanoseconds: state.withLock { $0.seconds } * 1_000_000_000) }

    /// Both clocks go on.
    func advance(seconds: Int) {
        state.withLock { state in
            state.date += TimeInterval(seconds)
            state.seconds += Int64(seconds)
        }
    }

    /// Only the time of day is set to another value, as by NTP or by hand.
    func stepTimeOfDay(by seconds: Int) { state.withLock { $0.date += TimeInterval(seconds) } }
}
