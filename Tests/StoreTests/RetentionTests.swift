import Foundation
import GRDB
import Logging
import Planner
import Synchronization
import TestSupport
import Testing

@testable import Store

/// What retention removes, what it never touches, and that it may be ended anywhere.
@Suite struct RetentionTests {
    struct Ended: Error {}

    static let rule = RetentionRule(versions: 2, days: 90)
    static let day: TimeInterval = 86_400

    static func sweep(
        _ home: Home, _ rule: RetentionRule = rule, pageSize: Int = 500,
        reached: @escaping @Sendable (RetentionSweep.Step) throws -> Void = { _ in }
    ) -> RetentionSweep {
        RetentionSweep(
            store: home.store, rule: rule, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            pageSize: pageSize, reached: reached)
    }

    func numbers(_ home: Home, _ save: Int64) async throws -> [Int] {
        try await home.store.history(of: save).map(\.number)
    }

    /// Files in the library that no version names, and versions whose file is missing.
    static func differences(_ home: Home) async throws -> (orphans: [String], missing: [String]) {
        let named = Set(
            try await home.store.read { db in try String.fetchAll(db, sql: "SELECT library_path FROM save_versions") })
        let there = Set(
            home.folder.everything().filter { $0.hasSuffix(".srm") && $0.hasPrefix("library/") }
                .map { String($0.dropFirst(8)) })
        return (there.subtracting(named).sorted(), named.subtracting(there).sorted())
    }

