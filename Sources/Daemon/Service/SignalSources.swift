import Dispatch
import Glibc

/// Signals with given numbers (signal(7)), handled on a queue, which do nothing else any more.
///
/// Proof of `@unchecked`: the sources are made in `init`, and a source may be cancelled from any thread (dispatch_source_cancel(3)).
final class SignalSources: @unchecked Sendable {
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
