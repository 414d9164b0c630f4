import Foundation
import Store

/// When one device is to be probed and synced. Decides only: it is told the time and what happened.
///
/// Whatever asks for a run while one is under way is served by that one: it is forgotten, and what is next due is counted from
/// the run's end.
struct DeviceTimetable: Sendable {
    /// Whether the device's SSH server can be reached, as far as probes tell.
    private enum Presence: Equatable {
        case unknown, away
        /// So many of the last probes failed; a run that did not reach it counts for the first.
        case online(missed: Int)
    }

    let device: Device
    private let schedule: Schedule
    /// Nil when the device is not probed, and then it is tried whenever it is due.
    private let wake: Duration?
    private let pace: Pace

    private var presence = Presence.unknown
    private var nextProbe: Duration
    private(set) var isProbing = false
    private(set) var isRunning = false
    /// When it is due by anything but a cron expression.
    private var due: Duration?
    private var cron: CronProgress?
    /// Nothing begins before this, whatever is due.
    private var heldUntil: Duration = .zero
    private var lastEnd: Duration?
    private(set) var failures: FailureStreak?
    /// Since when another process has held it, and whether that was told.
    private var foreignHold: (since: Duration, isTold: Bool)?
    /// Whether the run that is under way was begun with the device as it was before.
    private var isOutdated = false
    /// Whether the next run is the second look.
    private var owesSecondLook = false

    /// Probes in a row that must fail before a device counts as away: handhelds let their Wi-Fi nap.
    private static let missesUntilAway = 2
    /// How much longer or shorter an interval or a wait after a failure may be, so that devices don't stay together that began
    /// or failed together.
    private static let jitter = 0.1

    /// A device that is seen for the first time, or whose row was changed.
    ///
    /// - Parameters:
    ///   - served: when its last run began, if it had one: cron times since then are caught up.
    ///   - delay: by how much its first probe or run is put off.
    init(
        _ device: Device, schedule: Schedule, wake: Duration?, zone: TimeZone, pace: Pace, served: Date?,
        delay: Duration, at now: TimePoint
    ) {
        self.device = device
        self.schedule = schedule
        self.pace = pace
        // Without a pinned key nothing can be synced, and the run says so.
        self.wake = schedule.rule == .off || device.hostKeys.isEmpty ? nil : wake
        nextProbe = now.elapsed + delay
        switch schedule.rule {
        case .every: due = now.elapsed + delay
        case .cron(let expression): cron = CronProgress(expression, in: zone, served: served ?? now.date)
        case .off: break
        }
    }

    /// Takes over from the timetable that was made for the device as it was before: what is under way, and when it was last
    /// synced. Where the device itself is the same, also what else is known of it.
    mutating func follow(_ old: DeviceTimetable) {
        isRunning = old.isRunning
        isProbing = old.isProbing
        lastEnd = old.lastEnd
        foreignHold = old.foreignHold
        isOutdated = isRunning && (old.isOutdated || device != old.device)
        guard device == old.device else {
            if schedule.rule != .off { bringForward(to: nextProbe) }
            return
        }
        failures = old.failures
        heldUntil = old.heldUntil
        owesSecondLook = old.owesSecondLook
        if wake != nil { presence = old.presence }
        if schedule == old.schedule {
            (due, cron) = (old.due, old.cron)
        } else if schedule.rule != .off {
            if case .every(let interval) = schedule.rule, let lastEnd { due = lastEnd + interval }
            let isUnfinished = failures != nil || foreignHold != nil || owesSecondLook
            if isUnfinished, let next = old.due { bringForward(to: next) }
        }
    }

    // MARK: Probes

    /// When a probe is due; nil while there is none to be sent.
    var probeDue: Duration? { wake == nil || isProbing || isRunning ? nil : nextProbe }

    mutating func beginProbe(at now: TimePoint) {
        isProbing = true
        nextProbe = now.elapsed + (wake ?? .zero)
    }

    mutating func endProbe(of probed: Device, isOnline: Bool, at now: TimePoint) -> DeviceNews? {
        isProbing = false
        guard device.endpoint == probed.endpoint else {
            nextProbe = now.elapsed
            return nil
        }
        guard wake != nil, !isRunning else { return nil }
        switch (presence, isOnline) {
        case (.online(let missed), true):
            presence = .online(missed: 0)
            if missed > 0 { answeredAgain(at: now) }
        case (let before, true):
            presence = .online(missed: 0)
            cameOnline(after: before, at: now)
            return .cameOnline
        case (.online(let missed), false) where missed + 1 < DeviceTimetable.missesUntilAway:
            presence = .online(missed: missed + 1)
        case (.away, false): break
        case (_, false):
            presence = .away
            if foreignHold?.isTold == false { foreignHold = nil }
            return .wentAway
        }
        return nil
    }

    /// Whatever it failed with, a device that was away has one attempt. For what coming online can't mend, the next one is as
    /// far off as it was.
    private mutating func cameOnline(after before: Presence, at now: TimePoint) {
        bringForward(to: lastEnd.map { max(now.elapsed, $0 + pace.afterRun) } ?? now.elapsed)
        let wasUnreachable = failures?.last.code == .unreachable
        if wasUnreachable { failures?.cameBack() }
        if wasUnreachable || before == .away { heldUntil = now.elapsed }
    }

