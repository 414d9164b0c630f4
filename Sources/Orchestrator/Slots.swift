import SSHClient

/// Admits sessions in the order in which they ask, so that only so many get on at once.
///
/// A session that its device keeps waiting does not count as getting on: devices that sleep, hang or are slow take no
/// other's turn. When the device answers, its session goes on without asking again. How many wait like that is bounded too,
/// and with them connections and memory.
actor Slots {
    private var count: Int
    private var sessions: [Pulse] = []
    private var queue: [(pulse: Pulse, admitted: CheckedContinuation<Void, Never>)] = []
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

    /// Runs one session, once there is room for it.
    nonisolated func admit<Result: Sendable>(_ session: (Pulse) async -> Result) async -> Result {
        let pulse = Pulse()
        await enter(pulse)
        let result = await session(pulse)
        await leave(pulse)
        return result
    }

    private func enter(_ pulse: Pulse) async {
        await withCheckedContinuation { continuation in
            queue.append((pulse, continuation))
            fill()
        }
    }

    private func leave(_ pulse: Pulse) {
        sessions.removeAll { $0 === pulse }
        fill()
    }

    private func fill() {
        let busy = sessions.count { $0.silence < Slots.patience }
        let free = min(count - busy, count + Slots.mostSilent - sessions.count, queue.count)
        for next in queue.prefix(max(0, free)) {
            sessions.append(next.pulse)
            next.admitted.resume()
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
