import Dispatch
import Glibc

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

/// Proof of `@unchecked`: the sources are made in `init`, and a source may be cancelled from any thread (dispatch_source_cancel(3)).
private final class SignalSources: @unchecked Sendable {
    private let sources: [any DispatchSourceSignal]

    init(_ numbers: [Int32], _ handle: @escaping @Sendable (Int32) -> Void) {
        sources = numbers.map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { handle(number) }
            source.resume()
            return source
        }
    }

    func cancel() {
        for source in sources { source.cancel() }
    }
}
