import Foundation
import Orchestrator
import Planner
import Store
import TestSupport
import Testing

/// The real thing: handhelds behind a real sshd, a real store, and whole runs of the orchestrator.
///
/// Saves are files, or folders of two files with the same content, which would show a mix of two versions. A folder also has a
/// link, which belongs to no version and must never be lost.
final class SSHWorld: World {
    private let hub: Hub
    private let layout: SaveDirectory.Layout
    private var handhelds: [Handheld] = []
    /// Which device's game has a link.
    private var links: Set<[Int]> = []

    init(server: OpenSSHServer, layout: SaveDirectory.Layout) async throws {
        hub = try await Hub()
        self.layout = layout
        for device in 0..<Scale.devices {
            let handheld = try await Handheld("device\(device)", of: hub, server: server) { settings, folder in
                settings.deletionPolicy = Scale.propagates(device) ? .propagate : .hold
                guard layout == .folders else { return }
                settings.directories = [
                    SaveDirectory(id: 0, path: folder("saves"), platform: .named("psp"), layout: .folders)
                ]
            }
            // Something that is no save, so that an empty directory is not taken for a missing card.
            try handheld.write("readme.txt", "-")
            handhelds.append(handheld)
        }
    }

    // MARK: Players and users

    func write(_ content: Int, device: Int, game: Int, time: Int?) throws {
        for file in files(game) {
            let kept = try? handhelds[device].folder.time(of: "saves/\(file)")
            try handhelds[device].write(file, text(content), time: time ?? kept ?? 0)
        }
        // A folder that has one is not removed for the server.
        if layout == .folders, !Scale.propagates(device), link(device, game) == nil {
            try FileManager.default.createSymbolicLink(
                atPath: linkPath(device, game), withDestinationPath: "DATA.BIN")
            links.insert([device, game])
        }
    }

    func remove(device: Int, game: Int) throws {
        try handhelds[device].remove(layout == .folders ? "Game \(game)" : Scale.fileName(game))
        links.remove([device, game])
    }

    func wait(seconds: Int) { hub.clock.advance(seconds: seconds) }
    func delete(game: Int) async throws { try await hub.store.deleteSave(try await save(game).id) }

    func restore(_ content: Int, game: Int) async throws {
        let save = try await save(game)
        guard let version = try await hub.history(save.id).first(where: { text($0) == text(content) }) else {
            throw Missing(what: "content \(content) of game \(game)")
        }
        _ = try await hub.store.restore(save: save, version: version.number)
    }

    func resolve(device: Int, game: Int, keepDevice: Bool) async throws {
        guard let conflict = try await conflict(device, game) else { throw Missing(what: "the conflict") }
        _ = try await hub.store.resolveConflict(conflict.id, keep: keepDevice ? .device : .server)
    }

    // MARK: What there is

    func deviceContent(device: Int, game: Int) throws -> Int? {
        guard links.contains([device, game]) == (link(device, game) != nil) else { throw Missing(what: "the link") }
        let contents = Set(files(game).map { handhelds[device].read($0) })
        guard contents.count == 1, let content = contents.first else { throw Missing(what: "one of two files") }
        return content.flatMap(number)
    }

    func hasConflict(device: Int, game: Int) async throws -> Bool { try await conflict(device, game) != nil }

    func serverContent(game: Int) async throws -> Oracle.Server {
        guard let save = try await hub.store.findSaves("Game \(game)").first,
            let content = try await hub.history(save.id).first(where: \.isCurrent).flatMap({ number(text($0)) })
        else { return .never }
        return save.deleted == nil ? .holds(content) : .deleted(last: content)
    }

    func library(game: Int) async throws -> Set<Int> {
        guard let save = try await hub.store.findSaves("Game \(game)").first else { return [] }
        return Set(try await hub.history(save.id).compactMap { number(text($0)) })
    }

    func sync(device: Int) async throws -> Int {
        let before = try await hub.store.conflicts().count
        let report = try await handhelds[device].sync()
        if let failure = report.failure { throw failure }
        guard report.outcomes.allSatisfy({ $0.status == .completed }) else { throw Missing(what: report.shown) }
        let done = report.done
        let opened = max(0, try await hub.store.conflicts().count - before)
        return (done[.pull] ?? 0) + (done[.push] ?? 0) + (done[.remove] ?? 0) + opened
    }

    private struct Missing: Error { let what: String }

    private func save(_ game: Int) async throws -> SaveSummary { try await hub.save("Game \(game)") }

    private func conflict(_ device: Int, _ game: Int) async throws -> ConflictSummary? {
        try await hub.store.conflicts().first {
            $0.deviceName == "device\(device)" && $0.identity.game == "Game \(game)"
        }
    }

    /// The files that a save is made of.
    private func files(_ game: Int) -> [String] {
        layout == .folders ? ["Game \(game)/DATA.BIN", "Game \(game)/sub/DATA.BIN"] : [Scale.fileName(game)]
    }

    private func linkPath(_ device: Int, _ game: Int) -> String {
        handhelds[device].folder("saves/Game \(game)/LINK")
    }

    private func link(_ device: Int, _ game: Int) -> String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: linkPath(device, game))
    }

    /// What the library has as this version.
    private func text(_ version: VersionSummary) -> String {
        let path = layout == .folders ? "\(version.libraryPath)/DATA.BIN" : version.libraryPath
        return String(decoding: hub.folder.read("library/\(path)") ?? [], as: UTF8.self)
    }

    /// Contents of one size, so that only their bytes tell them apart.
    private func text(_ content: Int) -> String {
        let digits = String(content)
        return "content " + String(repeating: "0", count: 8 - digits.count) + digits
    }

    private func number(_ text: String) -> Int? { Int(text.dropFirst("content ".count)) }
}
