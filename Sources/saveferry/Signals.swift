import ArgumentParser
import Dispatch
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
        let sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            // Without a queue each gets a thread of its own; and not the one of disk work, which a hung disk may hold up.
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                if task.isCancelled { _exit(128 + number) }
                task.cancel()
            }
            source.resume()
            return source
        }
        defer { for source in sources { source.cancel() } }
        return await task.value
    }
}
