import Foundation
import Planner
import Store
import Synchronization
import TestSupport
import Testing

@testable import Orchestrator

/// What is due when, told step by step: no clock, no task, no server.
@Suite struct TimetableTests {
    /// One thing that happens, and what is to come of it.
    enum Step {
        /// So much time passes on both clocks.
        case pass(Duration)
        /// Only the time of day is set.
        case step(Duration)
        /// Exactly these devices are probed now.
        case probes([Int64])
        case found(Int64, Bool)
        /// Exactly these devices are synced now.
        case runs([Int64])
        case done(Int64, moved: Int = 0, failed: Int = 0)
        case fails(Int64, DeviceFailure.Code = .authentication)
        case busy(Int64)
        /// What the log is told of since the last look.
        case told([String])
        case settings(ScheduleSettings)
        case devices([DeviceSettings])
    }

    struct Story: CustomTestStringConvertible, Sendable {
        let name: String
        let settings: ScheduleSettings
        let devices: [DeviceSettings]
        var lastRun: Date?
        let steps: [Step]
        var testDescription: String { name }

        init(
            _ name: String, _ schedule: String, wake: Duration? = nil, devices: [DeviceSettings] = [device(1)],
            lastRun: Date? = nil, _ steps: Step...
        ) {
            self.name = name
            settings = ScheduleSettings(fallback: try? Schedule(schedule), wake: wake)
            (self.devices, self.lastRun, self.steps) = (devices, lastRun, steps)
        }
    }

    static func device(_ number: Int, schedule: String? = nil, host: String = "h", enabled: Bool = true)
        -> DeviceSettings
    {
        DeviceSettings(
            name: "d\(number)", host: host, isEnabled: enabled,
            directories: [SaveDirectory(id: 0, path: "/s", platform: .named("gba"))], schedule: schedule)
    }

    /// When every story begins: 2026-03-01, a Sunday, 12:00 in UTC.
    static let noon = Date(timeIntervalSince1970: 1_772_366_400)

