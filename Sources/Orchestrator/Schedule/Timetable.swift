import Foundation
import Store

/// What is due when, of all devices. Decides only: it is told the time and what happened, and has neither clock nor task.
struct Timetable: Sendable {
    private var rows: [Int64: DeviceTimetable] = [:]
    private var settings: ScheduleSettings
    private let zone: TimeZone
    private let pace: Pace
    /// From 0 to 1.
    private let random: @Sendable () -> Double

    init(_ settings: ScheduleSettings, zone: TimeZone, pace: Pace, random: @escaping @Sendable () -> Double) {
        (self.settings, self.zone, self.pace, self.random) = (settings, zone, pace, random)
    }

    // MARK: What there is

    /// Whether nothing is known of this device yet.
    func isNew(_ device: Device) -> Bool { rows[device.id] == nil }

    /// Takes over the devices as they are now, those that are enabled.
    ///
    /// - Parameter lastRuns: when the last runs of new devices began.
    /// - Returns: devices whose schedule can't be read, and why.
    mutating func update(
        _ devices: [Device], lastRuns: [Int64: Date], at now: TimePoint
    ) -> [(device: Device, error: ScheduleError)] {
        let devices = devices.filter(\.settings.isEnabled)
        let changed = devices.filter { rows[$0.id]?.device != $0 }
        let errors = changed.compactMap { replace($0, of: changed.count, lastRuns[$0.id], at: now) }
        let ids = Set(devices.map(\.id))
        // One that is being synced is kept until that is over, so that it is not begun again if it comes back.
        rows = rows.filter { ids.contains($0.key) || $0.value.isRunning }
        return errors
    }

    /// Other settings, from now on.
    mutating func reload(_ new: ScheduleSettings, at now: TimePoint) {
        guard new != settings else { return }
        settings = new
        for row in rows.values { _ = replace(row.device, of: rows.count, nil, at: now) }
    }

    private mutating func replace(
        _ device: Device, of count: Int, _ lastRun: Date?, at now: TimePoint
    ) -> (device: Device, error: ScheduleError)? {
        var schedule = settings.fallback
        var wrong: ScheduleError?
        if let text = device.settings.schedule {
            do throws(ScheduleError) { schedule = try Schedule(text) } catch { (schedule, wrong) = (nil, error) }
        }
        var row = DeviceTimetable(
            device, schedule: schedule ?? .off, wake: settings.wake, zone: zone, pace: pace, served: lastRun,
            delay: pace.spread(count) * random(), at: now)
        if let old = rows[device.id] { row.follow(old) }
        rows[device.id] = row
        return wrong.map { (device, $0) }
    }

    // MARK: What is due

    /// The devices that are to be probed now, those that wait longest first, as many as there may be.
    mutating func takeProbes(at now: TimePoint) -> [Device] {
        let due = rows.values.filter { $0.probeDue.map { $0 <= now.elapsed } ?? false }
            .sorted { ($0.probeDue ?? .zero) < ($1.probeDue ?? .zero) }
            .prefix(freeProbes).map(\.device)
        for device in due { rows[device.id]?.beginProbe(at: now) }
        return due
    }

    private var freeProbes: Int { max(0, pace.probesAtOnce - rows.values.count(where: \.isProbing)) }

    /// The devices that are to be synced now.
    mutating func takeRuns(at now: TimePoint) -> [Device] {
        rows.keys.filter { rows[$0]?.isDue(at: now) ?? false }.compactMap { id in
            rows[id]?.beginRun()
            return rows[id]?.device
        }
    }

    /// How long until something is due, when nothing happens before; at most until the devices are read anew.
    func wait(from now: TimePoint) -> Duration {
        let areProbesFree = freeProbes > 0
        return rows.values.reduce(pace.reading) { soonest, row in
            let probe = areProbesFree ? row.probeDue.map { $0 - now.elapsed } : nil
            return [row.wait(from: now), probe].compactMap(\.self).reduce(soonest, min)
        }
    }

    // MARK: What happened

    /// - Parameter device: as it was when the probe was sent.
    mutating func endProbe(of device: Device, isOnline: Bool, at now: TimePoint) -> DeviceNews? {
        rows[device.id]?.endProbe(of: device, isOnline: isOnline, at: now)
    }

    mutating func endRun(of id: Int64, _ outcome: RunOutcome, at now: TimePoint) -> [DeviceNews] {
        rows[id]?.endRun(outcome, at: now, chance: random()) ?? []
    }

    /// By name.
    func outlook(at now: TimePoint) -> [DeviceOutlook] {
        rows.values.map { $0.outlook(at: now) }.sorted { $0.name < $1.name }
    }
}
