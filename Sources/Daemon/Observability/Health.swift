import Foundation
import Orchestrator
import Store

/// Whether the daemon does what it is there for.
struct Health: Sendable {
    let store: Store
    let vitals: Vitals
    let outlook: @Sendable () async -> [DeviceOutlook]

    /// How long the database and the scheduler may take to answer.
    private static let patience: Duration = .seconds(2)

    /// What is wrong, or nil.
    func problem() async -> String? {
        guard let database = await Health.answer(within: Health.patience, databaseProblem) else {
            return "the database does not answer"
        }
        if let database { return database }
        guard await Health.answer(within: Health.patience, outlook) != nil else {
            return "the scheduler does not answer"
        }
        return await vitals.standstill
    }

    private func databaseProblem() async -> String? {
        do {
            _ = try await store.devices()
            return nil
        } catch {
            return "the database can't be read: \(error.what)"
        }
    }

    /// What `work` returns, or nil when it takes longer; then it is left to itself, since what hangs may not heed that it
    /// is cancelled.
    static func answer<Value: Sendable>(
        within limit: Duration, _ work: @escaping @Sendable () async -> Value
    ) async -> Value? {
        let (answers, answer) = AsyncStream.makeStream(of: Value?.self)
        let timer = Task {
            try? await Task.sleep(for: limit)
            answer.yield(nil)
        }
        Task {
            answer.yield(await work())
            timer.cancel()
        }
        for await first in answers { return first }
        return nil
    }
}
