import Foundation
import Planner

/// Where time comes from. Nothing below `main` asks for it itself.
public protocol SystemClock: Sendable {
    /// The time of day, which may be stepped.
    func now() -> Date
    /// The monotonic clock that goes on while the machine sleeps (`CLOCK_BOOTTIME`, clock_gettime(2)).
    func moment() -> Moment
}

/// The machine's own clocks.
public struct MachineClock: SystemClock {
    private let boot: String

    /// Reads the boot's identity once (`/proc/sys/kernel/random/boot_id`, random(4)).
    public init() {
        let text = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
        boot = text?.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
    }

    /// The machine's time of day.
    public func now() -> Date { Date() }

    /// The machine's monotonic clock.
    public func moment() -> Moment {
        var time = timespec()
        #if os(Linux)
            clock_gettime(CLOCK_BOOTTIME, &time)
        #else
            clock_gettime(CLOCK_MONOTONIC, &time)
        #endif
        return Moment(boot: boot, nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}
