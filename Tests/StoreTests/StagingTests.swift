import Foundation
import Planner
import TestSupport
import Testing

import struct Crypto.SHA256

@testable import Store

/// Where a run receives files: swept when the run died, and never while it lives.
@Suite struct StagingTests {
    func received(in staging: Staging, _ text: String) async throws -> StagedContent {
        let file = staging.file(keep: true)
        try await file.append(Array(text.utf8))
        let content = try await file.finish()
        return content
    }

    func leftovers(_ home: Home) -> [String] {
        home.folder.everything().filter { $0.hasPrefix("library/.saveferry/staging/") }
    }

    @Test(arguments: [1, 7, 5_000, 100_000])
    func `the hash of a file's beginning is the same however its bytes arrive`(pieces: Int) async throws {
        let home = try await Home()
        let staging = try await home.library.openStaging()
        let bytes = SplitMix64.bytes(seed: 1, count: 20_000)
        for (size, isBeginning) in [(12_288, true), (0, true), (19_999, true), (20_000, false), (30_000, false)] {
            let file = staging.file(keep: pieces < 100, hashingFirst: UInt64(size))
            for start in stride(from: 0, to: bytes.count, by: pieces) {
                try await file.append(Array(bytes[start..<min(bytes.count, start + pieces)]))
            }
            let expected = Digest(bytes: SHA256.hash(data: bytes.prefix(size)))
            #expect(try await file.finish().beginning == (isBeginning ? expected : nil), "\(size)")
        }
        await staging.discard()
    }

    @Test func `a library file's beginning is hashed without the rest`() async throws {
        let home = try await Home()
        let text = String(repeating: "far along. ", count: 20_000)
        let stored = try await home.stored([("Metroid.srm", text)])
        let entry = try #require(stored.entries.first)
        for size in [1, 128 << 10, 200_000, 220_000, 1 << 20] {
            let hash = try await home.library.file(entry, of: stored).sha256(ofFirst: UInt64(size))
            #expect(hash == Digest(bytes: SHA256.hash(data: Array(text.utf8.prefix(size)))), "\(size)")
        }
    }

    @Test func `what a dead run left is swept by the next`() async throws {
        let home = try await Home()
        let run = home.folder("library/.saveferry/staging/dead")
        for name in ["lock", "1", "2/deep/file"] {
            try home.folder.write("x", to: "library/.saveferry/staging/dead/\(name)")
        }
        // The kernel gives the lock of a killed process back.
        let process = try ServerProcess(
            "/usr/bin/flock", ["--no-fork", "\(run)/lock", "/usr/bin/tail", "-f", "/dev/null"], log: home.folder("log"))
        try await eventually("the run holds its lock") {
            try await Command.run("flock", ["--nonblock", "\(run)/lock", "true"]).status != 0
        }
        _ = try await home.library.openStaging()
        #expect(home.folder.read("library/.saveferry/staging/dead/2/deep/file") != nil)
        process.signal(9)
        try await eventually("the lock is free") {
            try await Command.run("flock", ["--nonblock", "\(run)/lock", "true"]).status == 0
        }
        _ = try await home.library.openStaging()
        #expect(leftovers(home).isEmpty)
    }

    @Test func `a live run's staging is not swept`() async throws {
        let home = try await Home()
        let first = try await home.library.openStaging()
        let content = try await received(in: first, "x")
        let other = try await Home(in: home.folder)
        let second = try await other.library.openStaging()
        _ = try await received(in: second, "y")
        #expect(leftovers(home).count == 6)
        let draft = VersionDraft(
            identity: Home.identity(), shape: .file, originalName: "Metroid.srm", archival: false,
            files: [VersionDraft.File(name: "Metroid.srm", content: content)])
        let stored = try #require(await home.library.store([draft], from: first).first).get()
        #expect(try await home.text(of: stored) == "x")
        await first.discard()
        await second.discard()
        #expect(leftovers(home).isEmpty)
    }

    @Test func `folders that were made ahead and not used are removed, others stay`() async throws {
        let home = try await Home()
        let staging = try await home.library.openStaging()
        let present = try await home.stored([("Tetris.srm", "x")], as: Home.identity("Tetris"))
        let games = (0..<64).map { Home.identity("Game \($0)") }
        await home.library.reserveFolders(for: games + [Home.identity("Tetris", slot: "2")], in: staging)
        #expect(FileManager.default.fileExists(atPath: home.folder("library/anna/gba/Game 63/main")))

        var drafts: [VersionDraft] = []
        for game in games.prefix(2) {
            drafts.append(try await home.draft([("Game.srm", game.game)], as: game, in: staging))
        }
        let stored = try await home.library.store(drafts, from: staging).map { try $0.get() }
        await staging.discard()
        let folders = try FileManager.default.subpathsOfDirectory(atPath: home.folder("library/anna/gba"))
            .filter { !$0.hasSuffix(".srm") }
        #expect(Set(folders) == ["Game 0", "Game 0/main", "Game 1", "Game 1/main", "Tetris", "Tetris/main"])
        #expect(try await home.text(of: present) == "x")
        #expect(try await home.text(of: stored[1]) == "Game 1")
    }

    @Test func `a folder that can't be made ahead stops nothing but its own save`() async throws {
        let home = try await Home()
        let staging = try await home.library.openStaging()
        // Where a folder should be there is a file: that holds for root too.
        try home.folder.write("in the way", to: "library/anna/gba/Game 3")
        let games = (0..<64).map { Home.identity("Game \($0)") }
        await home.library.reserveFolders(for: games, in: staging)
        var drafts: [VersionDraft] = []
        for game in games.prefix(8) {
            drafts.append(try await home.draft([("Game.srm", game.game)], as: game, in: staging))
        }
        let stored = await home.library.store(drafts, from: staging)
        await staging.discard()
        #expect(stored.map { (try? $0.get()) != nil } == (0..<8).map { $0 != 3 })
    }

    @Test func `a run that receives nothing leaves nothing`() async throws {
        let home = try await Home()
        let staging = try await home.library.openStaging()
        #expect(leftovers(home).isEmpty)
        await staging.discard()
        await staging.discard()
    }

    @Test func `contents that are only looked at never reach the disk`() async throws {
        let home = try await Home()
        let staging = try await home.library.openStaging()
        let file = staging.file(keep: false)
        for _ in 0..<100 { try await file.append([UInt8](repeating: 1, count: 32_768)) }
        #expect(try await file.finish().size == 3_276_800)
        #expect(leftovers(home).isEmpty)
    }

    @Test func `what is discarded leaves the disk at once`() async throws {
        let home = try await Home()
        let staging = try await home.library.openStaging()
        let content = try await received(in: staging, String(repeating: "x", count: 100_000))
        #expect(leftovers(home).count == 3)
        await content.discard()
        #expect(leftovers(home).count == 2)
    }
}
