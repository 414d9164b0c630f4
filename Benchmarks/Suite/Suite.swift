import ArgumentParser
import Foundation
import TestSupport

/// SaveFerry beside other programs: the same files, the same servers, the same delays, in one run.
@main
struct Suite: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measures SaveFerry beside tar, rsync, sftp, rclone, unison and a sequential SFTP loop.",
        discussion: """
            Starts OpenSSH and dropbear on loopback, each behind a proxy that delays without throttling. Prints medians as \
            Markdown, and progress on standard error. Peers that are not installed are named as missing.
            """)

    @Flag(help: "Fewer workloads, delays and runs: about 5 minutes.") var quick = false
    @Option(help: "Timed runs of each command (default 5, with --quick 3).") var runs: Int?
    @Option(help: ArgumentHelp("Round trips in milliseconds, for example 10,50.", valueName: "list")) var rtt: String?
    @Option(
        help: ArgumentHelp(
            "Only the workload of this name, or all whose names begin so. Repeatable.", valueName: "name"))
    var only: [String] = []
    @Option(
        help: "Seconds after which a command gets no further run; where one takes three times that, it is left out.")
    var patience: Double?
    @Option(help: ArgumentHelp("Save the results as JSON.", valueName: "file")) var json: String?
    @Option(help: ArgumentHelp("Save the tables as Markdown.", valueName: "file")) var markdown: String?
    @Option(help: ArgumentHelp("Save the plot of the growth as SVG.", valueName: "file")) var svg: String?
    @Option(help: ArgumentHelp("Also compare with the JSON of an earlier run.", valueName: "file"))
    var compare: String?
    @Option(
        help: ArgumentHelp("An older `saveferry`, measured beside this one with encrypted keys.", valueName: "program"))
    var before: String?
    @Flag(help: "Only list the workloads.") var list = false

    func run() async throws {
        let parts = chosenParts
        if list {
            for part in parts { print("\(part.name)\t\(part.title)") }
            return
        }
        guard !parts.isEmpty else { throw ValidationError("--only: no workload begins so; see --list") }
        let signals = ServerProcess.endDescendantsOnSignals()
        defer { for source in signals { source.cancel() } }
        let old = try compare.map(Report.read)
        let programs = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
            .deletingLastPathComponent().path
        let ferry = SaveFerry(program: "\(programs)/saveferry")
        let others = otherPeers(programs)
        var versions: [Report.PeerVersion] = []
        for peer in [ferry] + others {
            versions.append(.init(name: peer.name, version: try await peer.version(), note: peer.note))
        }
        guard versions[0].version != nil else { throw BenchError("\(programs)/saveferry is not built") }
        var report = Report(
            date: Date(), machine: try await Machine.current(), peers: versions, settings: try settings())
        let runner = Runner(
            try Laboratory(programs: programs), ferry: ferry, peers: others,
            notebook: Notebook(
                report.settings, missing: Set(versions.filter { $0.version == nil }.map(\.name))))
        for part in parts {
            runner.note("\(part.name): \(part.title)")
            do {
                try await part.run(runner)
            } catch {
                await runner.check("\(part.name) could be measured: \(error)", false)
            }
            report.measurements = await runner.notebook.measurements
            report.checks = await runner.notebook.checks
            report.targets = Target.all(in: report).filter { only.isEmpty || $0.measured != nil }
            // Also after each part: a run that is ended early leaves what it has.
            try json.map(report.write)
        }
        let text = Markdown(report: report).text
        print(text)
        try markdown.map { try Data(text.utf8).write(to: URL(fileURLWithPath: $0)) }
        if let svg { try Data(GrowthPlot(report).svg.utf8).write(to: URL(fileURLWithPath: svg)) }
        if let old { print(Comparison(old: old, new: report).text) }
        if report.checks.contains(where: { !$0.holds }) { throw ExitCode(1) }
    }

    private func settings() throws -> Notebook.Settings {
        var settings = Notebook.Settings()
        settings.isQuick = quick
        settings.runs = runs ?? (quick ? 3 : 5)
        settings.patienceSeconds = patience ?? (quick ? 1 : 30)
        if let rtt {
            let numbers = rtt.split(separator: ",").map { Int($0) }
            guard !numbers.isEmpty, !numbers.contains(where: { $0.map { $0 < 0 } ?? true }) else {
                throw ValidationError("--rtt: \"\(rtt)\" can't be used; expected milliseconds, for example 10,50")
            }
            settings.roundTrips = numbers.compactMap(\.self)
        }
        guard settings.runs > 0, settings.patienceSeconds > 0 else {
            throw ValidationError("--runs and --patience must be more than 0")
        }
        return settings
    }

    // MARK: What there is to measure

    /// One thing to measure after the other.
    private struct Part {
        let name: String
        let title: String
        var isQuick = true
        let run: @Sendable (Runner) async throws -> Void
    }

    private var chosenParts: [Part] {
        let parts = allParts
        if only.isEmpty { return parts.filter { !quick || $0.isQuick } }
        let names = Set(parts.map(\.name))
        return parts.filter { part in
            only.contains { names.contains($0) ? part.name == $0 : part.name.hasPrefix($0) }
        }
    }

    private var allParts: [Part] {
        let workloads = Workload.all.map { workload in
            Part(name: workload.name, title: workload.title, isQuick: workload.isQuick) { try await $0.run(workload) }
        }
        let sizes = Growth.sizes.map { size in
            Part(
                name: "growth-\(size)", title: "\(Growth.data(size).title): first pull, unchanged, status",
                isQuick: size < 100_000
            ) { try await $0.runGrowth(size) }
        }
        let library = Part(
            name: "library", title: "100,000 saves in the library, 10 devices: unchanged, 1 % changed", isQuick: false
        ) { try await $0.runLibrary() }
        let crowd = Part(
            name: "crowd",
            title: "\(Crowd.devices) devices at once: first pull, unchanged, with others that hang or are slow"
        ) { try await $0.runCrowd() }
        let keys = Part(
            name: "keys",
            title: "8 devices at once, 7 of them with an encrypted key file: own ones, and one that they share"
        ) { [before] in try await $0.runEncryptedKeys(before: before) }
        return workloads + sizes + [library, crowd, keys]
    }
}
