import Foundation

/// A zone's changes of the clock, found by asking it for its offset: Foundation names only those between summer and winter.
struct ZoneClock: Sendable {
    let zone: TimeZone

    /// One change: the first second by the new time, and the offsets from UTC in seconds on both sides of it.
    struct Change: Sendable {
        let instant: Int
        let before: Int
        let after: Int
        /// What the clock would have shown without it, and what it shows.
        var expected: LocalTime { LocalTime(seconds: instant + before) }
        var shown: LocalTime { LocalTime(seconds: instant + after) }
    }

    /// No zone went back on a change within this time.
    private static let stride = 7 * 86_400

    func offset(at instant: Int) -> Int { zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(instant))) }

    /// The first change after `start` and not after `end`, in seconds since 1970.
    func change(after start: Int, through end: Int) -> Change? {
        let before = offset(at: start)
        var (low, high) = (start, start)
        repeat {
            guard high < end else { return nil }
            (low, high) = (high, min(end, high + ZoneClock.stride))
        } while offset(at: high) == before
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if offset(at: middle) == before { low = middle } else { high = middle }
        }
        return Change(instant: high, before: before, after: offset(at: high))
    }
}
