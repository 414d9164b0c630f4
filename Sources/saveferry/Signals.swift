import ArgumentParser
import Daemon
import Foundation

/// Turns SIGINT and SIGTERM into the cancellation of what is under way.
enum Signals {
    /// The same for work that may fail. Says so when it was the signal that ended it.
    static func cancelling<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value
    {
        let ended: Result<Value, any Error> = await cancelling {
            do { return .success(try await work()) } catch {
                guard Task.isCancelled else { return .failure(error) }
                Console.error("interrupted; what was done stays done. Run it again to finish.")
                return .failure(ExitCode(1))
            }
        }
        return try ended.get()
    }

    /// Runs `work`; the first signal cancels it, and it ends in its own time. A second one ends the process at once.
    static func cancelling<Value: Sendable>(_ work: @escaping @Sendable () async -> Value) async -> Value {
        let task = Task { await work() }
        let signals = SignalSources([SIGINT, SIGTERM]) { number in
            if task.isCancelled { _exit(128 + number) }
            task.cancel()
        }
        defer { signals.cancel() }
        return await task.value
    }
}
