import ArgumentParser
import Foundation
import TestSupport

/// The daemon beside servers that come, go, hang, refuse and change keys, while players write saves.
@main
struct Soak: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak",
        abstract: "Runs `saveferry serve` among troubled devices and judges that nothing is lost and nothing grows.",
        discussion: """
            Everything runs on loopback and in temporary folders. Exit code 1 when something that must hold does not; the home, \
            the devices and the log are kept then, and named.

            Examples:
              soak --minutes 5
              soak --minutes 60 --seed 7 --setting "concurrency: 4"
            """)

    @Option(help: "How long the story is.") var minutes = 60.0
    @Option(help: "What decides the story; another one each time unless given.") var seed: UInt64?
    @Option(help: "How many devices, from 2 to 200.") var devices = 20
    @Option(help: ArgumentHelp("The daemon's schedule for all devices.", valueName: "when")) var schedule = "10s"
    @Option(help: ArgumentHelp("A line of the daemon's saveferry.yaml. Repeatable.", valueName: "key: value"))
    var setting: [String] = []
    @Option(help: ArgumentHelp("Where results, and what speaks for a failure, are left.", valueName: "folder"))
    var results = ".build/soak"

    func run() async throws {
        guard minutes >= 1 else { throw ValidationError("--minutes must be 1 or more") }
        guard (2...200).contains(devices) else { throw ValidationError("--devices must be from 2 to 200") }
        let signals = ServerProcess.endDescendantsOnSignals()
        defer {
            // Also what an error left behind.
            ServerProcess.endDescendants()
            for source in signals { source.cancel() }
        }
        let seed = seed ?? UInt64.random(in: 1...999_999)
        var scale = Story.Scale()
        (scale.devices, scale.seconds) = (devices, minutes * 60)
        Soak.note("\(devices) devices, \(minutes) minutes, seed \(seed)")

        let programs = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
            .deletingLastPathComponent().path
        let ferry = try Ferry(program: "\(programs)/saveferry", settings: setting)
        let soak = try await SoakRun(seed: seed, scale: scale, ferry: ferry, schedule: schedule)
        let report = try await soak.run()
        try await leave(report, soak)
        print(report.markdown)
        if report.verdicts.contains(where: { !$0.holds }) { throw ExitCode(1) }
    }

    private func leave(_ report: Report, _ soak: SoakRun) async throws {
        try FileManager.default.createDirectory(atPath: results, withIntermediateDirectories: true)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        encoder.dateEncodingStrategy = .iso8601
        encoder.keyEncodingStrategy = .convertToSnakeCase
        try encoder.encode(report).write(to: URL(fileURLWithPath: "\(results)/results.json"))
        try Data(report.markdown.utf8).write(to: URL(fileURLWithPath: "\(results)/results.md"))
        guard report.verdicts.contains(where: { !$0.holds }) else { return }
        let evidence = "\(results)/seed-\(report.seed)"
        try? FileManager.default.removeItem(atPath: evidence)
        try FileManager.default.createDirectory(atPath: evidence, withIntermediateDirectories: true)
        try await soak.copyEvidence(to: evidence)
        Soak.note("what speaks for it is in \(evidence)")
    }

    /// A line on standard error.
    static func note(_ text: String) { FileHandle.standardError.write(Data("soak: \(text)\n".utf8)) }
}