    /// What a short absence made fail is tried again at once, for once: what answers and can't be synced all the same backs off.
    private mutating func answeredAgain(at now: TimePoint) {
        guard let failures, failures.attempts == 1, failures.last.code == .unreachable else { return }
        heldUntil = now.elapsed
        bringForward(to: now.elapsed)
    }

    // MARK: Runs

    mutating func isDue(at now: TimePoint) -> Bool {
        let isDueByCron = cron?.isDue(at: now.date) ?? false
        guard canBegin, heldUntil <= now.elapsed else { return false }
        return isDueByCron || due.map { $0 <= now.elapsed } ?? false
    }

    /// How long until a run is due, when nothing happens before.
    func wait(from now: TimePoint) -> Duration? {
        guard canBegin, let next = nextRun(from: now) else { return nil }
        return next - now.elapsed
    }

    /// While a device is away there is nothing to be tried.
    private var canBegin: Bool {
        guard !isRunning else { return false }
        guard wake != nil else { return true }
        if case .online = presence { return true }
        return false
    }

    private func nextRun(from now: TimePoint) -> Duration? {
        let byCron = cron?.next.map { now.elapsed + .seconds($0.timeIntervalSince(now.date)) }
        return [due, byCron].compactMap(\.self).min().map { max($0, heldUntil) }
    }

    mutating func beginRun() {
        isRunning = true
        due = nil
    }

    /// - Parameter chance: from 0 to 1, where in its jitter the next interval or wait lies.
    mutating func endRun(_ outcome: RunOutcome, at now: TimePoint, chance: Double) -> [DeviceNews] {
        isRunning = false
        lastEnd = now.elapsed
        nextProbe = now.elapsed + (wake ?? .zero)
        cron?.serve(until: now.date)
        if case .every(let interval) = schedule.rule {
            due = now.elapsed + interval * jittered(chance)
        }
        let news = followForeignHold(outcome, at: now)
        guard !isOutdated else {
            beginAnew(at: now)
            return [news].compactMap(\.self)
        }
        switch outcome {
        case .done(let moved, let failed):
            if case .online = presence { presence = .online(missed: 0) }
            lookAgain(after: moved > 0 || failed > 0 && !owesSecondLook, at: now)
            return [news, endStreak(at: now)].compactMap(\.self)
        case .failed(let failure):
            return [news, fail(failure, at: now, chance)].compactMap(\.self)
        case .busy, .interrupted:
            pause(for: pace.busy, at: now)
            return [news].compactMap(\.self)
        }
    }

    private func jittered(_ chance: Double) -> Double { 1 + DeviceTimetable.jitter * (2 * chance - 1) }

    /// What came of a run with other settings says nothing of these.
    private mutating func beginAnew(at now: TimePoint) {
        isOutdated = false
        nextProbe = now.elapsed
        if schedule.rule != .off { due = now.elapsed }
    }

    private mutating func followForeignHold(_ outcome: RunOutcome, at now: TimePoint) -> DeviceNews? {
        switch outcome {
        case .interrupted: return nil
        case .busy(let failure):
            let (since, wasTold) = foreignHold ?? (now.elapsed, false)
            let time = now.elapsed - since
            foreignHold = (since, wasTold || time >= pace.longHold)
            return foreignHold?.isTold == wasTold ? nil : .held(failure, time)
        case .done, .failed:
            defer { foreignHold = nil }
            return foreignHold.flatMap { $0.isTold ? .free(after: now.elapsed - $0.since) : nil }
        }
    }

    /// What was written just after a run, and stamps that were not settled, want a second look.
    private mutating func lookAgain(after isUnsettled: Bool, at now: TimePoint) {
        owesSecondLook = isUnsettled && wake != nil
        if owesSecondLook { bringForward(to: now.elapsed + pace.quiet) }
    }

    private mutating func endStreak(at now: TimePoint) -> DeviceNews? {
        heldUntil = .zero
        defer { failures = nil }
        return failures.map { .back(failures: $0.count, after: now.elapsed - $0.since) }
    }

    private mutating func fail(_ failure: DeviceFailure, at now: TimePoint, _ chance: Double) -> DeviceNews {
        var streak = failures ?? FailureStreak(failure, at: now)
        let isNew = streak.add(failure)
        failures = streak
        // It found what a probe would have found.
        if failure.code == .unreachable, case .online(let missed) = presence {
            presence = .online(missed: max(1, missed))
        }
        pause(for: pace.retry(after: streak.attempts) * jittered(chance), at: now)
        return isNew ? .failing(failure) : .stillFailing(failure)
    }

    /// Nothing begins for so long, and then a run does, unless the device is never synced by itself.
    private mutating func pause(for time: Duration, at now: TimePoint) {
        heldUntil = now.elapsed + time
        if schedule.rule != .off { due = heldUntil }
    }

    private mutating func bringForward(to time: Duration) {
        due = min(due ?? time, time)
    }

    // MARK: Outlook

    func outlook(at now: TimePoint) -> DeviceOutlook {
        let isOnline: Bool? =
            switch presence {
            case .unknown: nil
            case .away: false
            case .online: true
            }
        let wait = wait(from: now).map { TimeInterval(max($0, .zero) / .seconds(1)) }
        return DeviceOutlook(
            id: device.id, name: device.settings.name, isOnline: isOnline, nextRun: wait.map { now.date + $0 },
            isRunning: isRunning, failuresInARow: failures?.count ?? 0, lastFailure: failures?.last.description)
    }
}
