import Foundation
import Planner
import TestSupport
import Testing

@testable import Store

/// What runs record: saves that came, went, were found equal, were gone, and were kept beside.
@Suite struct CommitTests {
    func baseline(_ home: Home, _ device: Device, _ save: Int64) async throws -> Baseline? {
        try await home.store.syncScope(for: device).baseline(save)
    }

    func server(_ home: Home, _ device: Device, _ game: String = "Metroid", slot: String = "main") async throws
        -> ServerSave.Content?
    {
        let key = Home.identity(game, owner: device.settings.owner, slot: slot).key
        return try await home.store.syncScope(for: device).server(key)?.content
    }

    func push(_ home: Home, _ text: String, to device: Device, save: Int64, operation: Int64? = nil) async throws {
        let version = try await home.stored([("Metroid.srm", text)], archival: true)
        try await home.store.commitPushes([
            PushCommit(
                operation: operation, device: device.id, save: save, directory: device.directories[0].id,
                path: try #require(RelativePath("Metroid.srm")), shape: .file, content: Home.content(version))
        ])
    }

    @Test func `a pull makes the save, its version and the agreement`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let save = try await home.pull("x", from: device)
        guard case .version(let version)? = try await server(home, device) else {
            Issue.record("the save has no version")
            return
        }
        #expect(version.originalName == "Metroid.srm" && version.size == 1 && version.modified == 1_700_000_000)
        let row = try #require(try await baseline(home, device, save))
        #expect(
            row.digest == version.digest && row.path.text == "Metroid.srm" && row.directory == device.directories[0].id)
        #expect(row.entries.map(\.state) == [.settled] && row.entries.map(\.stamp.size) == [1])
        #expect(!row.isGone && !row.isUntracked)
        let history = try await home.store.history(of: save)
        #expect(
            history.map(\.number) == [1] && history[0].isCurrent && history[0].source == "deck"
                && history[0].slot == "main")
    }

    @Test func `another pull keeps what was there before`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let save = try await home.pull("x", from: device)
        home.clock.advance(60)
        #expect(try await home.pull("y", from: device) == save)
        let history = try await home.store.history(of: save)
        #expect(history.map(\.number) == [2, 1] && history.map(\.isCurrent) == [true, false])
        #expect(try await home.text(of: history[1].id) == "x")
        #expect(try await home.text(of: history[0].id) == "y")
        #expect(history[0].created.timeIntervalSince(history[1].created) == 60)
    }

    @Test func `48 a save that is new twice is one save`() async throws {
        let home = try await Home()
        let deck = try await home.device()
        let phone = try await home.device("phone")
        // Both runs saw a save that the server did not know, under names that fold to one.
        let first = try await home.pull("x", of: "Poke\u{301}mon", from: deck)
        let second = try await home.pull("y", of: "POK\u{c9}MON", from: phone)
        #expect(first == second)
        #expect(try await home.store.saves().count == 1)
        #expect(try await home.store.history(of: first).count == 2)
        #expect(
            try await home.pull("z", of: "Pok\u{e9}mon", from: try await home.device("other", owner: "bob")) != first)
    }

    @Test func `18 a device's agreement is its own`() async throws {
        let home = try await Home()
        let deck = try await home.device()
        let phone = try await home.device("phone")
        let save = try await home.pull("x", from: deck)
        #expect(try await baseline(home, phone, save) == nil)
        try await push(home, "x", to: phone, save: save)
        let agreed = try await baseline(home, phone, save)?.digest
        try await home.pull("y", from: deck)
        #expect(try await baseline(home, phone, save)?.digest == agreed)
        #expect(try await baseline(home, deck, save)?.digest != agreed)
    }

    @Test func `a push records what stands there now, and ends its operation`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let save = try await home.pull("x", from: device)
        let line = OperationRecord(
            action: .push, identity: Home.identity(), save: save, remotePath: "/saves/gba/Metroid.srm", size: 1,
            reason: "test")
        let session = try await home.store.beginSession(device: device, trigger: .onDemand, operations: [line, line])
        try await push(home, "yy", to: device, save: save, operation: session.operationIDs[0])
        #expect(try await baseline(home, device, save)?.entries.map(\.stamp.size) == [2])
        let operations = try await home.store.session(session.id).operations
        #expect(operations.map(\.status) == [.completed, .pending])
    }

    @Test func `an agreement replaces stamps and states`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let save = try await home.pull("x", from: device)
        let moment = Moment(boot: "b", nanoseconds: 5)
        for state in [StampState.unsettled(firstListed: moment), .settled] {
            let entry = DeviceContent.Entry(
                path: try #require(RelativePath("METROID.srm")), sha256: ContentHash.ofFolder([]),
                stamp: Stamp(size: .max, modified: -1), state: state)
            let content = DeviceContent(digest: ContentHash.ofFolder([]), isBlank: false, entries: [entry])
            try await home.store.commitAgreements([
                AgreementCommit(
                    device: device.id, save: save, directory: device.directories[0].id, path: entry.path, shape: .file,
                    content: content)
            ])
            let row = try #require(try await baseline(home, device, save))
            #expect(row.path == entry.path && row.digest == content.digest)
            #expect(row.entries == [EntryBaseline(path: entry.path, stamp: entry.stamp, state: state)])
        }
    }

    @Test func `10 gone is remembered, and forgotten when it is back`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let save = try await home.pull("x", from: device)
        try await home.store.commitGone([save], device: device.id)
        #expect(try await baseline(home, device, save)?.isGone == true)
        try await home.pull("x", from: device)
        #expect(try await baseline(home, device, save)?.isGone == false)
    }

    @Test func `12 a retired row and a removal leave the save`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let one = try await home.pull("x", of: "One", from: device)
        let two = try await home.pull("x", of: "Two", from: device)
        try await home.store.retireBaselines([one], device: device.id)
        try await home.store.commitRemovals([RemovalCommit(operation: nil, device: device.id, save: two)])
        for save in [one, two] {
            #expect(try await baseline(home, device, save) == nil)
            #expect(try await home.store.history(of: save).count == 1)
        }
    }

    @Test func `20 archival versions are listed, and never in a device's scope`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let save = try await home.pull("x", from: device)
        let current = try await server(home, device)
        let archived = try await home.stored([("Metroid.srm", "y")], archival: true)
        try await home.store.archive([
            ArchiveCommit(device: device.id, place: .archive(save: save), version: archived, modified: 5)
        ])
        #expect(try await server(home, device) == current)
        let history = try await home.store.history(of: save)
        #expect(history.map(\.slot) == [nil, "main"] && history.map(\.isCurrent) == [false, true])
        #expect(
            try await home.store.knownDigests(of: [save: [archived.digest, ContentHash.ofFolder([])]]) == [
                save: [archived.digest]
            ])
    }

    @Test func `a content is known of the saves whose version of it has its file`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let one = try await home.pull("x", of: "One", from: device)
        let two = try await home.pull("x", of: "Two", from: device)
        let other = try await home.pull("y", of: "Other", from: device)
        let x = try #require(try await home.store.history(of: one).first)
        let wanted = [one: Set([x.digest]), two: Set([x.digest]), other: Set([x.digest])]
        #expect(try await home.store.knownDigests(of: wanted) == [one: [x.digest], two: [x.digest]])
        let path = home.folder("library/\(x.libraryPath)")
        try FileManager.default.removeItem(atPath: path)
        #expect(try await home.store.knownDigests(of: wanted) == [two: [x.digest]])
        // Something else has its place.
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/etc/hostname")
        #expect(try await home.store.knownDigests(of: wanted) == [two: [x.digest]])
        try await home.pull("y", of: "One", from: device)
        try await home.pull("x", of: "One", from: device)
        #expect(try await home.store.knownDigests(of: wanted) == [one: [x.digest], two: [x.digest]])
    }

    @Test func `a content kept as a slot is a save of its own`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let save = try await home.pull("x", from: device)
        let identity = Home.identity(slot: "main-deck")
        let version = try await home.stored([("Metroid.srm", "y")], as: identity)
        try await home.store.archive([
            ArchiveCommit(device: device.id, place: .slot(identity), version: version, modified: 5)
        ])
        guard case .version(let kept)? = try await server(home, device, slot: "main-deck") else {
            Issue.record("the slot has no version")
            return
        }
        #expect(kept.digest == version.digest)
        #expect(try await home.store.history(of: save).count == 1)
        #expect(try await home.store.saves().map(\.identity.slot) == ["main", "main-deck"])
    }

    @Test func `a commit that fails half way records nothing`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let version = try await home.stored([("Metroid.srm", "x")])
        let path = try #require(RelativePath("Metroid.srm"))
        let good = PullCommit(
            operation: nil, device: device.id, over: nil, identity: Home.identity(),
            directory: device.directories[0].id,
            path: path, shape: .file, content: Home.content(version), version: version)
        // The same place in the library can't be two versions.
        await #expect(throws: StoreError.self) { try await home.store.commitPulls([good, good]) }
        #expect(try await home.store.saves().isEmpty)
        #expect(try await home.store.commitPulls([good]).count == 1)
    }

    @Test(arguments: ["x", nil], [false, true])
    func `a pull over what the plan did not see is kept as an archival version and nothing is agreed on`(
        _ before: String?, _ isDeleted: Bool
    ) async throws {
        let home = try await Home()
        let (deck, phone) = (try await home.device("deck"), try await home.device("phone"))
        if let before { try await home.pull(before, from: deck) }
        let key = Home.identity().key
        let seen = try await home.store.syncScope(for: deck).server(key)
        // Another device is faster, and then perhaps the user.
        let save = try await home.pull("from the phone", from: phone)
        if isDeleted { try await home.store.deleteSave(save) }

        let version = try await home.stored([("Metroid.srm", "from the deck")])
        let commit = PullCommit(
            operation: nil, device: deck.id, over: seen, identity: Home.identity(), directory: deck.directories[0].id,
            path: try #require(RelativePath("Metroid.srm")), shape: .file, content: Home.content(version),
            version: version)
        #expect(try await home.store.commitPulls([commit]) == [.superseded])
        let newest = try #require(try await home.store.history(of: save).first)
        #expect(newest.digest == version.digest && newest.slot == nil && !newest.isCurrent)
        let scope = try await home.store.syncScope(for: deck)
        #expect(scope.baseline(save)?.digest != version.digest)
        if case .version(let current) = scope.server(key)?.content { #expect(current.digest != version.digest) }
    }

    @Test func `a pull of the content that another device has brought meanwhile is agreed on`() async throws {
        let home = try await Home()
        let (deck, phone) = (try await home.device("deck"), try await home.device("phone"))
        let save = try await home.pull("the same", from: phone)
        let version = try await home.stored([("Metroid.srm", "the same")])
        let commit = PullCommit(
            operation: nil, device: deck.id, over: nil, identity: Home.identity(), directory: deck.directories[0].id,
            path: try #require(RelativePath("Metroid.srm")), shape: .file, content: Home.content(version),
            version: version)
        #expect(try await home.store.commitPulls([commit]) == [.current(save: save)])
        #expect(try await home.store.syncScope(for: deck).baseline(save)?.digest == version.digest)
        let current = try #require(try await home.store.history(of: save).first(where: \.isCurrent))
        #expect(current.number == 1)
    }
}
