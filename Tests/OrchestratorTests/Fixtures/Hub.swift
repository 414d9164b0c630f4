import Foundation
import Logging
import Orchestrator
import Planner
import SSHClient
import Store
import TestSupport
import Testing

/// The server's side of a test: a real store in a temporary folder, and the orchestrator over it.
final class Hub: Sendable {
    let clock = ManualClock()
    let store: Store
    let orchestrator: Orchestrator
    let folder: TemporaryFolder

    /// `state` and `library` are made in the folder; the user's key is the tests' own.
    init(deadlines: Deadlines = .patient, logger: Logger? = nil) async throws {
        let folder = try TemporaryFolder.inMemory()
        var silent = Logger(label: "hub")
        silent.logLevel = .critical
        let logger = logger ?? silent
        let clock = clock
        store = try await Store.open(
            stateDirectory: folder("state"), libraryDirectory: folder("library"), now: { clock.now() }, logger: logger)
        try folder.write(SSHKeys.shared.privateText("user"), to: "keys/id_ed25519")
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: folder("keys/id_ed25519"))
        orchestrator = Orchestrator(
            store: store,
            settings: OrchestratorSettings(
                keysDirectory: folder("keys"), deadlines: deadlines),
            clock: clock, logger: logger)
        self.folder = folder
    }

    /// The save with this game's name in slot `main`.
    func save(_ game: String) async throws -> SaveSummary {
        let found = try await store.findSaves(game)
        try #require(found.count == 1, "\(game) is \(found.count) saves")
        return found[0]
    }

    /// The current content of a game as text, or nil when there is none.
    func content(_ game: String) async throws -> String? {
        guard let save = try await store.findSaves(game).first, save.deleted == nil else { return nil }
        return try await history(save.id).first { $0.isCurrent }.map(text)
    }

    /// Contents of all of a game's versions, newest first; archival ones too.
    func contents(_ game: String) async throws -> [String] {
        try await history(save(game).id).map(text)
    }

    func history(_ save: Int64) async throws -> [VersionSummary] { try await store.history(of: save) }

    /// What the library has as this version. A folder in which files differ or are missing says so.
    func text(_ version: VersionSummary) -> String {
        let path = folder("library/\(version.libraryPath)")
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            return String(decoding: folder.read("library/\(version.libraryPath)") ?? [], as: UTF8.self)
        }
        let texts = SaveForm.entries.map { FileManager.default.contents(atPath: "\(path)/\($0)") }
        guard let text = texts[0], Set(texts).count == 1 else { return "a mix: \(texts)" }
        return String(decoding: text, as: UTF8.self)
    }

    /// Everything under the state directory and the library with its bytes, to see that nothing changed.
    func snapshot() async throws -> [String: [UInt8]] {
        let database = try await Command.run("sqlite3", ["-readonly", folder("state/saveferry.db"), ".dump"])
        var files = ["database": Array(database.output.utf8)]
        let library = folder("library")
        for path in FileManager.default.subpaths(atPath: library) ?? [] {
            files[path] = FileManager.default.contents(atPath: "\(library)/\(path)").map(Array.init) ?? []
        }
        return files
    }
}

extension Deadlines {
    /// For tests that are not about time, on machines that have much else to do.
    static let patient = Deadlines(connect: .seconds(60), handshake: .seconds(60), idle: .seconds(60))
}
