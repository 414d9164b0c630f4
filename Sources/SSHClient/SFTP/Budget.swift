/// A number of units that many tasks share, given out in the order in which they were asked for.
///
/// Confined to the actor that owns it.
final class Budget {
    /// How many units there are in all.
    private(set) var units: Int
    /// Below zero when more is out than the budget has.
    private var available: Int
    private var waiting: [(units: Int, continuation: CheckedContinuation<Void, Never>)] = []
    private var firstWaiting = 0

    init(_ units: Int) {
        self.units = units
        available = units
    }

    /// How many units are out.
    var taken: Int { units - available }

    /// Whether somebody waits, or nearly all is out.
    var isExhausted: Bool { firstWaiting < waiting.count || available < units / 8 }

    /// Changes how many units there are in all. What is out stays out.
    func resize(to units: Int) {
        available += units - self.units
        self.units = units
        serve()
    }

    /// Takes `units`, waiting until they are there. More than the whole budget is given when nothing else is out.
    func acquire(_ units: Int = 1, isolation: isolated (any Actor)? = #isolation) async {
        if tryAcquire(units) { return }
        await withCheckedContinuation { continuation in
            // Asked again: on the way here the task may have been suspended, and the last units have come back.
            if tryAcquire(units) { continuation.resume() } else { waiting.append((units, continuation)) }
        }
    }

    /// Takes `units` if they are there and nobody waits.
    func tryAcquire(_ units: Int = 1) -> Bool {
        guard firstWaiting == waiting.count, has(units) else { return false }
        available -= units
        return true
    }

    /// Gives `units` back.
    func release(_ units: Int = 1) {
        available += units
        serve()
    }

    private func has(_ units: Int) -> Bool { available >= units || available >= self.units }

    private func serve() {
        while firstWaiting < waiting.count, has(waiting[firstWaiting].units) {
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
