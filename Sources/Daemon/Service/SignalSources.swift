import Dispatch
import Glibc

/// Signals with given numbers (signal(7)), handled on a queue, which do nothing else any more.
///
/// Proof of `@unchecked`: the sources are made in `init`, and a source may be cancelled from any thread (dispatch_source_cancel(3)).
public final class SignalSources: @unchecked Sendable {
    private let sources: [any DispatchSourceSignal]

    /// Handles them from now on until ``cancel()``.
    public init(_ numbers: [Int32], _ handle: @escaping @Sendable (Int32) -> Void) {
        sources = numbers.map { number in
            signal(number, SIG_IGN)
            // Without a queue each gets a thread of its own; and not the one of disk work, which a hung disk may hold up.
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { handle(number) }
            source.resume()
            return source
        }
    }

    /// From now on they do nothing.
    public func cancel() {
        for source in sources { source.cancel() }
    }
}
