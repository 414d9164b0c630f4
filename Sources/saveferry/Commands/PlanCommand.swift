import ArgumentParser
import Foundation
import Orchestrator
import Planner
import Store

/// What `plan` and `sync` have in common.
struct RunOptions: ParsableArguments {
    @Argument(
        help: "Which devices; without names every enabled one. With --put-back one device, and then the saves.",
        completion: .deviceNames) var names: [String] = []
    @Flag(help: "Print JSON.") var json = false
    @Option(
        help: ArgumentHelp(
            "Let this safety limit pass, for this plan alone: \(Valve.allCases.filter(\.canBeAllowed).map(\.rawValue).joined(separator: ", ")). Repeatable.",
            valueName: "limit"))
    var allow: [String] = []
    @Flag(
        help: "Put saves that are gone from a device there again: those that are named after it, or all.")
    var putBack = false
    @Option(help: "With --put-back: only saves of this platform.") var platform: String?
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

    /// What is to be put back, or nil where nothing is.
    func putBack(_ store: Store) async throws -> PutBack? {
        guard putBack else {
            guard platform == nil else { throw SettingsError("--platform goes with --put-back") }
            return nil
        }
        guard !names.isEmpty else {
            throw SettingsError(
                "--put-back: the device is missing; give its name, and after it the saves or none for all")
        }
        var saves: Set<Int64> = []
        for name in names.dropFirst() { saves.insert(try await store.save(named: name).id) }
        return PutBack(platform: platform, saves: saves)
    }

    func devices(_ store: Store) async throws -> [Device] {
        var devices: [Device] = []
        for name in putBack ? names.prefix(1) : names[...] { devices.append(try await store.device(named: name)) }
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
        discussion: """
            A save that was deleted on a device stays on the server and is not put there again, unless --put-back says so.

            Examples:
              saveferry plan
              saveferry plan pocket --json
              saveferry plan pocket --put-back
              saveferry plan pocket --allow mass-deletion
            """)
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
    let plans = await orchestrator.plan(
        try await options.devices(store), allowing: valves, puttingBack: try await options.putBack(store))
    if options.json { try JSON.answer(["plans": plans.map(PlanDocument.init)]) }
    for plan in plans {
        switch plan.outcome {
        case .success(let plan): if !options.json { Console.answer(PlanText.text(plan, all: options.all)) }
        case .failure(let failure): Console.error("\(plan.device): \(failure)")
        }
    }
    throw ExitCode(plans.map(\.exitCode).max() ?? 0)
}