    static let schedules = [
        Story(
            "an interval is due at once, and then from the end of each run", "10m",
            .runs([1]), .pass(.seconds(100)), .runs([]), .done(1), .pass(.seconds(599)), .runs([]), .pass(.seconds(1)),
            .runs([1])),
        Story(
            "a cron time is due when it comes", "30 12 * * *",
            .runs([]), .pass(.seconds(1_799)), .runs([]), .pass(.seconds(1)), .runs([1]), .done(1),
            .pass(.seconds(86_399)), .runs([]), .pass(.seconds(1)), .runs([1])),
        Story(
            "what is due while a run is under way is served by it", "* * * * *",
            .pass(.seconds(60)), .runs([1]), .pass(.seconds(150)), .runs([]), .done(1), .runs([]), .pass(.seconds(30)),
            .runs([1])),
        Story(
            "times that the machine slept through are caught up once", "0 * * * *",
            .pass(.seconds(10 * 3_600 + 60)), .runs([1]), .done(1), .runs([]), .pass(.seconds(3_540)), .runs([1])),
        Story(
            "an interval that the machine slept through is caught up once", "15m",
            .runs([1]), .done(1), .pass(.seconds(36_000)), .runs([1]), .done(1), .runs([]), .pass(.seconds(899)),
            .runs([]), .pass(.seconds(1)), .runs([1])),
        Story(
            "times that a step of the clock passes over are caught up once", "0,20,40 13 * * *",
            .step(.seconds(2 * 3_600)), .runs([1]), .done(1), .runs([]), .pass(.seconds(3 * 3_600)), .runs([])),
        Story(
            "a step back of less than three hours repeats no named time", "30 12 * * *",
            .pass(.seconds(1_800)), .runs([1]), .done(1), .step(.seconds(-3_600)), .runs([]), .pass(.seconds(3_600)),
            .runs([]), .pass(.seconds(86_400)), .runs([1])),
        Story(
            "after a step back of more, the new time counts at once", "30 12 * * *",
            .pass(.seconds(1_800)), .runs([1]), .done(1), .step(.seconds(-5 * 3_600)), .runs([]),
            .pass(.seconds(5 * 3_600)), .runs([1])),
        Story(
            "with a star the new time counts at once, after any step back", "0 * * * *",
            .pass(.seconds(3_600)), .runs([1]), .done(1), .step(.seconds(-2 * 3_600)), .runs([]),
            .pass(.seconds(3_600)), .runs([1]), .done(1), .pass(.seconds(3_600)), .runs([1])),
        Story(
            "a clock that is set back a moment repeats nothing", "* * * * *",
            .pass(.seconds(60)), .runs([1]), .done(1), .step(.milliseconds(-500)), .runs([]), .pass(.milliseconds(500)),
            .runs([]), .pass(.seconds(60)), .runs([1])),
        Story(
            "an interval heeds no step of the clock", "15m",
            .runs([1]), .done(1), .step(.seconds(-86_400)), .runs([]), .pass(.seconds(899)), .runs([]),
            .step(.seconds(90_000)), .runs([]), .pass(.seconds(1)), .runs([1])),
        Story(
            "a time that passed while nothing ran is caught up once", "0 4 * * *", lastRun: noon - 86_400,
            .runs([1]), .done(1), .pass(.seconds(16 * 3_600 - 1)), .runs([]), .pass(.seconds(1)), .runs([1])),
        Story(
            "no time has passed since the last run", "0 4 * * *", lastRun: noon - 7_200, .runs([]),
            .pass(.seconds(16 * 3_600)), .runs([1])),
        Story(
            "off is never by itself", "off", wake: .seconds(10),
            .pass(.seconds(86_400)), .probes([]), .runs([])),
        Story(
            "a device's own schedule wins, also off", "15m",
            devices: [device(1, schedule: "off"), device(2, schedule: "1h")],
            .pass(.seconds(1)), .runs([2]), .done(2), .pass(.seconds(3_599)), .runs([]), .pass(.seconds(1)), .runs([2])),
        Story(
            "other settings hold at once, from the last run on", "1h",
            .runs([1]), .done(1), .pass(.seconds(120)),
            .settings(ScheduleSettings(fallback: try? Schedule("2m"), wake: nil)),
            .runs([1]), .settings(ScheduleSettings(fallback: nil, wake: nil)), .done(1), .pass(.seconds(86_400)),
            .runs([])),
        Story(
            "other settings leave a retry where it is", "1h",
            .runs([1]), .fails(1), .settings(daily()), .pass(.seconds(59)), .runs([]), .pass(.seconds(1)), .runs([1]),
            .done(1), .pass(.seconds(3_600)), .runs([])),
        Story(
            "other settings leave a second look where it is", "1h", wake: .seconds(10),
            .probes([1]), .found(1, true), .runs([1]), .done(1, moved: 1), .settings(daily(wake: .seconds(10))),
            .pass(.seconds(119)), .runs([]), .pass(.seconds(1)), .runs([1]), .done(1), .pass(.seconds(3_600)),
            .runs([])),
        Story(
            "other settings leave a device that another process holds where it is", "1h",
            .runs([1]), .busy(1), .settings(daily()), .pass(.seconds(15)), .runs([1]), .done(1),
            .pass(.seconds(3_600)), .runs([])),
        Story(
            "switched off by other settings, nothing is tried again", "1h",
            .runs([1]), .fails(1), .settings(ScheduleSettings(fallback: nil, wake: nil)), .pass(.seconds(3_600)),
            .runs([])),
    ]

    /// At four in the morning.
    static func daily(wake: Duration? = nil) -> ScheduleSettings {
        ScheduleSettings(fallback: try? Schedule("0 4 * * *"), wake: wake)
    }

