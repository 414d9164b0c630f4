/// How many notices may go out: a few at once, and so many an hour over time.
public struct RateLimit: Hashable, Sendable {
    /// Seconds for one.
    let interval: Double

    /// 20 an hour.
    public static let standard = RateLimit(interval: 180)

    /// How many may go out at once after a quiet time.
    static let burst = 5

    /// What ``init(_:)`` takes.
    public static let expectation = "a rate such as 20/h (or /m, /d)"

    private init(interval: Double) { self.interval = interval }

    /// From `10/h`, `1/m` or `50/d`; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let seconds = ["m": 60.0, "h": 3_600, "d": 86_400]
        guard parts.count == 2, let count = Int(parts[0]), (1...10_000).contains(count),
            let unit = seconds[String(parts[1])]
        else { return nil }
        interval = unit / Double(count)
    }
}

/// A token bucket: full at first, a token for each notice, refilled evenly.
struct TokenBucket: Sendable {
    private let rate: RateLimit
    private var tokens = Double(RateLimit.burst)
    private var seconds: Double

    /// A full bucket; times are seconds on any monotonic clock.
    init(_ rate: RateLimit, at seconds: Double) {
        self.rate = rate
        self.seconds = seconds
    }

    /// Takes a token, or returns after how many seconds there is one.
    mutating func take(at now: Double) -> Double? {
        tokens = min(Double(RateLimit.burst), tokens + max(0, now - seconds) / rate.interval)
        seconds = max(seconds, now)
        // What is missing by the rounding of a wait is not waited for again.
        guard tokens >= 1 - 1e-6 else { return (1 - tokens) * rate.interval }
        tokens -= 1
        return nil
    }
}
