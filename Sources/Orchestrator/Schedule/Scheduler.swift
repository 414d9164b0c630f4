import Foundation
import Logging
import Planner
import SSHClient
import Store

/// Probes and syncs every enabled device when it is due, until its task is cancelled.
///
/// A probe that finds a device online after it was away makes it due at once; one that is away is not tried. Nothing runs
/// twice: what asks for a run of a device that is being synced is served by that run. Devices are read anew every ten seconds,
/// so that changes by other processes take effect without a restart. What is due when is ``Timetable``'s to say.
public actor Scheduler {
    private let orchestrator: Orchestrator
    private let probe: Probe
    private let pace: Pace
    private var timetable: Timetable
    /// When the devices are to be read anew.
    private var nextReading: Duration = .zero
    private var canRead = true
    /// Saves that failed in each device's last run.
    private var failed: [Int64: Int] = [:]
    /// What the log was told of each device.
    private var troubles: [Int64: ToldTroubles] = [:]
    private var nap: Task<Void, Never>?

    /// Steps that come close together are done together.
    private static let shortestNap: Duration = .milliseconds(50)

    /// A scheduler with these settings. Cron expressions mean times of `zone`; `random` gives numbers from 0 to 1.
    public init(
        orchestrator: Orchestrator, settings: ScheduleSettings, zone: TimeZone = .current,
        random: @escaping @Sendable () -> Double = { .random(in: 0..<1) }
    ) {
        self.init(orchestrator: orchestrator, settings: settings, zone: zone, pace: Pace(), random: random)
    }

    init(
        orchestrator: Orchestrator, settings: ScheduleSettings, zone: TimeZone = .current, pace: Pace,
        random: @escaping @Sendable () -> Double = { .random(in: 0..<1) }
    ) {
        self.orchestrator = orchestrator
        self.pace = pace
        probe = Probe(deadline: pace.probe)
        timetable = Timetable(settings, zone: zone, pace: pace, random: random)
    }

    private var now: TimePoint { orchestrator.clock.timePoint }

    /// Runs until the task is cancelled; then runs that are under way end after the operations in hand.
    public func run() async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                orchestrator.turns.beat()
                if nextReading <= now.elapsed { await readDevices() }
                let now = now
                for device in timetable.takeProbes(at: now) { group.addTask { await self.look(for: device) } }
                for device in timetable.takeRuns(at: now) { group.addTask { await self.sync(device) } }
                await rest(for: timetable.wait(from: now))
            }
        }
    }

    /// Takes over other settings at once. What is under way goes on.
    public func reload(_ settings: ScheduleSettings) {
        timetable.reload(settings, at: now)
        wakeUp()
    }

    /// Lets the devices be read anew at once.
    public func wakeUp() {
        nextReading = .zero
        nap?.cancel()
    }

    /// What is known of each enabled device, by name; empty before ``run()`` has read them.
    public func outlook() -> [DeviceOutlook] { timetable.outlook(at: now) }

    private func rest(for time: Duration) async {
        let time = max(Scheduler.shortestNap, min(time, nextReading - now.elapsed))
        let nap = Task { _ = try? await Task.sleep(for: time) }
        self.nap = nap
        await withTaskCancellationHandler {
            await nap.value
        } onCancel: {
            nap.cancel()
        }
        self.nap = nil
    }

    private func readDevices() async {
        nextReading = now.elapsed + pace.reading
        do {
            let devices = try await orchestrator.store.devices()
            var lastRuns: [Int64: Date] = [:]
            for device in devices where device.settings.isEnabled && timetable.isNew(device) {
                lastRuns[device.id] = try await orchestrator.store.lastSessionStart(device: device.id)
            }
            for (device, error) in timetable.update(devices, lastRuns: lastRuns, at: now) {
                log(.error, "its schedule can't be used, it is not synced: \(error)", device)
            }
            if !canRead { orchestrator.logger.notice("the devices can be read again") }
            canRead = true
        } catch {
            if canRead, !Task.isCancelled { orchestrator.logger.error("the devices can't be read: \(error)") }
            canRead = false
        }
    }

    // MARK: One device

    private func look(for device: Device) async {
        let isOnline = await probe.isOnline(device.endpoint)
        guard !Task.isCancelled else { return }
        if let notice = timetable.endProbe(of: device, isOnline: isOnline, at: now) { log(notice, device) }
        // Also without news: its next one may be due before anything else, and its place is free.
        nap?.cancel()
    }

    private func sync(_ device: Device) async {
        let reports = await orchestrator.sync([device], trigger: .scheduled)
        guard let report = reports.first else { return }
        if report.failure == nil { tell(report, of: device) }
        if let code = report.failure?.code, [.unreachable, .hostKey].contains(code) {
            // Perhaps another machine has its address now.
            await probe.doubt(device.endpoint)
        }
        for notice in timetable.endRun(of: device.id, RunOutcome(report), at: now) { log(notice, device) }
        nap?.cancel()
    }

    /// A run that did nothing new is no news.
    private func tell(_ report: SessionReport, of device: Device) {
        let outcome = "\(report.completed(.pull)) pulled, \(report.completed(.push)) pushed, \(report.failed) failed"
        let isNews = report.moved > 0 || report.failed != failed[device.id, default: 0]
        failed[device.id] = report.failed
        log(
            isNews ? .notice : .info, "synced: \(outcome), \(report.openConflicts) conflicts open", device,
            session: report.session)
        for news in troubles[device.id, default: ToldTroubles()].news(of: report) { log(news, device, report.session) }
    }

    /// What was found, and both ways out.
    private static func advice(_ halt: Halt, _ device: Device) -> String {
        ([halt.message] + halt.waysOut(for: device.settings.name)).joined(separator: " ")
    }

    private func log(_ news: ToldTroubles.News, _ device: Device, _ session: Int64?) {
        let (level, line): (Logger.Level, Logger.Message) =
            switch news {
            case .halted(let halt):
                (.warning, "halted: \(halt.directory): \(Self.advice(halt, device))")
            case .haltEnded(let directory): (.notice, "no longer halted: \(directory)")
            case .failed(let failure, let reason):
                (.warning, "failed: \(failure.action.rawValue) \(failure.what): \(reason)")
            case .moreFailed(let count):
                (.warning, "failed: \(count) more, see `saveferry sessions show \(session.map { "\($0)" } ?? "ID")`")
            }
        log(level, line, device, session: session)
    }

    private func log(_ notice: DeviceNews, _ device: Device) {
        switch notice {
        case .cameOnline: log(.info, "online", device)
        case .wentAway: log(.info, "away", device)
        case .failing(let failure): log(failure.code == .unreachable ? .warning : .error, "\(failure)", device)
        case .stillFailing(let failure): log(.debug, "still: \(failure)", device)
        case .back(let failures, let time):
            let count = failures == 1 ? "one failure" : "\(failures) failures"
            log(.notice, "back after \(count), \(time.inWords)", device)
        case .held(let failure, let time):
            log(.warning, "not synced for \(time.inWords): \(failure.message). If that hangs, end it.", device)
        case .free(let time): log(.notice, "no longer held by another run, after \(time.inWords)", device)
        }
    }

    private func log(_ level: Logger.Level, _ message: Logger.Message, _ device: Device, session: Int64? = nil) {
        var about: Logger.Metadata = ["device": "\(device.settings.name)"]
        if let session { about["session"] = "\(session)" }
        orchestrator.logger.log(level: level, message, metadata: about)
    }
}

extension Duration {
    /// `40 s`, `12 min`, `3 h` or `5 days`, rounded down.
    fileprivate var inWords: String {
        let seconds = components.seconds
        return switch seconds {
        case ..<60: "\(seconds) s"
        case ..<3_600: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3_600) h"
        default: "\(seconds / 86_400) days"
        }
    }
}