    static let wakes = [
        Story(
            "a device that is online is synced at once", "1d", wake: .seconds(10),
            .runs([]), .probes([1]), .found(1, true), .runs([1]), .done(1), .told(["online 1"])),
        Story(
            "one that is away is not tried, and is synced once when it comes", "15m", wake: .seconds(10),
            .probes([1]), .found(1, false), .told(["away 1"]), .runs([]), .pass(.seconds(3_600)), .runs([]),
            .probes([1]), .found(1, true), .told(["online 1"]), .runs([1]), .done(1), .runs([]), .pass(.seconds(40)),
            .probes([1]), .found(1, true), .told([]), .runs([])),
        Story(
            "one missed probe is a nap", "1d", wake: .seconds(10),
            .probes([1]), .found(1, true), .runs([1]), .done(1), .pass(.seconds(40)), .probes([1]), .found(1, false),
            .pass(.seconds(10)), .probes([1]), .found(1, true), .runs([]), .told(["online 1"])),
        Story(
            "two missed probes are away, and its coming back is a reason to sync", "1d", wake: .seconds(10),
            .probes([1]), .found(1, true), .runs([1]), .done(1), .pass(.seconds(40)), .probes([1]), .found(1, false),
            .pass(.seconds(10)), .probes([1]), .found(1, false), .pass(.seconds(10)), .probes([1]), .found(1, true),
            .told(["online 1", "away 1", "online 1"]), .runs([1])),
        Story(
            "a run that went through makes up for a missed probe", "1m", wake: .seconds(10),
            .probes([1]), .found(1, true), .runs([1]), .done(1), .pass(.seconds(55)), .probes([1]), .found(1, false),
            .pass(.seconds(5)), .runs([1]), .done(1), .pass(.seconds(10)), .probes([1]), .found(1, false),
            .pass(.seconds(10)), .probes([1]), .found(1, true), .told(["online 1"])),
        Story(
            "what answers at an address that was changed meanwhile says nothing of the new one", "1d",
            wake: .seconds(10),
            .probes([1]), .devices([device(1, host: "other")]), .probes([]), .found(1, true), .told([]), .runs([]),
            .probes([1]), .found(1, true), .told(["online 1"]), .runs([1])),
        Story(
            "just after a run, coming online waits a little", "1d", wake: .seconds(5),
            .probes([1]), .found(1, true), .runs([1]), .done(1), .pass(.seconds(5)), .probes([1]), .found(1, false),
            .pass(.seconds(5)), .probes([1]), .found(1, false), .pass(.seconds(5)), .probes([1]), .found(1, true),
            .runs([]), .pass(.seconds(15)), .runs([1])),
        Story(
            "a device is not probed while it is synced, nor twice at once", "1d", wake: .seconds(10),
            .probes([1]), .pass(.seconds(30)), .probes([]), .found(1, true), .runs([1]), .pass(.seconds(60)),
            .probes([]),
            .done(1), .probes([]), .pass(.seconds(10)), .probes([1])),
        Story(
            "after a run that moved something there is a second look, and after that the schedule", "1h",
            wake: .seconds(10),
            .probes([1]), .found(1, true), .runs([1]), .done(1, moved: 1), .pass(.seconds(119)), .runs([]),
            .pass(.seconds(1)), .runs([1]), .done(1), .pass(.seconds(3_599)), .runs([]), .pass(.seconds(1)), .runs([1])),
        Story(
            "what failed in part is looked at once more, not for ever", "1h", wake: .seconds(10),
            .probes([1]), .found(1, true), .runs([1]), .done(1, failed: 1), .pass(.seconds(120)), .runs([1]),
            .done(1, failed: 1), .pass(.seconds(3_599)), .runs([]), .pass(.seconds(1)), .runs([1])),
        Story(
            "without probes there is no second look", "1h",
            .runs([1]), .done(1, moved: 3), .pass(.seconds(3_599)), .runs([])),
    ]

