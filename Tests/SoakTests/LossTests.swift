import Testing

@testable import soak

/// What the soak takes for lost, and what was the player's to lose.
@Suite struct LossTests {
    /// Written at 100 s.
    private func writing(_ number: Int = 1, replaced: Double? = nil, overwrittenAfter: Double? = nil) -> Writing {
        Writing(
            number: number, device: 0, game: 7, written: 100, replaced: replaced, overwrittenAfter: overwrittenAfter)
    }

    private func loss(_ writing: Writing, kept: Set<Int> = [], runs: [Loss.Run] = []) -> Loss {
        Loss([writing], kept: kept, runs: [0: runs])
    }

    /// One that ended after the write, and one that saw it.
    private let seen = [
        Loss.Run(id: 1, isCompleted: false, ended: 101), Loss.Run(id: 2, isCompleted: true, ended: 103),
    ]

    @Test func `a save that nobody wrote over and that is nowhere is lost`() {
        #expect(loss(writing()).lost.map(\.number) == [1])
        #expect(loss(writing(), kept: [1]).lost.isEmpty)
    }

    @Test func `a save that a whole run saw must be kept though the player wrote over it`() {
        #expect(loss(writing(replaced: 104), runs: seen).lost.map(\.number) == [1])
        #expect(loss(writing(replaced: 104), kept: [1], runs: seen).due == 1)
    }

    @Test func `what the player wrote over unseen was the player's to lose`() {
        #expect(loss(writing(replaced: 104)).due == 0)
        // The run that saw it may have ended just after the player wrote again.
        #expect(loss(writing(replaced: 103.9), runs: seen).due == 0)
        // The only run may have looked before the write.
        #expect(loss(writing(replaced: 104), runs: Array(seen.suffix(1))).due == 0)
        let failed = [seen[0], Loss.Run(id: 2, isCompleted: false, ended: 103)]
        #expect(loss(writing(replaced: 104), runs: failed).due == 0)
        let held = [seen[0], Loss.Run(id: 2, isCompleted: true, ended: 103, held: [7])]
        #expect(loss(writing(replaced: 104), runs: held).due == 0)
    }

    @Test func `a save that was overwritten in the instant after it was written is counted apart, a later one is lost`()
    {
        let between = loss(writing(overwrittenAfter: 0.02))
        #expect(between.lost.isEmpty && between.betweenLookAndRename.count == 1)
        let late = loss(writing(overwrittenAfter: Loss.instant))
        #expect(late.lost.count == 1 && late.betweenLookAndRename.isEmpty)
    }
}
