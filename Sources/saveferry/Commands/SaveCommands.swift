import ArgumentParser
import Foundation
import Planner
import Store

extension Store {
    /// The one save that a user's words name. Throws with the candidates when they name several.
    func save(named text: String) async throws -> SaveSummary {
        let found = try await findSaves(text)
        guard let first = found.first else {
            throw SettingsError("there is no save \"\(FileName.escaped(text))\"; see `saveferry saves`")
        }
        guard found.count == 1 else {
            let names = found.prefix(10).map { "\($0.id) (\($0.identity.shown))" }.joined(separator: ", ")
            throw SettingsError("\"\(FileName.escaped(text))\" names several saves; give the number: \(names)")
        }
        return first
    }
}

struct SavesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "saves", abstract: "List the saves in the library.")
    @OptionGroup var global: GlobalOptions
    @Option(help: "Only this platform.") var platform: String?
    @Flag(help: "Print JSON.") var json = false

    struct Document: Encodable {
        let id: Int64, owner: String, platform: String, game: String, kind: String, slot: String
        let sizeBytes: UInt64?, updatedAt: Date?, versions: Int, deletedAt: Date?
    }

    func run() async throws {
        let (_, store) = try await global.open()
        var saves: [SaveSummary] = []
        while true {
            let page = try await store.saves(platform: platform, after: saves.last?.id ?? 0)
            saves += page
            if page.count < 500 { break }
        }
        saves.sort { $0.identity.key < $1.identity.key }
        if json {
            try JSON.answer([
                "saves": saves.map {
                    Document(
                        id: $0.id, owner: $0.identity.owner, platform: $0.identity.platform, game: $0.identity.game,
                        kind: $0.identity.kind.rawValue, slot: $0.identity.slot, sizeBytes: $0.size,
                        updatedAt: $0.updated, versions: $0.versionCount, deletedAt: $0.deleted)
                }
            ])
            return
        }
        var table = Table(
            ("ID", .right), ("PLATFORM", .left), ("GAME", .left), ("KIND", .left), ("SLOT", .left), ("SIZE", .right),
            ("VERSIONS", .right), ("UPDATED", .left))
        for save in saves {
            table.add(
                "\(save.id)", save.identity.platform, save.identity.game, save.identity.kind.rawValue,
                save.identity.slot,
                save.size.map(Formats.size) ?? "-", "\(save.versionCount)",
                save.deleted.map { "deleted \(Formats.time($0))" } ?? Formats.time(save.updated))
        }
        Console.answer(saves.isEmpty ? "No saves yet." : table.text)
    }
}

struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "List the versions of a save, newest first.",
        discussion:
            "A save is named by its number, by platform/game, or by the game alone.\n\nExample:\n  saveferry history gba/Metroid"
    )
    @OptionGroup var global: GlobalOptions
    @Argument(help: "Which save.") var save: String
    @Flag(help: "Print JSON.") var json = false

    struct Document: Encodable {
        let version: Int, slot: String?, archival: Bool, current: Bool, sizeBytes: UInt64, contentHash: String
        let createdAt: Date, modifiedAt: Date, source: String, libraryPath: String
    }

    func run() async throws {
        let (_, store) = try await global.open()
        let found = try await store.save(named: save)
        var versions: [VersionSummary] = []
        while true {
            let page = try await store.history(of: found.id, before: versions.last?.number ?? Int.max)
            versions += page
            if page.count < 500 { break }
        }
        if json {
            try JSON.answer([
                "versions": versions.map {
                    Document(
                        version: $0.number, slot: $0.slot, archival: $0.slot == nil, current: $0.isCurrent,
                        sizeBytes: $0.size, contentHash: $0.digest.hex, createdAt: $0.created, modifiedAt: $0.modified,
                        source: $0.source, libraryPath: $0.libraryPath)
                }
            ])
            return
        }
        var table = Table(
            ("VERSION", .right), ("STORED", .left), ("SIZE", .right), ("CONTENT", .left), ("FROM", .left), ("", .left))
        for version in versions {
            table.add(
                "\(version.number)", Formats.time(version.created), Formats.size(version.size),
                version.digest.description,
                version.source, version.isCurrent ? "current" : version.slot == nil ? "archived" : "")
        }
        Console.answer(table.text)
    }
}

struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Make a version current again, as a new version.",
        discussion: """
            Devices get it at their next sync. So do those that had this content and from which it is gone, also when it is \
            the current one anyway.

            Example:
              saveferry restore gba/Metroid --version 3
            """)
    @OptionGroup var global: GlobalOptions
    @Argument(help: "Which save.") var save: String
    @Option(name: .customLong("version"), help: "The version's number in `history`.") var number: Int

    func run() async throws {
        let (_, store) = try await global.open()
        try await store.requireLibrary()
        let found = try await store.save(named: save)
        let version = try await store.restore(save: found, version: number)
        Console.answer(
            "Version \(version.number) of \(found.identity.shown) has the content of version \(number) and is current.")
    }
}

struct DeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Mark a save as deleted. Its versions stay in the library.")
    @OptionGroup var global: GlobalOptions
    @Argument(help: "Which save.") var save: String

    func run() async throws {
        let (_, store) = try await global.open()
        let found = try await store.save(named: save)
        try await store.deleteSave(found.id)
        Console.answer(
            "Deleted \(found.identity.shown). Its \(Formats.count(found.versionCount, "version")) can be restored with "
                + "`saveferry restore \(found.id) --version N`.")
    }
}

struct UntrackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "untrack", abstract: "Never sync this save with this device.")
    @OptionGroup var global: GlobalOptions
    @Argument(help: "Which device.", completion: .deviceNames) var name: String
    @Argument(help: "Which save.") var save: String

    func run() async throws { try await setUntracked(true, name, save, global) }
}

struct TrackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "track", abstract: "Sync this save with this device again.")
    @OptionGroup var global: GlobalOptions
    @Argument(help: "Which device.", completion: .deviceNames) var name: String
    @Argument(help: "Which save.") var save: String

    func run() async throws { try await setUntracked(false, name, save, global) }
}

private func setUntracked(_ flag: Bool, _ name: String, _ save: String, _ global: GlobalOptions) async throws {
    let (_, store) = try await global.open()
    let device = try await store.device(named: name)
    let found = try await store.save(named: save)
    try await store.setUntracked(flag, device: device, save: found)
    Console.answer("\(flag ? "No longer syncing" : "Syncing") \(found.identity.shown) with \(name).")
}
