import Foundation
import TestSupport

/// What a soak came to, as JSON and as Markdown.
struct Report: Codable, Sendable {
    /// Something that had to hold, and what was found where it did not.
    struct Verdict: Codable, Sendable {
        let what: String
        let evidence: [String]

        var holds: Bool { evidence.isEmpty }

        /// Holds where `evidence` is empty.
        init(_ what: String, _ evidence: [String]) {
            self.what = what
            self.evidence = evidence
        }
    }

    var date = Date()
    var seed: UInt64
    var scale: Story.Scale
    var cores = ProcessInfo.processInfo.activeProcessorCount
    /// How often each kind of thing happened.
    var happenings: [String: Int] = [:]
    /// Commands beside the daemon, by name and exit status.
    var commands: [String: Int] = [:]
    var runs: [String: Int] = [:]
    /// Why runs failed, with numbers and paths taken out.
    var failures: [String: Int] = [:]
    var pulled = 0, pushed = 0, conflicts = 0, bytes = 0
    var written = 0, due = 0, beginnings = 0, betweenLookAndRename = 0
    /// Seconds from when a device is reachable again to its next run, which begins because probes notice it.
    var noticed: [Double] = []
    /// Seconds from the end of any other trouble to the next run that completes.
    var resumed: [Double] = []
    var lives: [Daemon.Life] = []
    var largestWAL = 0, stateBytes = 0
    var verdicts: [Verdict] = []

    /// The life whose growth is judged.
    var longestLife: Daemon.Life? {
        lives.max { span($0) < span($1) }
    }

    var growth: Growth? { longestLife.flatMap { Growth($0.samples) } }

    private func span(_ life: Daemon.Life) -> Double { (life.samples.last?.at ?? 0) - (life.samples.first?.at ?? 0) }

    // MARK: As Markdown

    var markdown: String {
        var table = MarkdownTable(["", "figure"])
        table.add(["devices, seed", "\(scale.devices), \(seed)"])
        table.add(["length, cores", "\(Int(scale.seconds / 60)) min, \(cores)"])
        table.add(["what happened", list(happenings)])
        table.add(["runs", list(runs)])
        table.add(["saves written by players", "\(written), of which \(due) had to be kept"])
        table.add(["pulled, pushed, conflicts", "\(pulled), \(pushed), \(conflicts); \(mebibytes(bytes))"])
        table.add(["read while half written", "\(beginnings)"])
        table.add(["written between last look and rename", "\(betweenLookAndRename)"])
        table.add(["from being reachable again to the next run", seconds(noticed)])
        table.add(["from the end of another trouble to the next good run", seconds(resumed)])
        table.add(["from SIGTERM to the end", seconds(lives.compactMap(\.endedAfter))])
        table.add(["commands beside it, with exit code", list(commands)])
        let samples = lives.flatMap(\.samples)
        table.add([
            "lives of the daemon",
            "\(lives.count), the longest \(Int((longestLife.map(span) ?? 0) / 60)) min with \(longestLife?.samples.count ?? 0) samples",
        ])
        if let growth {
            table.add([
                "resident, second and last sixth",
                "\(mebibytes(growth.resident)), at most \(mebibytes(samples.map(\.resident).max() ?? 0))",
            ])
            table.add([
                "of that anonymous, the same",
                "\(mebibytes(growth.anonymous)), at most \(mebibytes(samples.map(\.anonymous).max() ?? 0))",
            ])
            table.add([
                "fewest descriptors, the same",
                "\(Int(growth.descriptors.early)) → \(Int(growth.descriptors.late)), at most \(samples.map(\.descriptors).max() ?? 0)",
            ])
        }
        table.add(["threads, at most", "\(samples.map(\.threads).max() ?? 0)"])
        let cpu = lives.compactMap(\.samples.last?.cpuSeconds).reduce(0, +)
        table.add(["CPU time of the daemon", String(format: "%.0f s", cpu)])
        table.add(["state directory, WAL at most", "\(mebibytes(stateBytes)), \(mebibytes(largestWAL))"])

        var kinds = MarkdownTable(["runs", "failed with"])
        for (reason, count) in failures.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
            kinds.add(["\(count)", reason])
        }
        var judged = MarkdownTable(["must hold", ""])
        for verdict in verdicts { judged.add([verdict.what, verdict.holds ? "yes" : "NO"]) }
        let found = verdicts.filter { !$0.holds }.map { verdict in
            "\(verdict.what): NO\n" + verdict.evidence.prefix(20).map { "  - \($0)\n" }.joined()
        }
        return ([table.text, kinds.text, judged.text] + found).joined(separator: "\n\n") + "\n"
    }

    private func list(_ counts: [String: Int]) -> String {
        counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    }

    private func seconds(_ values: [Double]) -> String {
        guard let median = values.median, let largest = values.max() else { return "not measured" }
        return String(format: "median %.1f s, at most %.1f s, of %d", median, largest, values.count)
    }

    private func mebibytes(_ bytes: Int) -> String { String(format: "%.1f MiB", Double(bytes) / Double(1 << 20)) }

    private func mebibytes(_ pair: Growth.Pair) -> String {
        "\(mebibytes(Int(pair.early))) → \(mebibytes(Int(pair.late)))"
    }
}

extension Report {
    /// The kind of a failure: its message without what differs from device to device.
    static func kind(_ reason: String) -> String {
        reason.replacing(/SHA256:\S+/, with: "KEY").replacing(/\/[^\s,;]+( \d+\.srm)?/, with: "PATH")
            .replacing(/handheld\d+/, with: "DEVICE").replacing(/\d+/, with: "N")
    }
}