    static let failures = [
        Story(
            "a device that fails backs off, from a minute to an hour, whatever its schedule says", "10s",
            .runs([1]), .fails(1), .pass(.seconds(59)), .runs([]), .pass(.seconds(1)), .runs([1]), .fails(1),
            .pass(.seconds(119)), .runs([]), .pass(.seconds(1)), .runs([1]), .fails(1), .pass(.seconds(240)),
            .runs([1]),
            .fails(1), .pass(.seconds(480)), .runs([1]), .fails(1), .pass(.seconds(960)), .runs([1]), .fails(1),
            .pass(.seconds(1_920)), .runs([1]), .fails(1), .pass(.seconds(3_599)), .runs([]), .pass(.seconds(1)),
            .runs([1]), .fails(1), .pass(.seconds(3_600)), .runs([1])),
        Story(
            "one line when it goes, one for each other reason, one when it comes back", "10s",
            .runs([1]), .fails(1), .told(["authentication 1"]), .pass(.seconds(60)), .runs([1]), .fails(1), .told([]),
            .pass(.seconds(120)), .runs([1]), .fails(1, .hostKey), .told(["host-key 1"]), .pass(.seconds(240)),
            .runs([1]), .done(1), .told(["back after 3, 420 s 1"]), .pass(.seconds(10)), .runs([1]), .done(1), .told([])
        ),
        Story(
            "a failure is tried again before a schedule that is far off", "0 4 * * *", lastRun: noon - 86_400,
            .runs([1]), .fails(1), .pass(.seconds(60)), .runs([1]), .done(1), .pass(.seconds(3_600)), .runs([])),
        Story(
            "a device that another process holds is tried again soon, and that is no failure", "1h",
            .runs([1]), .busy(1), .told([]), .pass(.seconds(14)), .runs([]), .pass(.seconds(1)), .runs([1]), .done(1),
            .told([])),
        Story(
            "coming online ends the wait of a device that was unreachable, without another line", "1h",
            wake: .seconds(10),
            .probes([1]), .found(1, true), .runs([1]), .fails(1, .unreachable), .pass(.seconds(31)), .probes([1]),
            .found(1, false), .pass(.seconds(10)), .probes([1]), .found(1, false), .pass(.seconds(10)), .probes([1]),
            .found(1, true), .told(["online 1", "unreachable 1", "away 1", "online 1"]), .runs([1]),
            .fails(1, .unreachable), .told([]), .pass(.seconds(60)), .runs([1])),
        Story(
            "a run that does not reach the device is a missed probe", "1h", wake: .seconds(10),
            .probes([1]), .found(1, true), .runs([1]), .fails(1, .unreachable), .pass(.seconds(10)), .probes([1]),
            .found(1, false), .told(["online 1", "unreachable 1", "away 1"]), .pass(.seconds(10)), .probes([1]),
            .found(1, true), .runs([]), .pass(.seconds(10)), .runs([1])),
        Story(
            "a run that a short absence failed is made again when the device answers, once", "1h", wake: .seconds(10),
            .probes([1]), .found(1, true), .runs([1]), .fails(1, .unreachable), .pass(.seconds(10)), .probes([1]),
            .found(1, true), .runs([1]), .fails(1, .unreachable), .pass(.seconds(10)), .probes([1]), .found(1, true),
            .runs([]), .pass(.seconds(109)), .runs([]), .pass(.seconds(1)), .runs([1]), .done(1),
            .told(["online 1", "unreachable 1", "back after 2, 130 s 1"])),
        Story(
            "coming online after it was away ends any wait, for one attempt", "1h", wake: .seconds(10),
            .probes([1]), .found(1, true), .runs([1]), .fails(1, .hostKey), .pass(.seconds(60)), .runs([1]),
            .fails(1, .hostKey), .pass(.seconds(10)), .probes([1]), .found(1, false), .pass(.seconds(10)),
            .probes([1]), .found(1, false), .pass(.seconds(10)), .probes([1]), .found(1, true), .runs([1]),
            .fails(1, .hostKey), .pass(.seconds(239)), .runs([]), .pass(.seconds(1)), .runs([1])),
        Story(
            "a missed probe ends no wait", "1h", wake: .seconds(10),
            .probes([1]), .found(1, true), .runs([1]), .fails(1, .hostKey), .pass(.seconds(10)), .probes([1]),
            .found(1, false), .pass(.seconds(10)), .probes([1]), .found(1, true), .pass(.seconds(39)), .runs([]),
            .pass(.seconds(1)), .runs([1])),
        Story(
            "a device that another process holds for half an hour is told once, and when it is free", "1h",
            .runs([1]), .busy(1), .pass(.seconds(15)), .runs([1]), .busy(1), .pass(.seconds(1_784)), .runs([1]),
            .busy(1), .told([]), .pass(.seconds(15)), .runs([1]), .busy(1), .told(["held by process 7, 1814 s 1"]),
            .pass(.seconds(15)), .runs([1]), .busy(1), .pass(.seconds(15)), .runs([1]), .told([]), .done(1),
            .told(["free after 1844 s 1"]), .pass(.seconds(3_600)), .runs([1]), .busy(1), .pass(.seconds(15)),
            .runs([1]), .done(1), .told([])),
        Story(
            "a device that is free and fails is told both", "1h",
            .runs([1]), .busy(1), .pass(.seconds(1_800)), .runs([1]), .busy(1), .pass(.seconds(15)), .runs([1]),
            .fails(1), .told(["held by process 7, 1800 s 1", "free after 1815 s 1", "authentication 1"])),
        Story(
            "being held, away, and held again is not being held for long", "1h", wake: .seconds(10),
            .probes([1]), .found(1, true), .runs([1]), .busy(1), .pass(.seconds(10)), .probes([1]), .found(1, false),
            .pass(.seconds(10)), .probes([1]), .found(1, false), .told(["online 1", "away 1"]),
            .pass(.seconds(7_200)), .probes([1]), .found(1, true), .runs([1]), .busy(1), .told(["online 1"])),
        Story(
            "a changed device is tried at once", "1h",
            .runs([1]), .fails(1), .pass(.seconds(5)), .runs([]), .devices([device(1, host: "other")]), .runs([1]),
            .fails(1), .told(["authentication 1", "authentication 1"])),
    ]

