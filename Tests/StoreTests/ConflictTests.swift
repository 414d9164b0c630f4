import GRDB
import Planner
import TestSupport
import Testing

@testable import Store

/// Saves that both sides changed: kept twice, opened once, decided by the user.
@Suite struct ConflictTests {
    struct Case {
        let home: Home
        let deck: Device
        let save: Int64

        /// Deck and server agreed on "base"; then the server got "server" and deck's own content is "device".
        init() async throws {
            home = try await Home()
            deck = try await home.device()
            save = try await home.pull("base", from: deck)
            try await home.pull("server", from: try await home.device("phone"))
        }

        func open(_ text: String = "device", isKnown: Bool = false) async throws -> ConflictSummary {
            try await home.conflict(text, on: deck, save: save, isKnown: isKnown)
            let conflicts = try await home.store.conflicts()
            #expect(conflicts.count == 1)
            return try #require(conflicts.first)
        }

        func scope() async throws -> SyncScopeIndex { try await home.store.syncScope(for: deck) }

        func text(ofSlot slot: String) async throws -> String? {
            guard case .version(let version)? = try await scope().server(Home.identity(slot: slot).key)?.content else {
                return nil
            }
            return try await home.text(of: version.id)
        }
    }

    @Test func `a conflict is new once, and again only after it was resolved`() async throws {
        let one = try await Case()
        func open(_ text: String) async throws -> Bool {
            try await one.home.conflict(text, on: one.deck, save: one.save)
        }
        #expect(try await open("device"))
        #expect(try await !open("device"))
        #expect(try await !open("device, played on"))
        let conflict = try #require(try await one.home.store.conflicts().first)
        _ = try await one.home.store.resolveConflict(conflict.id, keep: .server)
        #expect(try await open("device, once more"))
    }

    @Test func `4 a conflict keeps both contents and touches neither side`() async throws {
        let one = try await Case()
        let agreed = try await one.scope().baseline(one.save)
        let conflict = try await one.open()
        #expect(conflict.deviceName == "deck" && conflict.save == one.save && conflict.identity == Home.identity())
        #expect([conflict.device.version, conflict.server.version] == [3, 2])
        let history = try await one.home.store.history(of: one.save)
        #expect(history.map(\.slot) == [nil, "main", "main"] && history.map(\.isCurrent) == [false, true, false])
        #expect(try await one.home.text(of: history[0].id) == "device")
        // The agreement stays; the stamps prove nothing until both sides agree again.
        let baseline = try #require(try await one.scope().baseline(one.save))
        #expect(baseline.agreement == agreed?.agreement && baseline.entries.isEmpty)
    }

    @Test func `4 reruns open no second one`() async throws {
        let one = try await Case()
        let first = try await one.open()
        one.home.clock.advance(100)
        #expect(try await one.open(isKnown: true) == first)
        #expect(try await one.home.store.history(of: one.save).count == 3)
        #expect(try await one.home.store.openConflictCount(device: one.deck.id) == 1)
    }

    @Test func `a conflict is shown under another number when a side moves on`() async throws {
        let one = try await Case()
        let first = try await one.open()
        let again = try await one.open("device, later")
        #expect(again.id > first.id)
        #expect(again.device.version == 4 && again.server.version == 2)
        try await one.home.pull("server, later", from: try await one.home.store.device(named: "phone"))
        let moved = try await one.open("device, later", isKnown: true)
        #expect(moved.id > again.id && moved.device.version == 4 && moved.server.version == 5)
    }

    @Test(arguments: ConflictResolution.allCases)
    func `the same contents as other versions are the same conflict, and can be decided`(
        _ keep: ConflictResolution
    ) async throws {
        let one = try await Case()
        let first = try await one.open()
        let save = try await one.home.save(one.save)
        _ = try await one.home.store.restore(save: save, version: first.server.version)
        // The device's content is archived once more, as if its file had been gone.
        let again = try await one.open()
        #expect(again.id == first.id && again.opened == first.opened)
        #expect([again.server.digest, again.device.digest] == [first.server.digest, first.device.digest])
        _ = try await one.home.store.restore(save: save, version: first.server.version)
        _ = try await one.home.store.resolveConflict(first.id, keep: keep)
        #expect(try await one.home.store.conflicts().isEmpty)
        #expect(try await one.text(ofSlot: "main") == (keep == .device ? "device" : "server"))
    }

