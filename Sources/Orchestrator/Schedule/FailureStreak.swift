/// Runs of a device that failed as a whole, one after the other.
struct FailureStreak: Sendable {
    /// How many.
    private(set) var count = 0
    /// How many since the device was last found away: those count for the back-off.
    private(set) var attempts = 0
    let since: Duration
    private(set) var last: DeviceFailure

    init(_ failure: DeviceFailure, at now: TimePoint) {
        since = now.elapsed
        last = failure
    }

    /// Adds a failure. Returns whether it is another one than before.
    mutating func add(_ failure: DeviceFailure) -> Bool {
        defer { last = failure }
        count += 1
        attempts += 1
        return count == 1 || failure.code != last.code
    }

    /// The device was away and is back.
    mutating func cameBack() { attempts = 0 }
}