    static let lists = [
        Story(
            "new, disabled and removed devices", "1h",
            .runs([1]), .done(1), .devices([device(1), device(2)]), .runs([2]), .done(2),
            .devices([device(1, enabled: false), device(2)]), .pass(.seconds(3_600)), .runs([2]), .done(2),
            .devices([]),
            .pass(.seconds(3_600)), .runs([])),
        Story(
            "a device that is changed while it is synced is not begun again", "1h",
            .runs([1]), .devices([device(1, host: "other")]), .runs([]), .devices([]), .runs([]),
            .devices([device(1, host: "third")]), .runs([]), .done(1), .runs([1]), .done(1),
            .pass(.seconds(3_600)), .runs([1])),
        Story(
            "what a run with earlier settings failed with says nothing of the later ones", "1h",
            .runs([1]), .fails(1), .pass(.seconds(60)), .runs([1]), .devices([device(1, host: "other")]), .fails(1),
            .told(["authentication 1"]), .runs([1]), .fails(1), .told(["authentication 1"]), .pass(.seconds(59)),
            .runs([]), .pass(.seconds(1)), .runs([1])),
        Story(
            "a device that is changed while it is synced is synced again at once, also by a time", "0 4 * * *",
            wake: .seconds(10), lastRun: noon - 86_400,
            .probes([1]), .found(1, true), .runs([1]), .devices([device(1, schedule: "0 5 * * *")]),
            .pass(.seconds(60)), .done(1), .probes([1]), .found(1, true), .runs([1]), .done(1), .runs([])),
        Story(
            "a device that is changed is synced at once, also by a time", "0 4 * * *",
            .runs([]), .devices([device(1, host: "other")]), .runs([1]), .fails(1), .pass(.seconds(1)),
            .devices([device(1, host: "third")]), .runs([1]), .done(1), .pass(.seconds(3_600)), .runs([]),
            .devices([device(1, schedule: "off")]), .pass(.seconds(86_400)), .runs([])),
        Story(
            "a device that is switched off while it is synced is left alone", "1h",
            .runs([1]), .devices([device(1, schedule: "off")]), .fails(1), .told([]), .pass(.seconds(3_600)), .runs([])),
        Story(
            "a schedule that can't be read is told once, and nothing is due", "1h",
            devices: [device(1, schedule: "often")],
            .told(["schedule 1"]), .runs([]), .devices([device(1, schedule: "often")]), .told([]),
            .devices([device(1, schedule: "2h")]), .runs([1])),
    ]

