/// How many bytes to keep under way one way: as many as the connection has shown that it takes, and few more.
///
/// What a device carries in a round trip, and a little for its server to work on, fills the wire. More only waits: in the
/// memory of a weak device, where it makes every other answer slow. So the rate is measured an interval at a time, and the
/// window follows the best of the last ones: it opens fast while the rate still grows with it, and closes when a device
/// slows down. The idea is that of BBR (Cardwell et al., ACM Queue 14-5, 2016).
struct WindowEstimate {
    /// Bytes.
    private(set) var bytes = WindowEstimate.initial
    /// The shortest time that any answer took so far, in nanoseconds.
    private var roundTrip: Int64 = 0
    /// The interval that is being measured: when it began, and what was answered since.
    private var began: Int64?
    private var answered = 0
    private var wasFull = false
    /// Bytes a nanosecond of the last intervals in which the window was full.
    private var rates: [Double] = []

    /// What a round trip of 10 ms needs at 150 MB/s.
    static let initial = 3 << 19
    static let smallest = 256 << 10
    /// Four channels of OpenSSH take no more, 2 MB each.
    static let largest = 8 << 20

    /// What the first flight assumes of a connection, in bytes a nanosecond: 120 MB/s.
    private static let assumedRate = 0.12
    /// How long a server may take to carry out what has arrived: 5 ms.
    private static let workingTime: Int64 = 5_000_000
    private static let shortestInterval: Int64 = 10_000_000
    private static let rememberedIntervals = 8

    /// Nothing was under way at `now`, and something is to be.
    ///
    /// - Parameter roundTrip: the shortest time that any answer took so far. Both in nanoseconds.
    mutating func begin(at now: Int64, roundTrip: Int64) {
        self.roundTrip = roundTrip
        if rates.isEmpty {
            bytes = WindowEstimate.clamped(max(bytes, Int(WindowEstimate.assumedRate * Double(roundTrip))))
        }
        restart(at: now)
    }

    /// `count` bytes were answered.
    ///
    /// - Parameters:
    ///   - isFull: whether more would have been sent, had the window been larger.
    ///   - now: in nanoseconds, never less than before.
    mutating func answer(_ count: Int, isFull: Bool, at now: Int64) {
        answered += count
        wasFull = wasFull || isFull
        guard let began, now - began >= max(roundTrip, WindowEstimate.shortestInterval) else { return }
        let rate = Double(answered) / Double(now - began)
        let hasFilled = wasFull
        restart(at: now)
        // What had little to carry says nothing of what could have been carried.
        guard hasFilled else { return }
        let isGrowing = rate > 1.25 * (rates.max() ?? 0)
        rates = rates.suffix(WindowEstimate.rememberedIntervals - 1) + [rate]
        let needed = (rates.max() ?? 0) * Double(roundTrip + WindowEstimate.workingTime)
        bytes = WindowEstimate.clamped(Int(needed * (isGrowing ? 1.75 : 1.25)))
    }

    private mutating func restart(at now: Int64) {
        began = now
        answered = 0
        wasFull = false
    }

    private static func clamped(_ bytes: Int) -> Int { min(max(bytes, smallest), largest) }
}
