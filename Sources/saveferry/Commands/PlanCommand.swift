import ArgumentParser
import Foundation
import Orchestrator
import Planner
import Store

/// What `plan` and `sync` have in common.
struct RunOptions: ParsableArguments {
    @Argument(help: "Which devices; without names every enabled one.", completion: .deviceNames) var names: [String] =
        []
    @Flag(help: "Print JSON.") var json = false
    @Option(
        help: ArgumentHelp(
            "Let this safety limit pass, for this plan alone: \(Valve.allCases.filter(\.canBeAllowed).map(\.rawValue).joined(separator: ", ")). Repeatable.",
            valueName: "limit"))
    var allow: [String] = []
    @Flag(help: "Also list saves that are in step.") var all = false

    func valves() throws -> Set<Valve> {
        Set(
            try allow.map { name in
                guard let valve = Valve(rawValue: name), valve.canBeAllowed else {
                    let known = Valve.allCases.filter(\.canBeAllowed).map(\.rawValue).joined(separator: ", ")
                    throw SettingsError("--allow: \"\(name)\" can't be used; expected one of \(known)")
                }
                return valve
            })
    }

    func devices(_ store: Store) async throws -> [Device] {
        var devices: [Device] = []
        for name in names { devices.append(try await store.device(named: name)) }
        if names.isEmpty { devices = try await store.devices().filter(\.settings.isEnabled) }
        guard !devices.isEmpty else {
            throw SettingsError("there is no enabled device; add one with `saveferry device add`")
        }
        return devices
    }
}

struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Show what a sync would do. Changes nothing anywhere.",
        discussion:
            "Examples:\n  saveferry plan\n  saveferry plan pocket --json\n  saveferry plan pocket --allow mass-deletion"
    )
    @OptionGroup var global: GlobalOptions
    @OptionGroup var options: RunOptions

    func run() async throws {
        try await printPlans(options, global)
    }
}

/// Plans and prints; ends the process with the highest exit code.
func printPlans(_ options: RunOptions, _ global: GlobalOptions) async throws {
    let valves = try options.valves()
    let (store, orchestrator, _, _) = try await global.orchestrator()
    try await store.requireLibrary()
    let plans = await orchestrator.plan(try await options.devices(store), allowing: valves)
    if options.json { try JSON.answer(["plans": plans.map(PlanDocument.init)]) }
    for plan in plans {
        switch plan.outcome {
        case .success(let plan): if !options.json { Console.answer(PlanText.text(plan, all: options.all)) }
        case .failure(let failure): Console.error("\(plan.device): \(failure)")
        }
    }
    throw ExitCode(plans.map(\.exitCode).max() ?? 0)
}
