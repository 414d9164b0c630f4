/// A number of units that many tasks share, given out in the order in which they were asked for.
///
/// Confined to the actor that owns it.
final class Budget {
    private let total: Int
    private var available: Int
    private var waiting: [(units: Int, continuation: CheckedContinuation<Void, Never>)] = []
    private var firstWaiting = 0

    init(_ units: Int) {
        total = units
        available = units
    }

    /// Takes `units`, waiting until they are there. More than the whole budget is given when nothing else is out.
    func acquire(_ units: Int = 1, isolation: isolated (any Actor)? = #isolation) async {
        if tryAcquire(units) { return }
        await withCheckedContinuation { waiting.append((min(units, total), $0)) }
    }

    /// Takes `units` if they are there and nobody waits.
    func tryAcquire(_ units: Int = 1) -> Bool {
        let units = min(units, total)
        guard firstWaiting == waiting.count, available >= units else { return false }
        available -= units
        return true
    }

    /// Gives `units` back.
    func release(_ units: Int = 1) {
        available += min(units, total)
        while firstWaiting < waiting.count, available >= waiting[firstWaiting].units {
            let next = waiting[firstWaiting]
            firstWaiting += 1
            available -= next.units
            next.continuation.resume()
        }
        if firstWaiting == waiting.count {
            waiting.removeAll(keepingCapacity: true)
            firstWaiting = 0
        }
    }
}
