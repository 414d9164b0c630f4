/// Signals as they come, from the moment that this is made; those that come before somebody listens are kept.
///
/// swift-service-lifecycle's `UnixSignalsSequence` has a queue, and with it a thread of its own.
struct SignalStream: Sendable {
    let signals: AsyncStream<Int32>

    /// Handles signals with these numbers (signal(7)), which do nothing else any more.
    init(_ numbers: [Int32]) {
        signals = AsyncStream { continuation in
            let sources = SignalSources(numbers) { continuation.yield($0) }
            continuation.onTermination = { _ in sources.cancel() }
        }
    }
}
