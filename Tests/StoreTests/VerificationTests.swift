import Foundation
import GRDB
import Logging
import Planner
import TestSupport
import Testing

@testable import Store

/// The library read against the database: every difference found, repaired where it can be, nothing deleted.
@Suite struct VerificationTests {
    /// One save with three versions, "one", "two" and "one" again, and a folder save of one version.
    struct Case {
        let home: Home
        let device: Device
        let save: Int64
        /// Library paths, oldest first.
        let paths: [String]
        let folder: String

        init() async throws {
            home = try await Home()
            device = try await home.device()
            save = try await home.pull("one", from: device)
            try await home.pull("two", from: device)
            _ = try await home.store.restore(save: home.save(save), version: 1)
            paths = try await home.store.history(of: save).reversed().map(\.libraryPath)
            let identity = Home.identity("ULUS1")
            let version = try await home.stored(
                [("a", "one"), ("deep/b", "two")], as: identity, shape: .folder, named: "ULUS1")
            _ = try await home.commitPull(
                PullCommit(
                    operation: nil, device: device.id, over: nil, identity: identity,
                    directory: device.directories[0].id, path: #require(RelativePath("ULUS1")), shape: .folder,
                    content: Home.content(version), version: version))
            folder = version.libraryPath
        }

        func verify(repairs: Bool = false, pageSize: Int = 2) async throws -> (
            totals: Verification.Totals, differences: [Difference]
        ) {
            var differences: [Difference] = []
            let totals = try await Verification(store: home.store, repairs: repairs, pageSize: pageSize).run {
                differences.append($0)
            }
            return (totals, differences)
        }

