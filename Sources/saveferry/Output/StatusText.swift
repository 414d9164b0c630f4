import Daemon
import Foundation
import Planner
import Store

/// How the devices fare, as people read it.
enum StatusText {
    static func table(_ devices: [DeviceStatus], _ lines: [Int64: DaemonReport.DeviceLine], now: Date) -> String {
        var table = Table(
            ("DEVICE", .left), ("SAVES", .right), ("LAST RUN", .left), ("RESULT", .left), ("NEXT RUN", .left),
            ("ONLINE", .left), ("CONFLICTS", .right), ("FAILURES", .right))
        for status in devices {
            let line = lines[status.device.id]
            table.add(
                status.device.settings.name, "\(status.trackedSaves)",
                status.lastSession.map { Formats.time($0.started) } ?? "never",
                status.lastSession.map(result) ?? "-",
                next(line, isEnabled: status.device.settings.isEnabled, now: now),
                line?.online.map { $0 ? "yes" : "away" } ?? "?", "\(status.openConflicts)", "\(status.errorsInARow)")
        }
        return table.text
    }

    /// A line for each safety limit that keeps something of a device from being synced: which, why, and what to do.
    static func halts(_ devices: [DeviceStatus]) -> [String] {
        devices.flatMap { status in status.halts.map { $0.line(of: status.device.settings.name) } }
    }

    /// For example `1 halted, 3 pulled`, or why it failed, in short.
    static func result(_ session: SessionSummary) -> String {
        if session.status == .inProgress { return "not ended yet" }
        if let error = session.error { return short(error) }
        let totals = session.totals
        let done = [
            (session.halts.count, "halted"), (totals.pulled, "pulled"), (totals.pushed, "pushed"),
            (totals.removed, "removed"), (totals.failed, "failed"), (totals.conflicts, "in conflict"),
            (totals.held, "held"), (totals.skipped, "skipped"),
        ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        return done.isEmpty ? "nothing to do" : done.joined(separator: ", ")
    }

    /// The first sentence, and of that only so much as fits beside the rest.
    private static func short(_ error: String) -> String {
        let sentence = error.firstRange(of: ". ").map { error[..<$0.lowerBound] } ?? error[...]
        return sentence.count > 60 ? "\(sentence.prefix(59))…" : String(sentence)
    }

    private static func next(_ line: DaemonReport.DeviceLine?, isEnabled: Bool, now: Date) -> String {
        guard isEnabled else { return "disabled" }
        guard let line else { return "-" }
        return line.running ? "running" : line.nextRun.map { "in \(span($0.timeIntervalSince(now)))" } ?? "never"
    }

    /// For example `40 s`, `4 min`, `3 h 20 min`, `2 d`.
    static func span(_ seconds: TimeInterval) -> String {
        let seconds = Int(max(0, seconds).rounded())
        let (minutes, hours) = (seconds / 60, seconds / 3_600)
        switch seconds {
        case ..<60: return "\(seconds) s"
        case ..<3_600: return "\(minutes) min"
        case ..<86_400: return minutes % 60 == 0 ? "\(hours) h" : "\(hours) h \(minutes % 60) min"
        default: return "\(seconds / 86_400) d"
        }
    }
}

extension SessionHalt {
    /// For example `HALTED pocket: /saves/gba: 7 of 10 saves vanished at once; …`, with the ways out.
    func line(of device: String) -> String {
        let ways = Valve(rawValue: code)?.waysOut(for: FileName.escaped(device)) ?? []
        return ([FileName.escaped("HALTED \(device): \(directory): \(message)")] + ways).joined(separator: " ")
    }
}
