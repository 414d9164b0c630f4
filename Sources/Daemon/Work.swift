import ServiceLifecycle

/// Work that goes on until its task is cancelled, as a service: the daemon's end cancels it, and waits for it.
public struct Work: Service {
    private let work: @Sendable () async -> Void

    /// A service that does this.
    public init(_ work: @escaping @Sendable () async -> Void) {
        self.work = work
    }

    /// Runs until the daemon ends.
    public func run() async {
        await cancelWhenGracefulShutdown { await work() }
    }
}
