import NIOCore

/// The bytes that all transfers one way may have under way together, given out in the order in which they were asked for.
///
/// Confined to the actor that owns it.
final class TransferWindow {
    private let budget = Budget(WindowEstimate.initial)
    private var estimate = WindowEstimate()

    /// How many bytes may be under way.
    var size: Int { estimate.bytes }

    /// Takes `bytes`, waiting until they are free.
    ///
    /// - Parameter roundTrip: the shortest time that any answer took so far.
    func acquire(_ bytes: Int, roundTrip: TimeAmount, isolation: isolated (any Actor)? = #isolation) async {
        beginIfIdle(roundTrip)
        await budget.acquire(bytes)
    }

    /// Takes `bytes` if they are free and nobody waits.
    func tryAcquire(_ bytes: Int, roundTrip: TimeAmount) -> Bool {
        beginIfIdle(roundTrip)
        return budget.tryAcquire(bytes)
    }

    /// Gives back what was answered, or given up.
    func release(_ bytes: Int) {
        estimate.answer(bytes, isFull: budget.isExhausted, at: TransferWindow.now)
        budget.release(bytes)
        if budget.units != estimate.bytes { budget.resize(to: estimate.bytes) }
    }

    private func beginIfIdle(_ roundTrip: TimeAmount) {
        guard budget.taken == 0 else { return }
        estimate.begin(at: TransferWindow.now, roundTrip: roundTrip.nanoseconds)
        if budget.units != estimate.bytes { budget.resize(to: estimate.bytes) }
    }

    private static var now: Int64 { Int64(clamping: NIODeadline.now().uptimeNanoseconds) }
}
