import Foundation
import GRDB
import Logging
import Planner
import TestSupport
import Testing

@testable import Store

/// Content hashes computed anew, and the agreements that follow them.
@Suite struct RehashTests {
    /// A save of several versions, whose hashes are then as an older way of hashing would have recorded them.
    struct Case {
        let home: Home
        let deck: Device
        let phone: Device
        let save: Int64

        init(versions: Int = 5) async throws {
            home = try await Home()
            deck = try await home.device()
            phone = try await home.device("phone")
            save = try await home.pull("agreed", from: deck)
            for number in 1..<versions { try await home.pull("\(number)", from: phone) }
        }

        func digests() async throws -> [Digest] { try await home.store.history(of: save).map(\.digest) }

        func agreed(_ device: Device) async throws -> Digest? {
            try await home.store.syncScope(for: device).baseline(save)?.digest
        }

        /// Turns every hash on record into another one, the same for the same.
        func age() async throws {
            try await home.store.write { db in
                for table in ["save_versions", "device_save_sync"] {
                    for row in try Row.fetchAll(db, sql: "SELECT id, content_hash FROM \(table)") {
                        let old = Data((row["content_hash"] as Data).map { ~$0 })
                        try db.execute(
                            sql: "UPDATE \(table) SET content_hash = ? WHERE id = ?",
                            arguments: [old, row["id"] as Int64])
                    }
                }
                try db.execute(sql: "UPDATE save_versions SET hash_algorithm = 0")
            }
        }

        func rehash(_ scope: Rehash.Scope = .old, pageSize: Int = 2) async throws -> Rehash.Totals {
            try await Rehash(store: home.store, scope: scope, pageSize: pageSize).run()
        }
    }

    @Test(arguments: [Rehash.Scope.all, .old])
    func `hashes and agreements are right again, and a second time changes nothing`(scope: Rehash.Scope) async throws {
        let one = try await Case()
        let (digests, deck, phone) = try await (one.digests(), one.agreed(one.deck), one.agreed(one.phone))
        #expect(try await !one.home.store.hasOldHashes())
        try await one.age()
        #expect(try await one.home.store.hasOldHashes())
        #expect(try await one.digests() != digests)
        let totals = try await one.rehash(scope)
        #expect(totals.versions == 5 && totals.changed == 5 && totals.failed == 0)
        #expect(try await one.digests() == digests)
        #expect(try await one.agreed(one.deck) == deck)
        #expect(try await one.agreed(one.phone) == phone)
        #expect(try await !one.home.store.hasOldHashes())
        #expect(try await one.rehash(.all).changed == 0)
        #expect(try await one.rehash(.old).versions == 0)
    }

    @Test func `ended after any page, every agreement is that of a version, and the next one goes on`() async throws {
        for pages in 1...3 {
            let one = try await Case()
            let (digests, deck) = try await (one.digests(), one.agreed(one.deck))
            try await one.age()
            let home = one.home
            let ended = Task {
                var done = 0
                return try await Rehash(store: home.store, scope: .old, pageSize: 2).run { _ in
                } progress: { _ in
                    done += 1
                    if done == pages { withUnsafeCurrentTask { $0?.cancel() } }
                }
            }
            await #expect(throws: CancellationError.self) { try await ended.value }
            let between = try await one.digests()
            #expect(zip(between, digests).count { $0 == $1 } == min(2 * pages, 5))
            for device in [one.deck, one.phone] {
                #expect(between.contains(try #require(try await one.agreed(device))))
            }
            _ = try await one.rehash()
            #expect(try await one.digests() == digests)
            #expect(try await one.agreed(one.deck) == deck)
        }
    }

    @Test func `hash and agreement change together or not at all`() async throws {
        let one = try await Case()
        try await one.age()
        let (digests, deck) = try await (one.digests(), one.agreed(one.deck))
        try await one.home.store.write { db in
            try db.execute(
                sql: """
                    CREATE TRIGGER stop BEFORE UPDATE ON device_save_sync BEGIN SELECT RAISE(ABORT, 'stopped'); END
                    """)
        }
        await #expect(throws: StoreError.self) { try await one.rehash(pageSize: 100) }
        #expect(try await one.digests() == digests)
        #expect(try await one.agreed(one.deck) == deck)
        #expect(try await one.home.store.hasOldHashes())
    }

    @Test func `a zip that was hashed as a plain file becomes the same as its folder, with its agreement`() async throws
    {
        let one = try await Case()
        let staging = try await one.home.library.openStaging()
        let file = staging.file(keep: true)
        try await file.append(try Zip.of([("a", [1]), ("b", [2])]))
        let content = try await file.finish()
        #expect(content.contentDigest != content.sha256)
        let identity = Home.identity("Zipped")
        let draft = VersionDraft(
            identity: identity, shape: .file, originalName: "Zipped.zip", archival: false,
            files: [VersionDraft.File(name: "Zipped.zip", content: content)])
        let version = try #require(await one.home.library.store([draft], from: staging).first).get()
        await staging.discard()
        let save = try await one.home.commitPull(
            PullCommit(
                operation: nil, device: one.deck.id, over: nil, identity: identity,
                directory: one.deck.directories[0].id, path: #require(RelativePath("Zipped.zip")), shape: .file,
                content: Home.content(version), version: version))
        try await one.home.store.write { db in
            for table in ["save_versions", "device_save_sync"] {
                try db.execute(
                    sql: "UPDATE \(table) SET content_hash = ? WHERE save_id = ?",
                    arguments: [content.sha256.data, save])
            }
        }
        #expect(try await one.rehash(.all).changed == 1)
        #expect(try await one.home.store.history(of: save).map(\.digest) == [content.contentDigest])
        let baseline = try await one.home.store.syncScope(for: one.deck).baseline(save)
        #expect(baseline?.digest == content.contentDigest)
    }

    @Test func `a version whose file is gone keeps its hash, and another with the same bytes moves the agreement`()
        async throws
    {
        let one = try await Case()
        let deck = try await one.agreed(one.deck)
        _ = try await one.home.store.restore(save: one.home.save(one.save), version: 1)
        let digests = try await one.digests()
        try await one.age()
        let aged = try await one.digests()
        let newest = try #require(try await one.home.store.history(of: one.save).first)
        try FileManager.default.removeItem(atPath: one.home.library.path(of: newest.libraryPath))
        let totals = try await one.rehash()
        #expect(totals.failed == 1 && totals.changed == 5)
        #expect(try await one.digests() == [aged[0]] + digests.dropFirst())
        #expect(try await one.agreed(one.deck) == deck)
        // Put back, it is next.
        try one.home.folder.write("agreed", to: "library/\(newest.libraryPath)")
        #expect(try await one.rehash().changed == 1)
        #expect(try await one.digests() == digests)
    }

    @Test func `1,200 versions are computed by pages`() async throws {
        let home = try await Home()
        let save = try await home.pull("x", from: try await home.device())
        try await RetentionTests.grow(home, save, to: 1_200)
        try await home.store.write { db in try db.execute(sql: "UPDATE save_versions SET hash_algorithm = 0") }
        var done: [Int] = []
        let totals = try await Rehash(store: home.store, scope: .old, pageSize: 100).run { _ in
        } progress: {
            done.append($0.versions)
        }
        #expect(totals.versions == 1_200 && done == Array(stride(from: 100, through: 1_200, by: 100)))
        #expect(try await home.store.versionsToRehash(.all, before: .max, limit: 100).count == 100)
    }
}
