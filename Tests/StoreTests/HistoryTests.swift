import Foundation
import Planner
import TestSupport
import Testing

@testable import Store

/// Saves and their versions as a user handles them: found, paged, restored, deleted, kept apart from a device.
@Suite struct HistoryTests {
    func scope(_ home: Home, _ device: Device) async throws -> SyncScopeIndex {
        try await home.store.syncScope(for: device)
    }

    @Test func `66 a restore is a new version with the old content`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let id = try await home.pull("old", from: device)
        try await home.pull("new", from: device)
        let agreed = try await scope(home, device).baseline(id)
        let restored = try await home.store.restore(save: home.save(id), version: 1)
        #expect(restored.number == 3 && restored.isCurrent && restored.source == "restored from version 1")
        #expect(try await home.text(of: restored.id) == "old")
        let history = try await home.store.history(of: id)
        #expect(history.map(\.isCurrent) == [true, false, false])
        #expect(history[0].digest == history[2].digest && history[0].libraryPath != history[2].libraryPath)
        // The device gets it at its next run, as what changed on the server.
        #expect(try await scope(home, device).baseline(id) == agreed)
    }

    @Test func `a folder save is restored with all of its files`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let identity = Home.identity("ULUS1")
        let version = try await home.stored(
            [("a", "1"), ("deep/b", "2")], as: identity, shape: .folder, named: "ULUS1")
        let commit = PullCommit(
            operation: nil, device: device.id, over: nil, identity: identity, directory: device.directories[0].id,
            path: try #require(RelativePath("ULUS1")), shape: .folder, content: Home.content(version), version: version)
        let id = try await home.commitPull(commit)
        let restored = try await home.store.restore(save: home.save(id), version: 1)
        #expect(restored.digest == version.digest && restored.libraryPath.hasSuffix(" (2)"))
        #expect(home.folder.read("library/\(restored.libraryPath)/deep/b") == Array("2".utf8))
    }

    @Test func `what can't be restored says so and changes nothing`() async throws {
        let home = try await Home()
        let id = try await home.pull("x", from: try await home.device())
        let missing = try await #require(throws: StoreError.self) {
            try await home.store.restore(save: home.save(id), version: 9)
        }
        #expect(missing.code == .notFound && missing.advice.contains("saveferry history \(id)"))
        let version = try #require(try await home.store.history(of: id).first)
        try home.folder.write("tampered", to: "library/\(version.libraryPath)")
        let damaged = try await #require(throws: StoreError.self) {
            try await home.store.restore(save: home.save(id), version: 1)
        }
        #expect(damaged.code == .corrupt)
        #expect(try await home.store.history(of: id) == [version])
        #expect(!home.folder.everything().contains { $0.hasPrefix("library/.saveferry/staging/") })
    }

    @Test func `11 a deleted save is a tombstone with its last content`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let id = try await home.pull("x", from: device)
        let digest = try await home.store.history(of: id)[0].digest
        try await home.store.deleteSave(id)
        home.clock.advance(10)
        try await home.store.deleteSave(id)
        let content = try await scope(home, device).server(Home.identity().key)?.content
        guard case .deleted(let last)? = content else { return #expect(Bool(false), "\(String(describing: content))") }
        #expect(last?.digest == digest && last?.size == 1 && last?.isBlank == true)
        // The first time counts, and nothing is lost.
        #expect(try await home.save(id).deleted == home.clock.now - 10)
        #expect(try await home.text(of: home.store.history(of: id)[0].id) == "x")
    }

    @Test func `14 a pull or a restore brings a deleted save back`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let id = try await home.pull("x", from: device)
        try await home.store.deleteSave(id)
        try await home.pull("y", from: device)
        #expect(try await home.save(id).deleted == nil)
        try await home.store.deleteSave(id)
        _ = try await home.store.restore(save: home.save(id), version: 1)
        #expect(try await home.save(id).deleted == nil)
    }

    @Test func `19 an untracked row keeps its agreement, and track goes back to it`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let id = try await home.pull("x", from: device)
        let row = try await scope(home, device).baseline(id)
        try await home.store.setUntracked(true, device: device, save: home.save(id))
        #expect(try await scope(home, device).baseline(id)?.isUntracked == true)
        #expect(try await scope(home, device).baseline(id)?.digest == row?.digest)
        try await home.store.setUntracked(false, device: device, save: home.save(id))
        #expect(try await scope(home, device).baseline(id) == row)
    }

    @Test func `19 a save can be untracked before it was ever synced`() async throws {
        let home = try await Home()
        let deck = try await home.device()
        let phone = try await home.device("phone")
        let id = try await home.pull("x", from: deck)
        for _ in 0..<2 { try await home.store.setUntracked(true, device: phone, save: home.save(id)) }
        #expect(try await scope(home, phone).baseline(id)?.isUntracked == true)
        #expect(try await scope(home, deck).baseline(id)?.isUntracked == false)
        try await home.store.setUntracked(false, device: phone, save: home.save(id))
        #expect(try await scope(home, phone).baseline(id) == nil)
        let error = try await #require(throws: StoreError.self) {
            try await home.store.setUntracked(false, device: phone, save: home.save(id))
        }
        #expect(error.code == .notFound)
    }

    @Test func `saves are paged by number`() async throws {
        let home = try await Home()
        let device = try await home.device()
        for number in 0..<7 { try await home.pull("x", of: "Game \(number)", from: device) }
        var found: [SaveSummary] = []
        while true {
            let page = try await home.store.saves(after: found.last?.id ?? 0, limit: 3)
            #expect(page.count <= 3)
            if page.isEmpty { break }
            found += page
        }
        #expect(found.map(\.identity.game) == (0..<7).map { "Game \($0)" })
        #expect(found.allSatisfy { $0.size == 1 && $0.versionCount == 1 })
        #expect(try await home.store.saves(platform: "G_B-A").count == 7)
        #expect(try await home.store.saves(platform: "snes").isEmpty)
    }

    @Test func `a history is paged by version, newest first`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let id = try await home.pull("0", from: device)
        for number in 1..<7 { try await home.pull("\(number)", from: device) }
        var numbers: [Int] = []
        while true {
            let page = try await home.store.history(of: id, before: numbers.last ?? .max, limit: 3)
            if page.isEmpty { break }
            numbers += page.map(\.number)
        }
        #expect(numbers == [7, 6, 5, 4, 3, 2, 1])
    }

    static let words: [(String, [String])] = [
        ("1", ["gba Metroid main"]), ("Metroid", ["gba Metroid main"]), ("METROID", ["gba Metroid main"]),
        ("gba/metroid", ["gba Metroid main"]), ("GBA/Metroid/MAIN-deck", ["gba Metroid main-deck"]),
        ("Poke\u{301}mon", ["gba Pok\u{e9}mon main"]), ("snes/Metroid", []), ("Zelda", []), ("99", []),
        ("1942", ["gba 1942 main"]), ("", []),
        ("/", []),
    ]

    @Test(arguments: words)
    func `a save is found by what a user would type`(text: String, found: [String]) async throws {
        let home = try await Home()
        let device = try await home.device()
        try await home.pull("x", from: device)
        try await home.pull("x", of: "Pok\u{e9}mon", from: device)
        try await home.pull("x", of: "1942", from: device)
        let slot = Home.identity(slot: "main-deck")
        let version = try await home.stored([("Metroid.srm", "y")], as: slot)
        try await home.store.archive([
            ArchiveCommit(device: device.id, place: .slot(slot), version: version, modified: 0)
        ])
        let saves = try await home.store.findSaves(text)
        #expect(saves.map { "\($0.identity.platform) \($0.identity.game) \($0.identity.slot)" } == found)
    }
}