    @Test func `a content that came anew as another version is no other content for a pull`() async throws {
        let home = try await Home()
        let deck = try await home.device()
        let save = try await home.pull("base", from: deck)
        let scope = try await home.store.syncScope(for: deck)
        _ = try await home.store.restore(save: try await home.save(save), version: 1)
        let version = try await home.stored([("Metroid.srm", "played")])
        let commit = PullCommit(
            operation: nil, device: deck.id, over: scope.server(Home.identity().key), identity: Home.identity(),
            directory: deck.directories[0].id, path: try #require(RelativePath("Metroid.srm")), shape: .file,
            content: Home.content(version), version: version)
        #expect(try await home.store.commitPulls([commit]) == [.current(save: save)])
    }

    @Test func `a conflict that a run found settled is closed, and no other`() async throws {
        let one = try await Case()
        _ = try await one.open()
        try await one.home.store.closeConflicts(device: one.deck.id, of: [one.save + 1])
        let phone = try await one.home.store.device(named: "phone")
        try await one.home.store.closeConflicts(device: phone.id, of: [one.save])
        #expect(try await one.home.store.openConflictCount(device: one.deck.id) == 1)
        try await one.home.store.closeConflicts(device: one.deck.id, of: [one.save])
        #expect(try await one.home.store.conflicts().isEmpty)
        #expect(try await one.home.store.history(of: one.save).count == 3)
    }