    @Test(arguments: schedules + wakes + failures + lists)
    func `each story goes as told`(story: Story) async throws {
        let store = try await Hub().store
        var now = TimePoint(date: Self.noon, elapsed: .seconds(5_000))
        var timetable = Timetable(story.settings, zone: .gmt, pace: Pace(), random: { 0.5 })
        var told: [String] = []
        var probed: [Int64: Device] = [:]
        func set(_ list: [DeviceSettings]) async throws {
            for device in try await store.devices() where !list.contains(where: { $0.name == device.settings.name }) {
                try await store.removeDevice(device.id)
            }
            for settings in list {
                let known = try await store.devices().first { $0.settings.name == settings.name }
                if let known {
                    try await store.updateDevice(known.id, settings)
                } else {
                    let added = try await store.addDevice(settings)
                    try await store.pinHostKeys([PinnedHostKey(algorithm: nil, fingerprint: "x")], for: added.id)
                }
            }
            let devices = try await store.devices()
            let lastRuns = Dictionary(
                uniqueKeysWithValues: devices.compactMap { device in story.lastRun.map { (device.id, $0) } })
            told += timetable.update(devices, lastRuns: lastRuns, at: now).map { "schedule \($0.device.id)" }
        }
        func tell(_ notice: DeviceNews?, _ id: Int64) {
            switch notice {
            case nil, .stillFailing: break
            case .cameOnline: told.append("online \(id)")
            case .wentAway: told.append("away \(id)")
            case .failing(let failure): told.append("\(failure.code.rawValue) \(id)")
            case .back(let failures, let time):
                told.append("back after \(failures), \(time.components.seconds) s \(id)")
            case .held(let failure, let time): told.append("\(failure), \(time.components.seconds) s \(id)")
            case .free(let time): told.append("free after \(time.components.seconds) s \(id)")
            }
        }
        try await set(story.devices)
        for (number, step) in story.steps.enumerated() {
            let place: Comment = "step \(number + 1): \(step)"
            switch step {
            case .pass(let time):
                now = TimePoint(date: now.date + time / .seconds(1), elapsed: now.elapsed + time)
            case .step(let time): now = TimePoint(date: now.date + time / .seconds(1), elapsed: now.elapsed)
            case .probes(let ids):
                let taken = timetable.takeProbes(at: now)
                #expect(taken.map(\.id).sorted() == ids, place)
                for device in taken { probed[device.id] = device }
            case .runs(let ids):
                // The wait that was announced is over exactly when something is due.
                let wait = timetable.wait(from: now)
                #expect(timetable.takeRuns(at: now).map(\.id).sorted() == ids, place)
                if !ids.isEmpty { #expect(wait <= .zero, place) }
            case .found(let id, let isOnline):
                let device = try #require(probed[id], place)
                tell(timetable.endProbe(of: device, isOnline: isOnline, at: now), id)
            case .done(let id, let moved, let failed):
                for news in timetable.endRun(of: id, .done(moved: moved, failed: failed), at: now) { tell(news, id) }
            case .fails(let id, let code):
                let failure = DeviceFailure(code: code, message: "no")
                for news in timetable.endRun(of: id, .failed(failure), at: now) { tell(news, id) }
            case .busy(let id):
                let failure = DeviceFailure(code: .busy, message: "held by process 7")
                for news in timetable.endRun(of: id, .busy(failure), at: now) { tell(news, id) }
            case .told(let lines):
                #expect(told == lines, place)
                told = []
            case .settings(let settings): timetable.reload(settings, at: now)
            case .devices(let list): try await set(list)
            }
        }
    }

    // MARK: Many

    private func crowd(_ count: Int, _ schedule: String, wake: Duration?) async throws -> [Device] {
        let store = try await Hub().store
        for number in 1...count {
            let added = try await store.addDevice(Self.device(number, schedule: schedule))
            try await store.pinHostKeys([PinnedHostKey(algorithm: nil, fingerprint: "x")], for: added.id)
        }
        return try await store.devices()
    }

    private func generator() -> @Sendable () -> Double {
        let numbers = Generator()
        return { numbers.next() }
    }

    @Test func `probes of many are spread over the interval, few at once, and none waits for ever`() async throws {
        let devices = try await crowd(200, "1d", wake: .seconds(10))
        var pace = Pace()
        pace.probesAtOnce = 32
        var timetable = Timetable(ScheduleSettings(), zone: .gmt, pace: pace, random: generator())
        var now = TimePoint(date: Self.noon, elapsed: .zero)
        _ = timetable.update(devices, lastRuns: [:], at: now)
        var probed: [Int64: Int] = [:]
        var most = 0
        var ending: [(at: Duration, device: Device)] = []
        // Each probe takes the three seconds of a host that does not answer.
        for _ in 0..<600 {
            for probe in ending where probe.at <= now.elapsed {
                _ = timetable.endProbe(of: probe.device, isOnline: false, at: now)
            }
            ending.removeAll { $0.at <= now.elapsed }
            for device in timetable.takeProbes(at: now) {
                probed[device.id, default: 0] += 1
                ending.append((now.elapsed + .seconds(3), device))
            }
            most = max(most, ending.count)
            now = TimePoint(date: now.date + 0.1, elapsed: now.elapsed + .milliseconds(100))
        }
        #expect(most == pace.probesAtOnce)
        // In a minute there is room for 640 probes of 3 s, so each of the 200 has its turn three times.
        #expect(probed.count == 200 && probed.values.allSatisfy { (2...4).contains($0) }, "\(Set(probed.values))")
    }

    @Test func `intervals drift apart, and stay within a tenth`() async throws {
        let devices = try await crowd(50, "10m", wake: nil)
        var timetable = Timetable(
            ScheduleSettings(wake: nil), zone: .gmt, pace: Pace(), random: generator())
        var now = TimePoint(date: Self.noon, elapsed: .zero)
        _ = timetable.update(devices, lastRuns: [:], at: now)
        now = TimePoint(date: now.date + 10, elapsed: .seconds(10))
        let first = timetable.takeRuns(at: now)
        #expect(first.count == 50)
        for device in first { _ = timetable.endRun(of: device.id, .done(moved: 0, failed: 0), at: now) }
        let next = timetable.outlook(at: now).compactMap { $0.nextRun?.timeIntervalSince(now.date) }
        #expect(next.count == 50 && next.allSatisfy { (540...660).contains($0) })
        #expect(Set(next.map { Int($0) }).count > 25, "\(next)")
    }

    @Test func `devices that failed together are tried again apart, within a tenth`() async throws {
        let devices = try await crowd(50, "1d", wake: nil)
        var timetable = Timetable(
            ScheduleSettings(wake: nil), zone: .gmt, pace: Pace(), random: generator())
        var now = TimePoint(date: Self.noon, elapsed: .zero)
        _ = timetable.update(devices, lastRuns: [:], at: now)
        now = TimePoint(date: now.date + 10, elapsed: .seconds(10))
        for device in timetable.takeRuns(at: now) {
            let failure = DeviceFailure(code: .unreachable, message: "no")
            _ = timetable.endRun(of: device.id, .failed(failure), at: now)
        }
        let next = timetable.outlook(at: now).compactMap { $0.nextRun?.timeIntervalSince(now.date) }
        #expect(next.count == 50 && next.allSatisfy { (54...66).contains($0) }, "\(next)")
        #expect(Set(next.map { Int($0 * 10) }).count > 25, "\(next)")
    }

    @Test func `the outlook says what is known`() async throws {
        let devices = try await crowd(2, "1h", wake: .seconds(10))
        var timetable = Timetable(ScheduleSettings(), zone: .gmt, pace: Pace(), random: { 0.5 })
        var now = TimePoint(date: Self.noon, elapsed: .zero)
        _ = timetable.update(devices, lastRuns: [:], at: now)
        #expect(timetable.outlook(at: now).map(\.isOnline) == [nil, nil])
        now = TimePoint(date: now.date + 1, elapsed: .seconds(1))
        #expect(timetable.takeProbes(at: now).count == 2)
        _ = timetable.endProbe(of: devices[0], isOnline: true, at: now)
        _ = timetable.endProbe(of: devices[1], isOnline: false, at: now)
        #expect(timetable.outlook(at: now).map(\.isOnline) == [true, false])
        #expect(timetable.outlook(at: now).map(\.nextRun) == [now.date, nil])
        #expect(timetable.takeRuns(at: now).map(\.id) == [devices[0].id])
        #expect(timetable.outlook(at: now).map(\.isRunning) == [true, false])
        let failure = DeviceFailure(code: .hostKey, message: "another key", advice: "Look.")
        _ = timetable.endRun(of: devices[0].id, .failed(failure), at: now)
        let first = try #require(timetable.outlook(at: now).first)
        #expect(first.failuresInARow == 1 && first.lastFailure == "another key. Look." && !first.isRunning)
        #expect(first.nextRun == now.date + 60)
    }
}

/// Numbers from 0 to 1 that are the same in each run.
private final class Generator: Sendable {
    private let numbers = Mutex(SplitMix64(seed: 1))
    func next() -> Double { numbers.withLock { .random(in: 0..<1, using: &$0) } }
}
