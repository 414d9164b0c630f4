import ArgumentParser
import Foundation
import Orchestrator
import Planner
import Store

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Check everything and say what to do.",
        discussion: "Examples:\n  saveferry doctor\n  saveferry doctor pocket --write-test")
    @OptionGroup var global: GlobalOptions
    @Argument(help: "Which device; without a name all of them.", completion: .deviceNames) var name: String?
    @Flag(help: "Also write, rename and remove a small file in each save directory.") var writeTest = false
    @Flag(help: "Print JSON.") var json = false

    struct Document: Encodable {
        let device: String?, check: String, result: String, detail: String, advice: String
    }

    func run() async throws {
        let (store, orchestrator, _, settings) = try await global.orchestrator()
        var findings: [(device: String?, finding: Finding)] = []
        if name == nil { findings += orchestrator.examineServer().map { (nil, $0) } }
        var devices = try await store.devices()
        if let name { devices = [try await store.device(named: name)] }
        for device in devices {
            findings += await orchestrator.examine(device, writeTest: writeTest).map { (device.settings.name, $0) }
        }
        if json {
            try JSON.answer([
                "checks": findings.map {
                    Document(
                        device: $0.device, check: $0.finding.check, result: $0.finding.result.rawValue,
                        detail: $0.finding.detail, advice: $0.finding.advice)
                }
            ])
        } else {
            if name == nil { Console.answer("keys in \(settings.keysDirectory)") }
            var table = Table(("", .left), ("DEVICE", .left), ("CHECK", .left), ("RESULT", .left))
            for (device, finding) in findings {
                table.add(
                    finding.result.rawValue, device ?? "-", finding.check,
                    finding.detail + (finding.advice.isEmpty ? "" : " → \(finding.advice)"))
            }
            Console.answer(table.text)
        }
        throw ExitCode(findings.map { $0.finding.exitCode }.max() ?? 0)
    }
}

extension Finding {
    /// The process's exit code for this finding.
    var exitCode: Int32 {
        guard result == .failed else { return 0 }
        return failure?.exitCode ?? 1
    }
}
