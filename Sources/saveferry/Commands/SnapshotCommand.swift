import ArgumentParser
import Foundation
import Planner
import Store

struct SnapshotCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot", abstract: "Take, look at and restore snapshots of the database.",
        discussion: """
            A snapshot has all devices, saves, versions, agreements and open conflicts as they are at one moment, and \
            nothing of what is deleted or past. The saves themselves are plain files in the library, to be backed up with \
            it. `serve` takes a snapshot every day and keeps the newest 14 (snapshots, 0 turns it off) in snapshots_dir.

            Examples:
              saveferry snapshot create
              saveferry snapshot list
              saveferry snapshot restore 7
              saveferry snapshot restore /media/backup/saveferry-000007-2025-06-15T150640Z.json.z
            """,
        subcommands: [
            SnapshotCreateCommand.self, SnapshotListCommand.self, SnapshotShowCommand.self, SnapshotRestoreCommand.self,
            SnapshotPruneCommand.self,
        ])
}

/// A snapshot as JSON.
private struct SnapshotDocument: Encodable {
    let sequence: Int, createdAt: Date?, sizeBytes: UInt64, contentBytes: UInt64?, counts: [String: Int]?
    let path: String, valid: Bool, error: String?, devices: [String]?

    init(_ snapshot: Snapshot, devices: [String]? = nil) {
        self.init((snapshot.path, snapshot.sequence, snapshot.size, .success(snapshot)), devices: devices)
    }

    init(_ entry: Snapshots.Entry, devices: [String]? = nil) {
        let snapshot = try? entry.snapshot.get()
        (sequence, createdAt, sizeBytes) = (entry.sequence, snapshot?.created, entry.size)
        (contentBytes, path, valid) = (snapshot?.contentBytes, entry.path, snapshot != nil)
        counts = snapshot.map { Dictionary(uniqueKeysWithValues: $0.counts.map { ($0.entity, $0.count) }) }
        error = if case .failure(let failure) = entry.snapshot { failure.description } else { nil }
        self.devices = devices
    }
}

extension Snapshot {
    fileprivate func count(_ entity: String) -> Int { counts.first { $0.entity == entity }?.count ?? 0 }

    /// What is in it, in a few words.
    fileprivate var shown: String {
        "\(Formats.count(count("devices"), "device")), \(Formats.count(count("saves"), "save")), "
            + Formats.count(count("save_versions"), "version")
    }
}

struct SnapshotCreateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Take a snapshot of the database, also while `serve` runs.")
    @OptionGroup var global: GlobalOptions
    @Option(help: ArgumentHelp("A file to make, instead of one in snapshots_dir.", valueName: "file"))
    var output: String?
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let (settings, store) = try await global.open()
        let snapshot = try await settings.snapshotFolder.create(of: store, to: output.map(Settings.absolute))
        store.close()
        if json { return try JSON.answer(["snapshots": [SnapshotDocument(snapshot)]]) }
        Console.answer("Snapshot \(snapshot.sequence): \(snapshot.shown). It is at \(snapshot.path).")
    }
}

struct SnapshotListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the snapshots, each read to its end.",
        discussion: "Exit code 1 when one is damaged.")
    @OptionGroup var global: GlobalOptions
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let entries = try await (try global.settings()).snapshotFolder.list()
        if json {
            try JSON.answer(["snapshots": entries.map { SnapshotDocument($0) }])
        } else if entries.isEmpty {
            Console.answer("No snapshots yet. Take one with `saveferry snapshot create`.")
        } else {
            Console.answer(SnapshotListCommand.table(entries).text)
        }
        for entry in entries { if case .failure(let failure) = entry.snapshot { Console.error(failure.description) } }
        if entries.contains(where: { (try? $0.snapshot.get()) == nil }) { throw ExitCode(1) }
    }

    private static func table(_ entries: [Snapshots.Entry]) -> Table {
        var table = Table(
            ("SNAPSHOT", .right), ("TAKEN", .left), ("SIZE", .right), ("DEVICES", .right), ("SAVES", .right),
            ("VERSIONS", .right), ("", .left))
        for entry in entries {
            let snapshot = try? entry.snapshot.get()
            func count(_ entity: String) -> String { snapshot.map { "\($0.count(entity))" } ?? "-" }
            table.add(
                "\(entry.sequence)", Formats.time(snapshot?.created), Formats.size(entry.size), count("devices"),
                count("saves"), count("save_versions"), snapshot == nil ? "can't be used" : "")
        }
        return table
    }
}

