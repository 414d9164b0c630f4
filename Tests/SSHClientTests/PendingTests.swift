import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import SSHClient

/// Waiting on an event loop for what may come at any moment, also while the waiter is on its way: a task that prefers the
/// loop's executor can be suspended there where one that does not goes straight on.
@Suite struct PendingTests {
    private static func onLoop(_ work: @escaping @Sendable (Waiter) async throws -> Void) async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let task = Task(executorPreference: EventLoopTaskExecutor(eventLoop: loop)) { try await work(Waiter(loop)) }
        try await finish("what waits is told") { try await task.value }
    }

    @Test func `an answer that comes while its waiter is on the way is not missed`() async throws {
        try await Self.onLoop { waiter in
            for number in 0..<10 {
                let answer = try await waiter.answer(after: number)
                #expect(answer == number)
            }
        }
    }

    @Test func `units that come back while somebody is on the way to wait for them are not missed`() async throws {
        try await Self.onLoop { waiter in
            for number in 0..<10 {
                let left = await waiter.unitsLeft(after: number)
                #expect(left == 0)
            }
        }
    }
}

/// Waits on its event loop for what the loop does next.
private actor Waiter {
    private let loop: any EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
    private nonisolated let executor: any SerialExecutor

    init(_ loop: any EventLoop) {
        self.loop = loop
        executor = loop.executor
    }

    func answer(after turns: Int) async throws -> Int {
        let pending = Pending<Int>()
        after(turns) { pending.arrive(.success(turns), order: 0) }
        return try await pending.value()
    }

    func unitsLeft(after turns: Int) async -> Int {
        let budget = Budget(1)
        await budget.acquire()
        after(turns) { budget.release() }
        await budget.acquire()
        return 1 - budget.taken
    }

    /// Does `work` when the loop has come round this often.
    private nonisolated func after(_ turns: Int, _ work: @escaping () -> Void) {
        loop.assumeIsolated().execute { turns == 0 ? work() : self.after(turns - 1, work) }
    }
}
