import Glibc
import ServiceLifecycle

/// SIGHUP, from the moment that this is made: nothing ends by it any more.
public struct Hangups: Sendable {
    fileprivate let signals: AsyncStream<Int32>

    /// Handles the signal from now on. What comes before somebody listens is kept.
    public init() { signals = SignalStream([SIGHUP]).signals }
}

/// Reads settings anew at SIGHUP, one time after the other, until the daemon ends.
public struct Reloading: Service {
    private let hangups: Hangups
    private let reload: @Sendable () async -> Void

    /// Calls `reload` for each of `hangups`, also for those that came before the service runs.
    public init(at hangups: Hangups, _ reload: @escaping @Sendable () async -> Void) {
        self.hangups = hangups
        self.reload = reload
    }

    /// Runs until the daemon ends.
    public func run() async {
        for await _ in hangups.signals.cancelOnGracefulShutdown() { await reload() }
    }
}