struct SnapshotShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show what a snapshot has, after reading all of it.")
    @OptionGroup var global: GlobalOptions
    @Argument(help: "Its number in `snapshot list`, or a file.") var snapshot: String
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let settings = try global.settings()
        let (found, devices) = try await settings.snapshotFolder.show(SnapshotCommand.argument(snapshot))
        if json { return try JSON.answer(["snapshots": [SnapshotDocument(found, devices: devices)]]) }
        Console.answer("Snapshot \(found.sequence), taken \(Formats.time(found.created)), \(Formats.size(found.size))")
        Console.answer("Devices: \(devices.isEmpty ? "none" : devices.joined(separator: ", "))")
        Console.answer("Contents of all versions: \(Formats.size(found.contentBytes)), in the library")
        var table = Table(("ENTITY", .left), ("COUNT", .right))
        for (entity, count) in found.counts { table.add(entity, "\(count)") }
        Console.answer(table.text)
    }
}

struct SnapshotRestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Make the database anew from a snapshot, in a state directory without one.",
        discussion: """
            The library must be in its place: a snapshot has no contents. Files that versions name and the library lacks \
            are counted, and exit code 1 says that there are some; `saveferry verify` lists them all. Nothing is restored \
            over a database with devices or saves.

            Examples:
              saveferry snapshot restore 7
              saveferry snapshot restore ~/saveferry-000007-2025-06-15T150640Z.json.z
            """)
    @OptionGroup var global: GlobalOptions
    @Argument(help: "Its number in `snapshot list`, or a file.") var snapshot: String
    @Flag(help: "Print JSON.") var json = false

    struct Document: Encodable { let snapshot: Int, createdAt: Date, counts: [String: Int], missingFiles: Int }

    func run() async throws {
        let settings = try global.settings()
        let restored = try await settings.snapshotFolder.restore(
            SnapshotCommand.argument(snapshot), stateDirectory: settings.stateDirectory,
            libraryDirectory: settings.libraryDirectory)
        let found = restored.snapshot
        if json {
            let counts = Dictionary(uniqueKeysWithValues: found.counts.map { ($0.entity, $0.count) })
            try JSON.answer([
                "restored": Document(
                    snapshot: found.sequence, createdAt: found.created, counts: counts, missingFiles: restored.missing)
            ])
        } else {
            Console.answer("Restored snapshot \(found.sequence) of \(Formats.time(found.created)): \(found.shown).")
        }
        for path in restored.kept { Console.note("left by the database that was here, kept as \(path)") }
        guard restored.missing > 0 else { return }
        for path in restored.examples { Console.note("not in the library: \(FileName.escaped(path))") }
        Console.error(
            "missing in the library, or of another size: \(Formats.count(restored.missing, "file")) of versions. "
                + "Copy the library back from its backup; see `saveferry verify`.")
        throw ExitCode(1)
    }
}

struct SnapshotPruneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune", abstract: "Remove old snapshots; `serve` does it after each daily one.",
        discussion: """
            One that can't be read does not count among those that stay, and goes once enough newer ones can be.

            Examples:
              saveferry snapshot prune --dry-run
              saveferry snapshot prune --keep 30
            """)
    @OptionGroup var global: GlobalOptions
    @Option(
        help: ArgumentHelp("The newest ones that stay, at least 1; the setting snapshots otherwise.", valueName: "n"))
    var keep: Int?
    @Flag(help: "Say what would be removed, and remove nothing.") var dryRun = false
    @Flag(help: "Print JSON.") var json = false

    struct Document: Encodable { let removed: [String], dryRun: Bool }

    func run() async throws {
        let settings = try global.settings()
        let kept = keep ?? settings.snapshots ?? Settings.standardSnapshots
        guard (1...100_000).contains(kept) else {
            throw SettingsError("--keep: \"\(kept)\" can't be used; expected a number from 1 to 100000")
        }
        let removed = try await settings.snapshotFolder.prune(keeping: kept, dryRun: dryRun)
        if json { return try JSON.answer(["prune": Document(removed: removed, dryRun: dryRun)]) }
        for path in removed { Console.answer(path) }
        Console.answer("\(dryRun ? "Would remove" : "Removed") \(Formats.count(removed.count, "snapshot")).")
    }
}

extension SnapshotCommand {
    /// A number as it is, a path made absolute.
    fileprivate static func argument(_ text: String) -> String { Int(text) == nil ? Settings.absolute(text) : text }
}