    @Test(arguments: ConflictResolution.allCases)
    func `a conflict of a save that was deleted is closed, by a decision or by the next run`(
        _ keep: ConflictResolution
    ) async throws {
        let one = try await Case()
        let first = try await one.open()
        try await one.home.store.deleteSave(one.save)
        let error = try await #require(throws: StoreError.self) {
            try await one.home.store.resolveConflict(first.id, keep: keep)
        }
        #expect(error.code == .changed && error.what.contains("the conflict is closed"), "\(error)")
        #expect(try await one.home.store.conflicts().isEmpty)
        try await one.home.pull("server", from: one.deck)
        try await one.home.pull("server, later", from: try await one.home.store.device(named: "phone"))
        _ = try await one.open()
        try await one.home.store.deleteSave(one.save)
        try await one.home.store.closeConflicts(device: one.deck.id, of: [])
        #expect(try await one.home.store.conflicts().isEmpty)
    }

    @Test(arguments: ConflictResolution.allCases)
    func `a conflict in a directory that is no longer configured can be decided`(_ keep: ConflictResolution)
        async throws
    {
        let one = try await Case()
        let first = try await one.open()
        var settings = one.deck.settings
        settings.directories = [SaveDirectory(id: 0, path: "/elsewhere", platform: .named("gba"), extensions: ["srm"])]
        try await one.home.store.updateDevice(one.deck.id, settings)
        _ = try await one.home.store.resolveConflict(first.id, keep: keep)
        #expect(try await one.home.store.conflicts().isEmpty)
        #expect(try await one.text(ofSlot: "main") == (keep == .device ? "device" : "server"))
    }

    @Test func `a save that is untracked, and a device that is removed, have no conflict`() async throws {
        let one = try await Case()
        _ = try await one.open()
        let save = try await one.home.save(one.save)
        try await one.home.store.setUntracked(true, device: one.deck, save: save)
        #expect(try await one.home.store.conflicts().isEmpty)
        // What is tracked again is compared anew.
        try await one.home.store.setUntracked(false, device: one.deck, save: save)
        _ = try await one.open()
        try await one.home.store.removeDevice(one.deck.id)
        #expect(try await one.home.store.conflicts().isEmpty)
        #expect(try await one.home.store.history(of: one.save).count == 4)
    }

    @Test func `what an open conflict keeps is known without a word to retention`() async throws {
        let one = try await Case()
        let first = try await one.open()
        func lastUsed() async throws -> [String] {
            try await one.home.store.read { db in
                try String.fetchAll(db, sql: "SELECT id || ' ' || coalesce(last_used_at, '') FROM save_versions")
            }
        }
        let before = try await lastUsed()
        one.home.clock.advance(100)
        let wanted = [one.save: Set([first.device.digest])]
        #expect(try await one.home.store.knownDigests(of: wanted, inConflict: true) == wanted)
        #expect(try await lastUsed() == before)
        // What is about to be replaced, and what no conflict keeps, is used now.
        #expect(try await one.home.store.knownDigests(of: wanted) == wanted)
        #expect(try await lastUsed() != before)
    }

    @Test func `a conflict ends when the sides agree`() async throws {
        let one = try await Case()
        _ = try await one.open()
        try await one.home.pull("device", from: one.deck)
        #expect(try await one.home.store.conflicts().isEmpty)
        // And may be opened anew for new contents.
        try await one.home.pull("server again", from: try await one.home.store.device(named: "phone"))
        _ = try await one.open("device again")
    }

    @Test func `keeping the device's makes it current for everyone`() async throws {
        let one = try await Case()
        let conflict = try await one.open()
        #expect(try await one.home.store.resolveConflict(conflict.id, keep: .device) == conflict)
        #expect(try await one.text(ofSlot: "main") == "device")
        #expect(try await one.scope().baseline(one.save)?.digest == conflict.device.digest)
        #expect(try await one.home.store.conflicts().isEmpty)
        #expect(try await one.home.store.history(of: one.save).map(\.slot) == ["main", nil, "main", "main"])
    }

    @Test func `keeping the server's makes the device's the old one`() async throws {
        let one = try await Case()
        let conflict = try await one.open()
        _ = try await one.home.store.resolveConflict(conflict.id, keep: .server)
        #expect(try await one.text(ofSlot: "main") == "server")
        // The device gets it only while it still has the content that was decided against.
        let row = try #require(try await one.scope().baseline(one.save))
        #expect(row.digest == conflict.device.digest)
        // And what stands there is read before it is replaced.
        #expect(row.entries.isEmpty)
    }

    @Test func `keeping both makes the device's a slot of its own`() async throws {
        let one = try await Case()
        let conflict = try await one.open()
        _ = try await one.home.store.resolveConflict(conflict.id, keep: .both)
        #expect(try await one.text(ofSlot: "main") == "server")
        #expect(try await one.text(ofSlot: "main-deck") == "device")
        #expect(try await one.scope().baseline(one.save)?.digest == conflict.device.digest)
        // Once more, and the slot has two versions.
        let again = try await one.open("device, later")
        _ = try await one.home.store.resolveConflict(again.id, keep: .both)
        #expect(try await one.text(ofSlot: "main-deck") == "device, later")
        let slot = try #require(try await one.home.store.saves().last)
        #expect(slot.versionCount == 2)
    }

    @Test(arguments: ConflictResolution.allCases)
    func `a conflict is decided once`(resolution: ConflictResolution) async throws {
        let one = try await Case()
        let conflict = try await one.open()
        _ = try await one.home.store.resolveConflict(conflict.id, keep: resolution)
        let versions = try await one.home.store.history(of: one.save).count
        let error = try await #require(throws: StoreError.self) {
            try await one.home.store.resolveConflict(conflict.id, keep: resolution)
        }
        #expect(error.code == .notFound)
        #expect(try await one.home.store.history(of: one.save).count == versions)
    }

    @Test func `a decision whose content is damaged decides nothing`() async throws {
        let one = try await Case()
        let conflict = try await one.open()
        let archived = try #require(try await one.home.store.history(of: one.save).first)
        try one.home.folder.write("tampered", to: "library/\(archived.libraryPath)")
        let error = try await #require(throws: StoreError.self) {
            try await one.home.store.resolveConflict(conflict.id, keep: .device)
        }
        #expect(error.code == .corrupt)
        #expect(try await one.home.store.conflicts() == [conflict])
        #expect(try await one.text(ofSlot: "main") == "server")
    }

    @Test func `a conflict is decided also when its directory is no longer configured`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let save = try await home.pull("x", from: device)
        try await home.conflict("y", on: device, save: save)
        var settings = Home.settings()
        settings.directories = [SaveDirectory(id: 0, path: "/other", platform: .named("snes"))]
        let changed = try await home.store.updateDevice(device.id, settings)
        let conflict = try #require(try await home.store.conflicts().first)
        _ = try await home.store.resolveConflict(conflict.id, keep: .server)
        // The device's content is what was agreed on, so that the server's counts as newer.
        let row = try #require(try await home.store.syncScope(for: changed).baseline(save))
        #expect(row.digest == conflict.device.digest && row.directory == nil)
    }
}
