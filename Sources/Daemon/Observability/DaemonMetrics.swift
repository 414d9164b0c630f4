import Foundation
import Glibc
import Orchestrator
import Store

/// Everything that `GET /metrics` tells, at one moment.
struct DaemonMetrics {
    let version: String
    /// Since the daemon's start, by the devices' names.
    let counts: [String: SessionCounts.Device]
    let devices: [DeviceStatus]
    let outlook: [DeviceOutlook]
    let process: ProcessUsage

    /// The metrics as text.
    var text: String {
        var text = MetricsText()
        addSessions(to: &text)
        addDevices(to: &text)
        addProcess(to: &text)
        return text.text
    }

    /// Counters of devices that have had no session yet are there as well, so that the first one shows as an increase.
    private func addSessions(to text: inout MetricsText) {
        let names = Set(counts.keys).union(devices.map(\.device.settings.name)).sorted()
        let devices = names.map { ($0, counts[$0] ?? SessionCounts.Device()) }
        text.begin("saveferry_sessions_total", .counter, "Sessions that ended since the daemon's start.")
        for (name, device) in devices {
            for status in [SessionStatus.completed, .halted, .failed, .cancelled] {
                text.add(
                    "saveferry_sessions_total", ["device": name, "status": status.rawValue.lowercased()],
                    Double(device.sessions[status] ?? 0))
            }
        }
        text.begin("saveferry_operations_total", .counter, "Operations that were carried out since the daemon's start.")
        for (name, device) in devices {
            let totals = device.totals
            for (action, count) in [
                ("pull", totals.pulled), ("push", totals.pushed), ("remove", totals.removed),
                ("conflict", totals.conflicts),
            ] {
                text.add("saveferry_operations_total", ["device": name, "action": action], Double(count))
            }
        }
        text.begin("saveferry_operations_failed_total", .counter, "Operations that failed since the daemon's start.")
        for (name, device) in devices {
            text.add("saveferry_operations_failed_total", ["device": name], Double(device.totals.failed))
        }
        text.begin("saveferry_transferred_bytes_total", .counter, "Bytes of saves that were pulled or pushed.")
        for (name, device) in devices {
            text.add("saveferry_transferred_bytes_total", ["device": name], Double(device.totals.bytes))
        }
        text.begin("saveferry_session_duration_seconds", .summary, "Time from a session's plan to its end.")
        for (name, device) in devices {
            text.add("saveferry_session_duration_seconds_sum", ["device": name], device.seconds)
            text.add("saveferry_session_duration_seconds_count", ["device": name], Double(device.timed))
        }
    }

    private func addDevices(to text: inout MetricsText) {
        text.begin("saveferry_conflicts_open", .gauge, "Conflicts that wait for the user.")
        for status in devices {
            text.add("saveferry_conflicts_open", ["device": status.name], Double(status.openConflicts))
        }
        text.begin(
            "saveferry_halts_open", .gauge, "Safety limits that closed in the last session that got to its end.")
        for status in devices {
            text.add("saveferry_halts_open", ["device": status.name], Double(status.halts.count))
        }
        text.begin(
            "saveferry_saves_held", .gauge, "Saves that waited for the user in the last session that got to its end.")
        for status in devices {
            text.add("saveferry_saves_held", ["device": status.name], Double(status.heldSaves))
        }
        text.begin(
            "saveferry_device_failures_in_a_row", .gauge,
            "Sessions that failed or were halted since the last that was completed.")
        for status in devices {
            text.add("saveferry_device_failures_in_a_row", ["device": status.name], Double(status.errorsInARow))
        }
        text.begin(
            "saveferry_last_success_timestamp_seconds", .gauge,
            "When the last session ended with nothing failed and nothing halted.")
        for status in devices {
            guard let date = status.lastSuccess else { continue }
            text.add(
                "saveferry_last_success_timestamp_seconds", ["device": status.name], date.timeIntervalSince1970)
        }
        text.begin("saveferry_device_online", .gauge, "Whether the device could be reached when it was last tried.")
        for device in outlook.sorted(by: { $0.name < $1.name }) {
            guard let isOnline = device.isOnline else { continue }
            text.add("saveferry_device_online", ["device": device.name], isOnline ? 1 : 0)
        }
    }

    private func addProcess(to text: inout MetricsText) {
        text.begin("process_resident_memory_bytes", .gauge, "Resident memory size in bytes.")
        text.add("process_resident_memory_bytes", [:], Double(process.residentBytes))
        text.begin("process_open_fds", .gauge, "Number of open file descriptors.")
        text.add("process_open_fds", [:], Double(process.openDescriptors))
        text.begin("saveferry_build_info", .gauge, "The program's version; always 1.")
        text.add("saveferry_build_info", ["version": version], 1)
    }
}

extension DeviceStatus {
    fileprivate var name: String { device.settings.name }
}

/// What this process takes of the machine (proc(5)).
struct ProcessUsage: Equatable, Sendable {
    let residentBytes: Int
    let openDescriptors: Int

    /// Now. `/proc` answers from memory and does not block.
    static func now() -> ProcessUsage {
        let pages = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ")
        let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd"))?.count ?? 0
        return ProcessUsage(
            residentBytes: (pages.flatMap { $0.count > 1 ? Int($0[1]) : nil } ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))),
            // Without the one by which they are listed.
            openDescriptors: max(0, descriptors - 1))
    }
}
