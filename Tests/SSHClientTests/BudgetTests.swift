import Testing

@testable import SSHClient

/// Units are given out in order, and never more than there are.
@MainActor @Suite struct BudgetTests {
    @Test func `what does not fit waits for its turn, and the small do not overtake the large`() async {
        let budget = Budget(10)
        #expect(budget.tryAcquire(6))
        let large = Task { await budget.acquire(8) }
        await Task.yield()
        // Two would fit, but somebody waits.
        #expect(!budget.tryAcquire(2))
        budget.release(6)
        await large.value
        #expect(budget.taken == 8)
        #expect(budget.tryAcquire(2) && !budget.tryAcquire())
    }

    @Test func `more than the whole budget is given when nothing else is out`() async {
        let budget = Budget(10)
        await budget.acquire(25)
        #expect(!budget.tryAcquire())
        budget.release(25)
        #expect(budget.taken == 0 && budget.tryAcquire(10))
    }

    @Test func `a smaller budget waits until enough came back, a larger one serves at once`() async {
        let budget = Budget(10)
        await budget.acquire(8)
        budget.resize(to: 4)
        #expect(!budget.tryAcquire())
        budget.release(5)
        #expect(budget.tryAcquire() && !budget.tryAcquire())
        let waiting = Task { await budget.acquire(6) }
        await Task.yield()
        budget.resize(to: 10)
        await waiting.value
        #expect(budget.taken == 10)
    }
}
