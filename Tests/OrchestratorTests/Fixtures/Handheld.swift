import Foundation
import Orchestrator
import Planner
import Store
import Synchronization
import TestSupport
import Testing

/// A pretend handheld: a folder that a real sshd serves, known to the hub as a device.
final class Handheld: Sendable {
    let name: String
    let hub: Hub
    let server: OpenSSHServer
    /// Holds `saves`, the one save directory unless told otherwise: of platform gba, or psp for folder saves.
    let folder: TemporaryFolder
    let form: SaveForm
    /// The games in whose folders there is what no version holds; as bytes, because two forms of a name are two folders.
    let gamesWithForeignEntries = Mutex<Set<[UInt8]>>([])
    private let id: Int64

    init(
        _ name: String = "pocket", of hub: Hub, server: OpenSSHServer? = nil, form: SaveForm = .file,
        configure: (inout DeviceSettings, TemporaryFolder) -> Void = { _, _ in }
    ) async throws {
        self.name = name
        self.hub = hub
        self.form = form
        let server = if let server { server } else { try await OpenSSHServer() }
        self.server = server
        let folder = try TemporaryFolder.inMemory()
        try FileManager.default.createDirectory(atPath: folder("saves"), withIntermediateDirectories: true)
        var settings = DeviceSettings(
            name: name, host: "127.0.0.1", port: server.port, user: OpenSSHServer.user,
            directories: [form.directory(folder("saves"))])
        configure(&settings, folder)
        let device = try await hub.store.addDevice(settings)
        id = device.id
        let pin = try await SSHKeys.shared.fingerprint("host_ed25519")
        try await hub.store.pinHostKeys([PinnedHostKey(algorithm: "ssh-ed25519", fingerprint: pin)], for: device.id)
        self.folder = folder
    }

    var device: Device { get async throws { try await hub.store.device(named: name) } }

    func edit(_ change: (inout DeviceSettings) -> Void) async throws {
        var settings = try await device.settings
        change(&settings)
        try await hub.store.updateDevice(id, settings)
    }

    // MARK: The player

    /// A save in the save directory; every write moves the time unless `time` says otherwise.
    func write(_ file: String, _ text: String, time: Int? = nil) throws {
        let old = try? folder.time(of: "saves/\(file)")
        try folder.write(text, to: "saves/\(file)")
        try folder.setTime(time ?? (old ?? 1_700_000_000) + 10, of: "saves/\(file)")
    }

    func read(_ file: String) -> String? { folder.read("saves/\(file)").map { String(decoding: $0, as: UTF8.self) } }
    func remove(_ file: String) throws { try FileManager.default.removeItem(atPath: folder("saves/\(file)")) }

    func rename(_ file: String, to other: String) throws {
        try FileManager.default.moveItem(atPath: folder("saves/\(file)"), toPath: folder("saves/\(other)"))
    }

    /// Every file below the folder with its bytes and time; what no version holds by its name alone, which need not be text.
    func snapshot() throws -> [String: String] {
        var files = Dictionary(foreignEntries().map { ($0, "") }, uniquingKeysWith: { first, _ in first })
        for path in folder.everything() where !ForeignEntry.isNamed(by: path) {
            files[path] = "\(try folder.time(of: path)) \(folder.read(path).map { "\($0)" } ?? "")"
        }
        return files
    }

    // MARK: Runs

    /// One run. Fails the test where it came to its end and what no version holds is no longer in its place.
    @discardableResult
    func sync(
        allowing valves: Set<Valve> = [], puttingBack putBack: PutBack? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> SessionReport {
        let reports = await hub.orchestrator.sync(
            [try await device], trigger: .onDemand, allowing: valves, puttingBack: putBack)
        let report = try #require(reports.first)
        if report.failure == nil { expectForeignEntries(sourceLocation) }
        return report
    }

    func plan(allowing valves: Set<Valve> = [], puttingBack putBack: PutBack? = nil) async throws -> Plan {
        let plans = await hub.orchestrator.plan([try await device], allowing: valves, puttingBack: putBack)
        return try #require(plans.first).outcome.get()
    }

    /// Syncs, and fails the test unless the run went through and did exactly this.
    @discardableResult
    func sync(
        expecting expected: [Action: Int], sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> SessionReport {
        let report = try await sync(sourceLocation: sourceLocation)
        #expect(report.failure == nil, sourceLocation: sourceLocation)
        #expect(report.done == expected, "\(report.shown)", sourceLocation: sourceLocation)
        return report
    }

    /// A rerun with nothing changed: quiet, and no row rewritten but the record of the run itself.
    func rerunIsQuiet(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let plan = try await plan()
        #expect(
            plan.operations.allSatisfy {
                $0.isQuiet || $0.action == .conflict || $0.action == .hold || $0.action == .skip
            },
            "\(plan.operations)", sourceLocation: sourceLocation)
        #expect(plan.bytes == 0, sourceLocation: sourceLocation)
    }
}

extension SessionReport {
    /// How many operations of each kind were carried out, those that do nothing left out, and the lines that name what every
    /// folder save of ``SaveForm/folder`` has beside its files.
    var done: [Action: Int] {
        guard let plan else { return [:] }
        return Dictionary(
            zip(plan.operations, outcomes).filter { operation, outcome in
                !operation.isQuiet && outcome.status == .completed && !operation.namesForeignEntry
            }.map { ($0.0.action, 1) },
            uniquingKeysWith: +)
    }

    /// Of ``done``, what changed the device, the library or what is agreed on.
    var moved: [Action: Int] { done.filter { [.pull, .push, .remove, .conflict].contains($0.key) } }

    /// The plan's lines and how they ended, for a failing test.
    var shown: String {
        zip(plan?.operations ?? [], outcomes).map { operation, outcome in
            "\(operation.action) \(operation.remotePath): \(operation.reason) → \(outcome.status) \(outcome.error ?? "")"
        }.joined(separator: "\n") + (failure.map { "\n\($0)" } ?? "")
    }
}

extension Planner.Operation {
    /// Whether this is the line that names an entry of ``ForeignEntry/all``.
    var namesForeignEntry: Bool { action == .skip && ForeignEntry.isNamed(by: remotePath) }
}
