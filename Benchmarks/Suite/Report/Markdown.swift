import Foundation
import TestSupport

/// A report as Markdown: times side by side, what each took of the machine and the wire, and the targets.
struct Markdown {
    let report: Report

    var text: String {
        """
        Medians of wall time, everything included: start, login, listing, transfer, and the peer's own bookkeeping. All
        go through the same proxy, which delays every byte by half a round trip each way and limits nothing, to the same
        server, in turns. In brackets: SaveFerry's time divided by the peer's, so below 1 SaveFerry is faster.

        \(walls.text)

        \(footnotes)

        \(targets)\(checks)\
        CPU time is that of all processes on the client's side, memory the peak of the largest of them. Bytes are counted by
        the proxy. Round trips are effective ones: (wall at the longest round trip measured - wall at 0 ms) / that round
        trip.

        \(costs.text)
        \(crowd)
        """
    }

    // MARK: Wall time

    private var walls: MarkdownTable {
        let names = report.peers.map(\.name)
        var table = MarkdownTable(["workload", "round trip"] + names)
        var seen: Set<String> = []
        for measurement in report.measurements {
            let key = measurement.key
            guard seen.insert("\(key.workload) \(key.roundTripMilliseconds)").inserted else { continue }
            let ours = report.measurement(key.workload, key.roundTripMilliseconds, SaveFerry.name)?.wall
            let cells = names.map { name in
                cell(report.measurement(key.workload, key.roundTripMilliseconds, name), ours)
            }
            table.add([measurement.title, "\(key.roundTripMilliseconds) ms"] + cells)
        }
        return table
    }

    private func cell(_ measurement: Measurement?, _ ours: Double?) -> String {
        guard let measurement else { return "–" }
        guard let wall = measurement.wall else { return remark(measurement) }
        var text = Format.seconds(wall)
        if measurement.key.peer != SaveFerry.name, let ours { text += " (\(Format.ratio(ours / wall)))" }
        if measurement.samples.count < report.settings.runs { text += " ×\(measurement.samples.count)" }
        return measurement.remark == nil ? text : "\(text), then \(remark(measurement))"
    }

    /// Short enough for a cell.
    private func remark(_ measurement: Measurement) -> String {
        let remark = measurement.remark ?? "not run"
        return remark.hasPrefix("failed") ? "failed" : remark
    }

    private var footnotes: String {
        var lines = [
            "\(report.settings.runs) runs each; ×N: only N runs, because one takes long. –: can't do that, or not measured "
                + "there. Left out: by what a shorter delay shows, or by the number of files, one run would take longer than "
                + "\(Format.seconds(report.settings.longestSeconds)).", "",
        ]
        for peer in report.peers {
            lines.append("- \(peer.name): \(peer.note); \(peer.version ?? "MISSING: not installed")")
        }
        for measurement in report.measurements where measurement.remark?.hasPrefix("failed") == true {
            lines.append(
                "- FAILED: \(measurement.title), \(measurement.key.roundTripMilliseconds) ms, \(measurement.key.peer): "
                    + (measurement.remark ?? ""))
        }
        lines.append("- \(report.machine.line); \(ISO8601DateFormatter().string(from: report.date))")
        return lines.joined(separator: "\n")
    }

    // MARK: The rest

    private var targets: String {
        guard !report.targets.isEmpty else { return "" }
        var table = MarkdownTable(["target", "at most", "measured", ""])
        for target in report.targets {
            let measured = target.measured.map { String(format: $0 < 1 ? "%.3f" : "%.2f", $0) } ?? "–"
            table.add([target.what, String(format: "%g", target.limit), measured, target.verdict])
        }
        return "\(table.text)\n\n"
    }

    private var checks: String {
        guard !report.checks.isEmpty else { return "" }
        return report.checks.map { "- \($0.holds ? "yes" : "NO"): \($0.what)\n" }.joined() + "\n"
    }

    /// What only many devices at once have.
    private var crowd: String {
        var table = MarkdownTable([
            "workload", "devices/s", "peak memory", "threads", "half of the healthy done", "all of them",
        ])
        let measured = report.measurements.filter { measurement in
            measurement.key.workload.hasPrefix("crowd") && measurement.samples.contains { $0.crowd != nil }
        }
        guard !measured.isEmpty else { return "" }
        for measurement in measured {
            // Without others that hang, the run ends before it can be seen that all are done.
            let all = measurement.median { $0.crowd?.allDone ?? $0.wallSeconds }
            let done = { (time: Double?) in time.map(Format.seconds) ?? "–" }
            table.add([
                measurement.title, all.map { String(format: "%.0f", Double(Crowd.devices) / $0) } ?? "–",
                Format.size(Int(measurement.peak ?? 0)),
                "\(measurement.samples.compactMap(\.crowd?.threads).max() ?? 0)",
                done(measurement.samples.compactMap(\.crowd?.halfDone).median), done(all),
            ])
        }
        return "\n\(table.text)\n"
    }

    private var costs: MarkdownTable {
        var table = MarkdownTable([
            "workload", "round trip", "peer", "runs", "wall", "fastest – slowest", "CPU", "peak memory", "sent",
            "received", "connections", "round trips",
        ])
        for measurement in report.measurements {
            let key = measurement.key
            let walls = measurement.samples.map(\.wallSeconds)
            guard let least = walls.min(), let most = walls.max() else { continue }
            let trips = report.roundTrips(key.workload, key.peer)
            let isWired = measurement.samples.contains { $0.connections > 0 }
            let bytes = { (value: Double?) in isWired ? Format.size(Int(value ?? 0)) : "–" }
            table.add([
                measurement.title, "\(key.roundTripMilliseconds) ms", key.peer, "\(walls.count)",
                Format.seconds(measurement.wall ?? 0), "\(Format.seconds(least)) – \(Format.seconds(most))",
                Format.seconds(measurement.cpu ?? 0), Format.size(Int(measurement.peak ?? 0)), bytes(measurement.sent),
                bytes(measurement.received), "\(measurement.samples.last?.connections ?? 0)",
                trips.map { $0.at == key.roundTripMilliseconds ? String(format: "%.1f", $0.count) : "" } ?? "–",
            ])
        }
        return table
    }
}