    @Test func `the newest versions of a slot stay, and whatever is young`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let save = try await home.pull("0", from: device)
        for number in 1...4 {
            home.clock.advance(Self.day)
            try await home.pull("\(number)", from: device)
        }
        #expect(try await Self.sweep(home).run().removed == 0)
        // Version 1 was current until version 2 came, on day 1.
        home.clock.advance(87 * Self.day - 1)
        #expect(try await Self.sweep(home).run().removed == 0)
        home.clock.advance(1)
        #expect(try await Self.sweep(home).run().removed == 1)
        #expect(try await numbers(home, save) == [5, 4, 3, 2])
        home.clock.advance(1_000 * Self.day)
        let totals = try await Self.sweep(home).run()
        #expect(totals.removed == 2 && totals.bytes == 2)
        #expect(try await numbers(home, save) == [5, 4])
        let found = try await Self.differences(home)
        #expect(found.orphans.isEmpty && found.missing.isEmpty)
        #expect(try await Self.sweep(home).run().removed == 0)
    }

    @Test func `a dry run names what a sweep removes, and changes nothing`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let save = try await home.pull("0", from: device)
        for number in 1...4 { try await home.pull("\(number)", from: device) }
        home.clock.advance(100 * Self.day)
        let before = home.folder.everything()
        var named: [Int] = []
        #expect(try await Self.sweep(home).preview { named += $0.map(\.number) }.removed == 3)
        #expect(named == [1, 2, 3])
        #expect(home.folder.everything() == before && home.folder.everything().contains { $0.hasSuffix("(5).srm") })
        #expect(try await numbers(home, save).count == 5)
        var removed: [Int] = []
        _ = try await Self.sweep(home).run { removed += $0.map(\.number) }
        #expect(removed == named)
    }

    @Test func `archived versions are counted by themselves`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let save = try await home.pull("current", from: device)
        for text in ["a", "b", "c"] {
            let version = try await home.stored([("Metroid.srm", text)], archival: true)
            try await home.store.archive([
                ArchiveCommit(device: device.id, place: .archive(save: save), version: version, modified: 0)
            ])
        }
        for number in 0..<3 { try await home.pull("\(number)", from: device) }
        home.clock.advance(100 * Self.day)
        #expect(try await Self.sweep(home).run().removed == 3)
        #expect(try await numbers(home, save) == [7, 6, 4, 3])
    }

    @Test func `what a device last agreed on stays, also in every other version with these bytes`() async throws {
        let home = try await Home()
        let deck = try await home.device()
        let phone = try await home.device("phone")
        let save = try await home.pull("agreed", from: deck)
        _ = try await home.store.restore(save: home.save(save), version: 1)
        for number in 0..<4 { try await home.pull("\(number)", from: phone) }
        home.clock.advance(1_000 * Self.day)
        _ = try await Self.sweep(home).run()
        #expect(try await numbers(home, save) == [6, 5, 2, 1])
        // Kept apart from the device, the agreement is still there to go back to.
        try await home.store.setUntracked(true, device: deck, save: home.save(save))
        #expect(try await Self.sweep(home).run().removed == 0)
        try await home.store.removeDevice(deck.id)
        #expect(try await Self.sweep(home).run().removed == 2)
    }

    @Test func `both sides of an open conflict stay until it is resolved`() async throws {
        let home = try await Home()
        let deck = try await home.device()
        let phone = try await home.device("phone")
        let save = try await home.pull("base", from: deck)
        try await home.pull("server", from: phone)
        try await home.conflict("device", on: deck, save: save)
        for number in 0..<3 {
            try await home.pull("\(number)", from: phone)
            let version = try await home.stored([("Metroid.srm", "archived \(number)")], archival: true)
            try await home.store.archive([
                ArchiveCommit(device: deck.id, place: .archive(save: save), version: version, modified: 0)
            ])
        }
        home.clock.advance(1_000 * Self.day)
        _ = try await Self.sweep(home).run()
        // 1 is the baseline, 2 the server's side, 3 the device's.
        #expect(try await numbers(home, save) == [9, 8, 7, 6, 3, 2, 1])
        #expect(try await home.store.conflicts().map(\.device.version) == [3])
        // The server's side moved on, so the first decision is refused, and the conflict is shown anew.
        let seen = try #require(try await home.store.conflicts().first)
        await #expect(throws: StoreError.self) { _ = try await home.store.resolveConflict(seen.id, keep: .server) }
        let conflict = try #require(try await home.store.conflicts().first)
        _ = try await home.store.resolveConflict(conflict.id, keep: .server)
        _ = try await Self.sweep(home).run()
        // The agreement is the device's content now: version 3.
        #expect(try await numbers(home, save) == [9, 8, 7, 6, 3])
        #expect(try await home.store.conflicts().isEmpty)
    }

    @Test func `the current version stays, also of a deleted save`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let save = try await home.pull("x", from: device)
        try await home.pull("y", from: device)
        try await home.store.deleteSave(save)
        try await home.store.retireBaselines([save], device: device.id)
        home.clock.advance(1_000 * Self.day)
        _ = try await Self.sweep(home, RetentionRule(versions: 0, days: 0)).run()
        #expect(try await numbers(home, save) == [2])
        #expect(try await home.text(of: home.store.history(of: save)[0].id) == "y")
    }

    @Test func `a content that a device is about to lose is as young as that`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let save = try await home.pull("old", from: device)
        for number in 0..<3 { try await home.pull("\(number)", from: device) }
        home.clock.advance(100 * Self.day)
        let old = try #require(try await home.store.history(of: save).last)
        #expect(try await home.store.knownDigests(of: [save: [old.digest]]) == [save: [old.digest]])
        _ = try await Self.sweep(home).run()
        #expect(try await numbers(home, save) == [4, 3, 1])
    }

    @Test func `nothing is removed while the current version's file is missing`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let save = try await home.pull("0", from: device)
        for number in 1...4 { try await home.pull("\(number)", from: device) }
        home.clock.advance(100 * Self.day)
        try FileManager.default.moveItem(atPath: home.folder("library/anna"), toPath: home.folder("away"))
        #expect(try await Self.sweep(home).run().removed == 0)
        try FileManager.default.moveItem(atPath: home.folder("away"), toPath: home.folder("library/anna"))
        #expect(try await Self.sweep(home).run().removed == 3)
        #expect(try await numbers(home, save) == [5, 4])
    }

    @Test func `an old version whose file was removed by hand goes without a word`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let save = try await home.pull("0", from: device)
        for number in 1...2 { try await home.pull("\(number)", from: device) }
        home.clock.advance(100 * Self.day)
        let old = try #require(try await home.store.history(of: save).last)
        try FileManager.default.removeItem(atPath: home.library.path(of: old.libraryPath))
        let totals = try await Self.sweep(home).run()
        #expect(totals.removed == 1 && totals.failures.isEmpty)
    }

    @Test func `a folder version goes with all of its files`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let identity = Home.identity("ULUS1")
        var save: Int64 = 0
        for number in 0..<3 {
            let version = try await home.stored(
                [("a", "\(number)"), ("deep/b", "x")], as: identity, shape: .folder, named: "ULUS1")
            save = try await home.commitPull(
                PullCommit(
                    operation: nil, device: device.id, over: home.store.syncScope(for: device).server(identity.key),
                    identity: identity, directory: device.directories[0].id, path: #require(RelativePath("ULUS1")),
                    shape: .folder, content: Home.content(version), version: version))
        }
        let old = try #require(try await home.store.history(of: save).last)
        home.clock.advance(100 * Self.day)
        #expect(try await Self.sweep(home).run().removed == 1)
        #expect(!home.folder.everything().contains { $0.hasPrefix("library/\(old.libraryPath)/") })
        #expect(try FileManager.default.contentsOfDirectory(atPath: home.folder("library/.saveferry/removed")).isEmpty)
    }

    @Test func `links are not followed`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let save = try await home.pull("0", from: device)
        for number in 1...3 { try await home.pull("\(number)", from: device) }
        home.clock.advance(100 * Self.day)
        let history = try await home.store.history(of: save)
        // A version that is a link now loses the link, and the folder behind it nothing.
        let linked = home.library.path(of: history[3].libraryPath)
        try home.folder.write("precious", to: "elsewhere/precious.srm")
        try FileManager.default.removeItem(atPath: linked)
        try FileManager.default.createSymbolicLink(
            atPath: linked, withDestinationPath: home.folder("elsewhere"))
        // A version behind a link stays, and that is said.
        let outside = "anna/gba/Metroid/linked/\((history[2].libraryPath as NSString).lastPathComponent)"
        try FileManager.default.createSymbolicLink(
            atPath: home.folder("library/anna/gba/Metroid/linked"), withDestinationPath: home.folder("elsewhere"))
        try home.folder.write("precious", to: "elsewhere/\((outside as NSString).lastPathComponent)")
        try await home.store.write { db in
            try db.execute(
                sql: "UPDATE save_versions SET library_path = ? WHERE id = ?", arguments: [outside, history[2].id])
        }
        let totals = try await Self.sweep(home).run()
        #expect(totals.removed == 2 && totals.failures.count == 1)
        #expect(totals.failures.first?.description.contains("leads through a link") == true)
        #expect(home.folder.read("elsewhere/precious.srm") == Array("precious".utf8))
        #expect(home.folder.read("library/\(outside)") == Array("precious".utf8))
        #expect(!home.folder.everything().contains("library/\(history[3].libraryPath)"))
    }

    @Test(arguments: ["../evil", "a/../../evil", "/etc/evil", ".saveferry/staging", "", ".", "a//b"])
    func `no path leads out of the library`(path: String) async throws {
        let home = try await Home()
        try home.folder.write("x", to: "evil")
        try home.folder.write("x", to: "library/a/b")
        try home.folder.write("x", to: "library/.saveferry/staging/x")
        let before = home.folder.everything()
        #expect(throws: StoreError.self) { try home.library.setAside(path) }
        #expect(home.folder.everything() == before)
    }

    static let steps: [RetentionSweep.Step] = [.chosen, .forgotten, .settingAside, .setAside, .removed]

    @Test(arguments: steps, 1...2)
    func `ended anywhere, no version misses its file, and the next sweep finishes`(
        step: RetentionSweep.Step, time: Int
    ) async throws {
        let home = try await Home()
        let device = try await home.device()
        let save = try await home.pull("0", from: device)
        for number in 1...7 { try await home.pull("\(number)", from: device) }
        home.clock.advance(100 * Self.day)
        let left = Mutex(time)
        let sweep = Self.sweep(home, pageSize: 3) { reached in
            guard reached == step else { return }
            let isNow = left.withLock { left in
                left -= 1
                return left == 0
            }
            if isNow { throw Ended() }
        }
        _ = try? await sweep.run()
        try #require(left.withLock { $0 } <= 0, "the step was reached that often")
        #expect(try await Self.differences(home).missing.isEmpty)
        home.store.close()
        let again = try await Home(in: home.folder)
        again.clock.advance(100 * Self.day)
        let totals = try await Self.sweep(again).run()
        #expect(totals.failures.isEmpty)
        #expect(try await numbers(again, save) == [8, 7])
        let found = try await Self.differences(again)
        #expect(found.orphans.isEmpty && found.missing.isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: home.folder("library/.saveferry/removed")).isEmpty)
    }

    @Test func `a new version under the name of one that is to be removed stays`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let save = try await home.pull("x", from: device)
        let version = try #require(try await home.store.history(of: save).first)
        try await home.store.write { db in
            try db.execute(
                sql: "INSERT INTO library_removals (library_path) VALUES (?)", arguments: [version.libraryPath])
        }
        #expect(try await Self.sweep(home).run().removed == 0)
        #expect(try await home.text(of: version.id) == "x")
        #expect(
            try await home.store.read { db in try Int.fetchOne(db, sql: "SELECT count(*) FROM library_removals") } == 0)
    }

    @Test func `a version whose file went before it was recorded is not recorded`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let version = try await home.stored([("Metroid.srm", "x")])
        try await home.library.makeRemovedFolder()
        try home.library.setAside(version.libraryPath)
        let commit = PullCommit(
            operation: nil, device: device.id, over: nil, identity: Home.identity(),
            directory: device.directories[0].id, path: try #require(RelativePath("Metroid.srm")), shape: .file,
            content: Home.content(version), version: version)
        let error = try await #require(throws: StoreError.self) { try await home.store.commitPulls([commit]) }
        #expect(error.code == .notFound)
        #expect(try await home.store.saves().isEmpty)
    }

    @Test func `a cancelled sweep ends, and no page holds more than it may`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let save = try await home.pull("x", from: device)
        try await Self.grow(home, save, to: 1_200)
        home.clock.advance(100 * Self.day)
        var most = 0
        var found = 0
        var position: Int64? = 0
        while let after = position {
            let page = try await home.store.expiredVersions(by: Self.rule, after: after, limit: 50)
            most = max(most, page.versions.count)
            found += page.versions.count
            position = page.next
        }
        #expect(most == 50 && found == 1_198)
        let sweep = Task {
            try await Self.sweep(home, pageSize: 200).run { _ in withUnsafeCurrentTask { $0?.cancel() } }
        }
        // Not as if it were done.
        await #expect(throws: (any Error).self) { try await sweep.value }
        #expect(try await home.store.versionCount() == 1_100)
        #expect(try await Self.differences(home).missing.isEmpty)
        #expect(try await Self.sweep(home).run().removed == 1_098)
        #expect(try await numbers(home, save) == [1_200, 1_199])
    }

    /// Gives a save more versions, by their rows and files alone.
    static func grow(_ home: Home, _ save: Int64, to count: Int) async throws {
        let time = Int64(home.clock.now.timeIntervalSince1970)
        var digests: [Digest] = []
        for number in 2...count {
            try home.folder.write("\(number)", to: "library/anna/gba/Metroid/main/\(number).srm")
            let file = Staging.discarding().file(keep: false)
            try await file.append(Array("\(number)".utf8))
            digests.append(try await file.finish().sha256)
        }
        try await home.store.write { [digests] db in
            for (number, digest) in zip(2...count, digests) {
                try db.execute(
                    sql: """
                        INSERT INTO save_versions (save_id, number, slot, content_hash, shape, size, is_blank,
                            original_name, library_path, source, modified_at, created_at)
                        VALUES (?, ?, 'main', ?, 'file', ?, 0, 'Metroid.srm', ?, 'deck', 0, ?)
                        """,
                    arguments: [
                        save, number, digest.data, "\(number)".utf8.count, "anna/gba/Metroid/main/\(number).srm", time,
                    ])
                try db.execute(
                    sql: "INSERT INTO version_entries (version_id, path, size, sha256) VALUES (?, 'Metroid.srm', ?, ?)",
                    arguments: [db.lastInsertedRowID, "\(number)".utf8.count, digest.data])
            }
            try db.execute(
                sql: """
                    UPDATE saves SET current_version_id = (SELECT max(id) FROM save_versions) WHERE id = ?;
                    """, arguments: [save])
            try db.execute(sql: "UPDATE device_save_sync SET content_hash = zeroblob(32)")
        }
    }
}
