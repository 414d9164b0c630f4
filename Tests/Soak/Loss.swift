/// Which of the players' saves had to be kept, and were not.
///
/// What a player wrote over unseen was the player's to lose. Everything else must be in the library or on a device at the end:
/// what the player never wrote over, and what a whole run could see before that.
struct Loss: Sendable {
    /// A run that is recorded.
    struct Run: Sendable {
        let id: Int
        let isCompleted: Bool
        /// In whole seconds since 1970, rounded down; nil for one that never ended.
        let ended: Int?
        /// Games that the run left alone.
        var held: Set<Int> = []
    }

    /// Kept nowhere.
    private(set) var lost: [Writing] = []
    /// Kept nowhere, and written in the instant between the program's last look and its rename: what
    /// docs/guarantees.md says that promise 5 does not cover.
    private(set) var betweenLookAndRename: [Writing] = []
    /// How many had to be kept.
    private(set) var due = 0

    /// For longer than this after a write the last look can't lie before it, in seconds: look and rename are two requests, one
    /// after the other, on a machine that is busy.
    static let instant = 1.0

    /// `kept`: the numbers of all contents in the library and on the devices. `runs`: of each device, in their order.
    init(_ writings: [Writing], kept: Set<Int>, runs: [Int: [Run]]) {
        for writing in writings {
            guard Loss.isDue(writing, runs[writing.device] ?? []) else { continue }
            due += 1
            guard !kept.contains(writing.number) else { continue }
            if writing.replaced == nil, let seconds = writing.overwrittenAfter, seconds < Loss.instant {
                betweenLookAndRename.append(writing)
            } else {
                lost.append(writing)
            }
        }
    }

    /// A run whose end is known to lie after the write, and a later one that ended before the content was replaced: the later
    /// one began to look when the first had ended, since a device has one run at a time.
    private static func isDue(_ writing: Writing, _ runs: [Run]) -> Bool {
        guard let replaced = writing.replaced else { return true }
        guard let first = runs.first(where: { $0.ended.map { Double($0) >= writing.written } ?? false }) else {
            return false
        }
        return runs.contains { run in
            run.id > first.id && run.isCompleted && !run.held.contains(writing.game)
                && (run.ended.map { Double($0 + 1) <= replaced } ?? false)
        }
    }
}
