import Foundation
import Orchestrator
import Store

/// Whether the daemon does what it is there for.
struct Health: Sendable {
    let store: Store
    let vitals: Vitals
    let outlook: @Sendable () async -> [DeviceOutlook]
    let now: @Sendable () -> Date

    /// How long the database and the scheduler may take to answer.
    private static let patience: Duration = .seconds(2)
    /// How long a device may be overdue before the scheduler counts as stuck: it looks at least every 15 seconds, and a
    /// machine that slept needs a moment.
    private static let tolerance: TimeInterval = 120

    /// What is wrong, or nil.
    func problem() async -> String? {
        guard let database = await Health.answer(within: Health.patience, databaseProblem) else {
            return "the database does not answer"
        }
        if let database { return database }
        guard let devices = await Health.answer(within: Health.patience, outlook) else {
            return "the scheduler does not answer"
        }
        return vitals.standstill ?? Health.standstill(devices, at: now())
    }

    /// Why the scheduler seems to stand still, or nil. Devices that can't be reached may be put off.
    static func standstill(_ devices: [DeviceOutlook], at now: Date) -> String? {
        let late = devices.first { device in
            guard let next = device.nextRun, !device.isRunning, device.isOnline != false else { return false }
            return now.timeIntervalSince(next) > tolerance
        }
        return late.map { "the scheduler stands still: \($0.name) has been due for more than two minutes" }
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
    private static func answer<Value: Sendable>(
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
