import Planner
import TestSupport
import Testing

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
