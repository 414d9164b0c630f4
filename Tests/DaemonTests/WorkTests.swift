import Daemon
import Logging
import ServiceLifecycle
import Synchronization
import Testing

/// Services that end when the daemon does.
struct WorkTests {
    @Test func `work is cancelled by the daemon's end, and waited for`() async throws {
        let (begun, beginning) = AsyncStream.makeStream(of: Void.self)
        let isUndone = Mutex(false)
        let group = ServiceGroup(
            services: [
                Work {
                    beginning.yield()
                    try? await Task.sleep(for: .seconds(3_600))
                    isUndone.withLock { $0 = Task.isCancelled }
                }
            ], logger: Logger(label: "test"))
        async let run: Void = group.run()
        for await _ in begun { break }
        await group.triggerGracefulShutdown()
        try await run
        #expect(isUndone.withLock { $0 })
    }
}
