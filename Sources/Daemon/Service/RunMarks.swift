/// When each device that is being synced last showed that its run gets on. By the clock that stands still while the machine
/// sleeps.
struct RunMarks {
    private var last: [String: SuspendingClock.Instant] = [:]

    /// How long a run may get nothing done: the largest save of a slow device takes a while.
    static let patience: Duration = .seconds(1_800)

    /// These devices are being synced now, and no other.
    mutating func look(at running: [String], now: SuspendingClock.Instant) {
        last = Dictionary(running.map { ($0, last[$0] ?? now) }) { first, _ in first }
    }

    /// This device's run got something done.
    mutating func note(_ device: String, now: SuspendingClock.Instant) {
        if last[device] != nil { last[device] = now }
    }

    /// The devices whose runs got nothing done for too long, by name.
    func stuck(now: SuspendingClock.Instant) -> [String] {
        last.filter { $0.value.duration(to: now) > RunMarks.patience }.keys.sorted()
    }
}
