import ArgumentParser
import Foundation
import Planner
import Store

struct ConflictsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conflicts", abstract: "List and resolve saves that changed on both sides.",
        subcommands: [ConflictsListCommand.self, ConflictsResolveCommand.self],
        defaultSubcommand: ConflictsListCommand.self)
}

struct ConflictsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List open conflicts.")
    @OptionGroup var global: GlobalOptions
    @OptionGroup var filter: ConflictFilter
    @Flag(help: "Print JSON.") var json = false

    struct Side: Encodable {
        let version: Int, sizeBytes: UInt64, modifiedAt: Date, contentHash: String

        init(_ side: ConflictSummary.Side) {
            (version, sizeBytes, modifiedAt, contentHash) = (side.version, side.size, side.modified, side.digest.hex)
        }
    }

    struct Document: Encodable {
        let id: Int64, device: String, saveId: Int64, platform: String, game: String, kind: String, slot: String
        let openedAt: Date, deviceSide: Side, serverSide: Side
    }

    func run() async throws {
        let (_, store) = try await global.open()
        let conflicts = try await filter.conflicts(in: store)
        if json {
            try JSON.answer([
                "conflicts": conflicts.map {
                    Document(
                        id: $0.id, device: $0.deviceName, saveId: $0.save, platform: $0.identity.platform,
                        game: $0.identity.game, kind: $0.identity.kind.rawValue, slot: $0.identity.slot,
                        openedAt: $0.opened, deviceSide: Side($0.device), serverSide: Side($0.server))
                }
            ])
            return
        }
        var table = Table(
            ("ID", .right), ("SAVE", .left), ("DEVICE", .left), ("DEVICE HAS", .left), ("SERVER HAS", .left))
        for conflict in conflicts {
            table.add(
                "\(conflict.id)", conflict.identity.shown, conflict.deviceName, shown(conflict.device),
                shown(conflict.server))
        }
        Console.answer(
            conflicts.isEmpty
                ? "No conflicts."
                : table.text + "\nResolve one with: saveferry conflicts resolve ID --keep device|server|both")
    }

    private func shown(_ side: ConflictSummary.Side) -> String {
        "version \(side.version), \(Formats.size(side.size)), \(Formats.time(side.modified))"
    }
}

struct ConflictsResolveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resolve", abstract: "Decide a conflict, or several; the device follows at its next sync.",
        discussion: """
            device: the device's content becomes current. server: the server's goes to the device. both: the device's \
            becomes a slot of its own. Both contents stay in the history. If the device changed again in the meantime, \
            its next sync reports the conflict anew instead of replacing anything; if the server's content changed, \
            nothing is decided. A conflict whose contents changed is listed under another number.

            Examples:
              saveferry conflicts resolve 1 --keep server
              saveferry conflicts resolve --all --keep device --device pocket --platform gba
            """)
    @OptionGroup var global: GlobalOptions
    @Argument(help: "The conflict's number.") var id: Int64?
    @Flag(help: "Decide every open conflict that the filter lets through.") var all = false
    @OptionGroup var filter: ConflictFilter
    @Option(help: ArgumentHelp("device, server or both.", valueName: "side")) var keep: String

    func run() async throws {
        guard let resolution = ConflictResolution(rawValue: keep) else {
            throw SettingsError("--keep: \"\(keep)\" can't be used; expected device, server or both")
        }
        guard all == (id == nil), all || filter.isEmpty else {
            throw SettingsError("give the number of one conflict, or --all with --device and --platform to narrow it")
        }
        let (_, store) = try await global.open()
        try await store.requireLibrary()
        guard let id else { return try await resolveAll(in: store, keep: resolution) }
        try await resolve(id, in: store, keep: resolution)
    }

    /// Each fails alone; then the process ends with 1.
    private func resolveAll(in store: Store, keep resolution: ConflictResolution) async throws {
        let conflicts = try await filter.conflicts(in: store)
        if conflicts.isEmpty { Console.answer("No conflicts.") }
        var isComplete = true
        for conflict in conflicts {
            do {
                try await resolve(conflict.id, in: store, keep: resolution)
            } catch let error as StoreError {
                Console.error(error.description)
                isComplete = false
            }
        }
        if !isComplete { throw ExitCode(1) }
    }

    private func resolve(_ id: Int64, in store: Store, keep resolution: ConflictResolution) async throws {
        let conflict = try await store.resolveConflict(id, keep: resolution)
        Console.answer(
            "Resolved: \(conflict.identity.shown) keeps \(resolution.rawValue). Next: saveferry sync \(conflict.deviceName)"
        )
    }
}
