import Foundation
import Logging
import Planner
import Synchronization
import TestSupport
import Testing

@testable import Store

/// A state directory and a library of their own, with a clock that stands still until it is told otherwise.
struct Home {
    let folder: TemporaryFolder
    let clock = Clock()
    let store: Store

    /// A fresh home, or the one that stands in `folder` opened once more.
    init(in folder: TemporaryFolder? = nil, state: String = "state") async throws {
        let folder = try folder ?? TemporaryFolder()
        self.folder = folder
        let clock = clock
        store = try await Store.open(
            stateDirectory: folder(state), libraryDirectory: folder("library"), now: { clock.now },
            logger: Logger(label: "test"))
    }

    var library: Library { store.library }

    final class Clock: Sendable {
        private let date = Mutex(Date(timeIntervalSince1970: 1_750_000_000))
        var now: Date { date.withLock { $0 } }
        func advance(_ seconds: TimeInterval) { date.withLock { $0 += seconds } }
    }

    static func settings(_ name: String = "deck", owner: String = "anna") -> DeviceSettings {
        DeviceSettings(
            name: name, host: "deck.lan", owner: owner,
            directories: [SaveDirectory(id: 0, path: "/saves/gba", platform: .named("gba"), extensions: ["srm"])])
    }

    func device(_ name: String = "deck", owner: String = "anna") async throws -> Device {
        try await store.addDevice(Home.settings(name, owner: owner))
    }

    static func identity(
        _ game: String = "Metroid", owner: String = "anna", platform: String = "gba", kind: SaveKind = .save,
        slot: String = SaveIdentity.mainSlot
    ) -> SaveIdentity {
        SaveIdentity(owner: owner, platform: platform, game: game, kind: kind, slot: slot)
    }

    /// Puts files into the library as a version.
    func stored(
        _ files: [(name: String, text: String)], as identity: SaveIdentity = identity(), shape: SaveShape = .file,
        named name: String? = nil, archival: Bool = false
    ) async throws -> StoredVersion {
        let staging = try await library.openStaging()
        let draft = try await draft(files, as: identity, shape: shape, named: name, archival: archival, in: staging)
        let stored = await library.store([draft], from: staging)
        await staging.discard()
        return try #require(stored.first).get()
    }

    func draft(
        _ files: [(name: String, text: String)], as identity: SaveIdentity = identity(), shape: SaveShape = .file,
        named name: String? = nil, archival: Bool = false, in staging: Staging
    ) async throws -> VersionDraft {
        var received: [VersionDraft.File] = []
        for (name, text) in files {
            let file = staging.file(keep: true)
            try await file.append(Array(text.utf8))
            received.append(VersionDraft.File(name: name, content: try await file.finish()))
        }
        return VersionDraft(
            identity: identity, shape: shape, originalName: name ?? files.first?.name ?? "", archival: archival,
            files: received)
    }

    /// A device's content as it was seen, under a settled stamp.
    static func content(_ version: StoredVersion, modified: Int64 = 1_700_000_000) -> DeviceContent {
        DeviceContent(
            digest: version.digest, isBlank: version.isBlank,
            entries: version.entries.map { entry in
                DeviceContent.Entry(
                    path: entry.path, sha256: entry.sha256, stamp: Stamp(size: entry.size, modified: modified),
                    state: .settled)
            })
    }

    /// What a run does with a save that changed on the device. Returns the save's number.
    @discardableResult
    func pull(
        _ text: String, of game: String = "Metroid", from device: Device, operation: Int64? = nil
    ) async throws -> Int64 {
        let identity = Home.identity(game, owner: device.settings.owner)
        let version = try await stored([("\(game).srm", text)], as: identity)
        let commit = PullCommit(
            operation: operation, device: device.id,
            over: try await store.syncScope(for: device).server(identity.key), identity: identity,
            directory: device.directories[0].id, path: try #require(RelativePath("\(game).srm")), shape: .file,
            content: Home.content(version), version: version)
        return try await commitPull(commit)
    }

    struct Superseded: Error {}

    /// Records one save that came from a device. Returns its number.
    func commitPull(_ commit: PullCommit) async throws -> Int64 {
        guard case .current(let save) = try await store.commitPulls([commit]).first else {
            throw Superseded()
        }
        return save
    }

    /// What a run does with a save that both sides changed: the device's content is archived once. Returns whether there was
    /// no such conflict before.
    @discardableResult
    func conflict(
        _ text: String, on device: Device, save: Int64, game: String = "Metroid", isKnown: Bool = false
    ) async throws -> Bool {
        let version = try await stored([("\(game).srm", text)], as: Home.identity(game), archival: true)
        let current = try #require(try await store.history(of: save).first(where: \.isCurrent))
        let commit = ConflictCommit(
            operation: nil, device: device.id, save: save, directory: device.directories[0].id,
            path: try #require(RelativePath("\(game).srm")), shape: .file, content: Home.content(version),
            version: isKnown ? nil : version, serverVersion: current.id)
        return try await store.openConflicts([commit]) == [true]
    }

    func save(_ id: Int64) async throws -> SaveSummary {
        try #require(try await store.findSaves(String(id)).first)
    }

    /// The bytes of a version's first file, checked on the way.
    func text(of version: Int64) async throws -> String {
        let stored = try #require(try await store.versions([version])[version])
        return try await text(of: stored)
    }

    func text(of version: StoredVersion) async throws -> String {
        let file = library.file(try #require(version.entries.first), of: version)
        var bytes: [UInt8] = []
        while let more = try await file.read(upTo: 4_096) { bytes += more }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Leaves what a run leaves that was killed after its commit, before it forgot what it had noted.
    func leaveNoted(_ libraryPath: String) async throws {
        let staging = try await library.openStaging()
        try await staging.make()
        try PlacementJournal(staging: staging.folder).add(library.path(of: libraryPath), as: libraryPath)
        try FileManager.default.copyItem(atPath: staging.folder, toPath: folder("library/.saveferry/staging/dead"))
        await staging.discard()
    }

    func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }
}
