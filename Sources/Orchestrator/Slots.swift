import SSHClient

/// Admits sessions in the order in which they ask, so that only so many get on at once.
///
/// A session that its device keeps waiting does not count as getting on: devices that sleep, hang or are slow take no
/// other's turn. When the device answers, its session goes on without asking again. How many wait like that is bounded too,
/// and with them connections and memory.
actor Slots {
    private var count: Int
    private var sessions: [(device: String, pulse: Pulse)] = []
    private var queue: [(device: String, admitted: CheckedContinuation<Pulse, Never>)] = []
    private var watch: Task<Void, Never>?

    /// How long a device may be silent before its session no longer counts.
    private static let patience: Duration = .milliseconds(40)
    /// How many sessions may be under way that don't count.
    static let mostSilent = 64

    /// Slots for `count` sessions that get on.
    init(_ count: Int) {
        self.count = count
    }

    /// From now on for `count` sessions. Those that are under way go on.
    func resize(_ count: Int) {
        self.count = count
        fill()
    }

    /// Runs one session of a device, once there is room for it.
    nonisolated func admit<Result: Sendable>(_ device: String, _ session: (Pulse) async -> Result) async -> Result {
        let pulse = await enter(device)
        let result = await session(pulse)
        await leave(pulse)
        return result
    }

    /// The devices whose sessions are under way and heard nothing of them for longer than `limit`, by name.
    func stuck(for limit: Duration) -> [String] {
        sessions.filter { $0.pulse.sinceArrival > limit }.map(\.device).sorted()
    }

    private func enter(_ device: String) async -> Pulse {
        await withCheckedContinuation { continuation in
            queue.append((device, continuation))
            fill()
        }
    }

    private func leave(_ pulse: Pulse) {
        sessions.removeAll { $0.pulse === pulse }
        fill()
    }

    private func fill() {
        let busy = sessions.count { $0.pulse.silence < Slots.patience }
        let free = min(count - busy, count + Slots.mostSilent - sessions.count, queue.count)
        for next in queue.prefix(max(0, free)) {
            let pulse = Pulse()
            sessions.append((next.device, pulse))
            next.admitted.resume(returning: pulse)
        }
        queue.removeFirst(max(0, free))
        lookAgain()
    }

    /// Silence makes no sound: as long as somebody waits, it has to be looked for.
    private func lookAgain() {
        if queue.isEmpty {
            watch?.cancel()
            watch = nil
        } else if watch == nil {
            watch = Task {
                while !Task.isCancelled {
                    try? await Task.sleep(for: Slots.patience / 2)
                    fill()
                }
            }
        }
    }
}
