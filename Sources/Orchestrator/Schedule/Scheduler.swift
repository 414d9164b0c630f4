import Foundation
import Logging
import Planner
import Store

/// Syncs every enabled device when it is due, until its task is cancelled.
///
/// A device that is due while it is being synced is not started again: its next time is counted from the end of that
/// run. Devices are read anew at each turn, so that changes take effect without a restart.
public struct Scheduler: Sendable {
    private let orchestrator: Orchestrator
    private let fallback: Schedule?
    private let calendar: Calendar

    /// How long the devices are waited for before they are read anew.
    private static let turn: Duration = .seconds(15)

    /// A scheduler; `fallback` is for devices without a schedule of their own.
    public init(orchestrator: Orchestrator, fallback: Schedule?, calendar: Calendar = .current) {
        self.orchestrator = orchestrator
        self.fallback = fallback
        self.calendar = calendar
    }

    /// Runs until the task is cancelled; then runs that are under way end after the operations in hand.
    public func run() async {
        let due = DueTimes()
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                let now = orchestrator.clock.now()
                let devices = (try? await orchestrator.store.devices().filter(\.settings.isEnabled)) ?? []
                for device in devices {
                    guard let schedule = schedule(of: device),
                        await due.takes(
                            device.id, at: now, next: schedule.next(after: now, in: calendar),
                            startsAtOnce: schedule.isInterval)
                    else { continue }
                    group.addTask {
                        await sync(device)
                        await due.ended(device.id, next: schedule.next(after: orchestrator.clock.now(), in: calendar))
                    }
                }
                let wait = await due.wait(from: now, atMost: Scheduler.turn)
                try? await Task.sleep(for: wait)
            }
        }
    }

    private func schedule(of device: Device) -> Schedule? {
        guard let text = device.settings.schedule else { return fallback }
        do {
            return try Schedule(text)
        } catch {
            orchestrator.logger.error("\(error)", metadata: ["device": "\(device.settings.name)"])
            return nil
        }
    }

    private func sync(_ device: Device) async {
        for report in await orchestrator.sync([device], trigger: .scheduled) {
            let about: Logger.Metadata = ["device": "\(report.device)", "session": "\(report.session ?? 0)"]
            if let failure = report.failure {
                orchestrator.logger.error("\(failure)", metadata: about)
            } else {
                let failed = report.outcomes.count { $0.status == .failed }
                let moved = "\(report.completed(.pull)) pulled, \(report.completed(.push)) pushed, \(failed) failed"
                orchestrator.logger.notice("synced: \(moved), \(report.openConflicts) conflicts open", metadata: about)
            }
        }
    }
}

/// When each device is due, and which are being synced now.
private actor DueTimes {
    private var next: [Int64: Date] = [:]
    private var running: Set<Int64> = []

    /// Whether a device is to be started now. One that is new is due at once with an interval, and at its first time
    /// with a cron expression.
    func takes(_ device: Int64, at now: Date, next following: Date?, startsAtOnce: Bool) -> Bool {
        guard !running.contains(device) else { return false }
        if next[device] == nil, !startsAtOnce { next[device] = following ?? .distantFuture }
        if let date = next[device], date > now {
            // A clock that was stepped back must not put the device off for longer than its schedule.
            if let following, following < date { next[device] = following }
            return false
        }
        running.insert(device)
        return true
    }

    func ended(_ device: Int64, next date: Date?) {
        running.remove(device)
        next[device] = date ?? .distantFuture
    }

    /// Until the first device is due, and never more than `limit`.
    func wait(from now: Date, atMost limit: Duration) -> Duration {
        let soonest = next.filter { !running.contains($0.key) }.values.min()
        guard let soonest else { return limit }
        return min(limit, max(.milliseconds(100), .seconds(soonest.timeIntervalSince(now))))
    }
}