        func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: home.library.path(of: path)) }

        /// Every content that stands anywhere in the library.
        func contents() -> [String] {
            home.folder.everything().filter { $0.hasPrefix("library/") }.compactMap { home.folder.read($0) }
                .map { String(decoding: $0, as: UTF8.self) }
        }
    }

    @Test func `a whole library has no difference, and a repair changes nothing`() async throws {
        let one = try await Case()
        let before = one.home.folder.everything().filter { !$0.contains(".saveferry") && !$0.hasPrefix("state") }
        for repairs in [false, true] {
            let found = try await one.verify(repairs: repairs)
            #expect(found.differences.isEmpty && found.totals.versions == 4 && found.totals.soughtOrphans)
        }
        let after = one.home.folder.everything().filter { !$0.contains(".saveferry") && !$0.hasPrefix("state") }
        #expect(after == before)
    }

    struct Damage: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// On which file below the library; `%0` to `%2` are the versions, `%f` is the folder.
        let path: String
        let kind: Difference.Kind
        let isRepairable: Bool
        let damage: @Sendable (Case, String) throws -> Void
    }

    static let damages = [
        Damage(testDescription: "missing, same bytes elsewhere", path: "%0", kind: .missing, isRepairable: true) {
            try $0.remove($1)
        },
        Damage(testDescription: "changed, same bytes elsewhere", path: "%2", kind: .changed, isRepairable: true) {
            try $0.home.folder.write("bad", to: "library/\($1)")
        },
        Damage(testDescription: "cut off", path: "%1", kind: .changed, isRepairable: true) {
            try $0.home.folder.write("", to: "library/\($1)")
        },
        Damage(testDescription: "an entry missing", path: "%f/deep/b", kind: .missingEntry, isRepairable: true) {
            try $0.remove($1)
        },
        Damage(testDescription: "an entry changed", path: "%f/a", kind: .changed, isRepairable: true) {
            try $0.home.folder.write("bad", to: "library/\($1)")
        },
        Damage(testDescription: "a link", path: "%0", kind: .changed, isRepairable: true) { one, path in
            try one.remove(path)
            try FileManager.default.createSymbolicLink(
                atPath: one.home.library.path(of: path), withDestinationPath: one.home.library.path(of: one.paths[2]))
        },
        Damage(testDescription: "a stranger", path: "anna/gba/stranger.txt", kind: .orphan, isRepairable: true) {
            try $0.home.folder.write("stranger", to: "library/\($1)")
        },
        Damage(testDescription: "a stranger in a version", path: "%f/deep/c", kind: .orphan, isRepairable: true) {
            try $0.home.folder.write("stranger", to: "library/\($1)")
        },
    ]

    @Test(arguments: damages)
    func `every difference is found, repaired once, and then gone`(row: Damage) async throws {
        let one = try await Case()
        var path = row.path.replacingOccurrences(of: "%f", with: one.folder)
        for (number, version) in one.paths.enumerated() {
            path = path.replacingOccurrences(of: "%\(number)", with: version)
        }
        try row.damage(one, path)
        let before = one.contents()
        let found = try await one.verify()
        #expect(found.differences.map(\.kind) == [row.kind] && found.differences.map(\.libraryPath) == [path])
        #expect(found.totals.remaining == 1)
        #expect(one.contents() == before)
        let repaired = try await one.verify(repairs: true)
        #expect(repaired.totals.differences == 1 && repaired.totals.repaired == 1, "\(repaired.differences)")
        #expect(try await one.verify().differences.isEmpty)
        // Nothing that was there is nowhere now.
        for content in before { #expect(one.contents().contains(content)) }
    }

    @Test func `a content that is nowhere else stays reported`() async throws {
        let one = try await Case()
        // "two" also stands in the folder.
        try one.remove(one.paths[1])
        try one.remove(one.folder + "/deep/b")
        let first = try await one.verify(repairs: true)
        #expect(Set(first.differences.map(\.kind)) == [.missing, .missingEntry] && first.totals.remaining == 2)
        #expect(try await one.verify().totals.remaining == 2)
        // It turns up under another name, as from a backup.
        try one.home.folder.write("two", to: "library/from backup.srm")
        let second = try await one.verify(repairs: true)
        #expect(second.totals.remaining == 0 && second.totals.repaired == 3, "\(second.differences)")
        #expect(try await one.verify().differences.isEmpty)
    }

    @Test func `a changed version is no source for another`() async throws {
        let one = try await Case()
        try one.remove(one.paths[0])
        try one.home.folder.write("bad", to: "library/\(one.paths[2])")
        try one.home.folder.write("bad", to: "library/\(one.folder)/a")
        let found = try await one.verify(repairs: true)
        #expect(found.totals.remaining == 3)
        #expect(!one.home.folder.everything().contains("library/\(one.paths[0])"))
        // What can't be replaced stays where it is.
        #expect(one.home.folder.read("library/\(one.paths[2])") == Array("bad".utf8))
    }

    @Test func `hidden files, and what retention is to remove, are no orphans`() async throws {
        let one = try await Case()
        try one.home.folder.write("x", to: "library/anna/.DS_Store")
        try one.home.folder.write("x", to: "library/.stfolder/x")
        try one.home.folder.write("x", to: "library/anna/gba/going.srm")
        try await one.home.store.write { db in
            try db.execute(sql: "INSERT INTO library_removals (library_path) VALUES ('anna/gba/going.srm')")
        }
        #expect(try await one.verify().differences.isEmpty)
    }

    @Test func `what a run has stored and not yet recorded is left alone`() async throws {
        let one = try await Case()
        let staging = try await one.home.library.openStaging()
        let draft = try await one.home.draft([("New.srm", "new")], as: Home.identity("New"), in: staging)
        let stored = try #require(await one.home.library.store([draft], from: staging).first).get()
        let during = try await one.verify(repairs: true)
        #expect(during.differences.isEmpty && !during.totals.soughtOrphans)
        #expect(one.home.folder.read("library/\(stored.libraryPath)") == Array("new".utf8))
        await staging.discard()
        // A run that died in between left it: nobody's, and still kept.
        let after = try await one.verify(repairs: true)
        #expect(after.differences.map(\.kind) == [.orphan] && after.totals.soughtOrphans)
        #expect(one.contents().contains("new"))
    }

    @Test func `orphans of one name and content are all kept`() async throws {
        let one = try await Case()
        for _ in 0..<3 {
            try one.home.folder.write("same", to: "library/same.srm")
            #expect(try await one.verify(repairs: true).totals.repaired == 1)
        }
        #expect(one.contents().count { $0 == "same" } == 3)
    }

    @Test func `a content hash that does not fit is found`() async throws {
        let one = try await Case()
        try await one.home.store.write { db in
            try db.execute(sql: "UPDATE save_versions SET content_hash = zeroblob(32)")
        }
        let found = try await one.verify(repairs: true)
        #expect(found.differences.map(\.kind) == [.contentHash, .contentHash, .contentHash, .contentHash])
        #expect(found.totals.remaining == 4)
    }

    @Test func `a sweep that was ended anywhere leaves nothing missing`() async throws {
        for step in RetentionTests.steps {
            let one = try await Case()
            for number in 0..<4 { try await one.home.pull("\(number)", from: one.device) }
            one.home.clock.advance(1_000 * RetentionTests.day)
            _ = try? await RetentionTests.sweep(one.home) { if $0 == step { throw RetentionTests.Ended() } }.run()
            #expect(try await one.verify().differences.isEmpty, "\(step)")
        }
    }

    @Test func `1,200 versions are read by pages`() async throws {
        let home = try await Home()
        let save = try await home.pull("x", from: try await home.device())
        try await RetentionTests.grow(home, save, to: 1_200)
        try FileManager.default.removeItem(atPath: home.folder("library/anna/gba/Metroid/main/700.srm"))
        var pages: [Int] = []
        var missing: [String] = []
        let totals = try await Verification(store: home.store, repairs: false, pageSize: 64).run {
            missing.append($0.libraryPath)
        } progress: {
            pages.append($0.versions)
        }
        #expect(totals.versions == 1_200 && missing == ["anna/gba/Metroid/main/700.srm"])
        #expect(pages.count == 19 && zip(pages, pages.dropFirst()).allSatisfy { $1 - $0 <= 64 })
        #expect(try await home.store.recordedVersions(after: 0, limit: 64).count == 64)
    }
}
