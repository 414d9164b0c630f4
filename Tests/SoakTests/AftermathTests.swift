import Foundation
import TestSupport
import Testing

@testable import soak

/// What is found at the end of a soak, on a real handheld that was synced by the real program: nothing, unless something is
/// broken on purpose.
@Suite struct AftermathTests {
    private let ferry: Ferry
    private let handheld: Handheld
    private let player: Player

    init() async throws {
        let runner = URL(fileURLWithPath: ProcessInfo.processInfo.arguments[0]).resolvingSymlinksInPath()
        ferry = try Ferry(
            program: runner.deletingLastPathComponent().appendingPathComponent("saveferry").path, settings: [])
        handheld = try Handheld("handheld0", owner: "owner0", .openSSH)
        player = Player([handheld])
        try await handheld.switchOn()
        try await ferry.mustRun(
            "device", "add", "handheld0", "--host", "127.0.0.1", "--port", "\(handheld.port)", "--user",
            OpenSSHServer.user, "--owner", "owner0", "--dir", "gba=\(handheld.saves)", "--trust",
            try await SSHKeys.shared.fingerprint("host_ed25519"))
        for game in 0..<3 { try await player.play(device: 0, game: game, size: 500, isAtomic: game > 0) }
        try await ferry.mustRun("sync")
    }

    private func nextSecond() async throws {
        let now = Int(Date().timeIntervalSince1970)
        try await eventually("the second is over") { Int(Date().timeIntervalSince1970) > now }
    }

    private func aftermath() async throws -> Aftermath { try await Aftermath(ferry, [handheld]) }

    private func version(of game: Int) throws -> String {
        let folder = ferry.home("library/owner0/gba/Game \(game)/main")
        return try "\(folder)/\(#require(FileManager.default.contentsOfDirectory(atPath: folder).first))"
    }

    @Test func `where nothing is broken, nothing is found`() async throws {
        let aftermath = try await aftermath()
        let loss = aftermath.loss(await player.all)
        #expect(loss.due == 3 && loss.lost.isEmpty && loss.betweenLookAndRename.isEmpty)
        #expect(aftermath.torn == 0 && aftermath.beginnings == 0 && aftermath.outOfStep == [])
        #expect(aftermath.leftovers == [] && aftermath.staging == [] && aftermath.leases == [])
        #expect(aftermath.runs.map(\.status) == ["COMPLETED"] && aftermath.runs.map(\.pulled) == [3])
    }

    @Test func `a content that is gone from the device and from the library is lost`() async throws {
        #expect(unlink(handheld.path(1)) == 0)
        #expect(try await aftermath().loss(await player.all).lost == [])
        #expect(unlink(try version(of: 1)) == 0)
        #expect(try await aftermath().loss(await player.all).lost.map(\.number) == [1])
    }

    @Test func `a content that two runs could see is lost when it was not kept`() async throws {
        // Runs are recorded with whole seconds: the first of the two has to end in a later one than the save was written in,
        // and the second in an earlier one than it is written over in.
        try await nextSecond()
        for _ in 0..<2 { try await ferry.mustRun("sync") }
        try await nextSecond()
        try await player.play(device: 0, game: 1, size: 500, isAtomic: true)
        #expect(try await aftermath().loss(await player.all).lost == [])
        #expect(unlink(try version(of: 1)) == 0)
        #expect(try await aftermath().loss(await player.all).lost.map(\.number) == [1])
    }

    @Test func `a torn file is found on a device and in the library`() async throws {
        for path in [handheld.path(1), try version(of: 2)] {
            let file = try #require(FileHandle(forWritingAtPath: path))
            try file.seek(toOffset: 400)
            try file.write(contentsOf: Data("x".utf8))
            try file.close()
        }
        let aftermath = try await aftermath()
        #expect(aftermath.torn == 2)
        #expect(aftermath.outOfStep.count == 2)
    }

    @Test func `what a run leaves behind is found`() async throws {
        for name in [".saveferry-1.tmp", "Game 1.srm.saveferry-bak"] {
            try Data().write(to: URL(fileURLWithPath: "\(handheld.saves)/\(name)"))
        }
        try ferry.home.write("", to: "library/.saveferry/staging/run/1")
        let lock = open(ferry.home("state/leases/1.lock"), O_RDWR | O_CLOEXEC)
        defer { close(lock) }
        #expect(flock(lock, LOCK_EX) == 0)
        let open = "UPDATE sync_sessions SET status = 'IN_PROGRESS', ended_at = NULL"
        #expect(try await Command.run("sqlite3", [ferry.home("state/saveferry.db"), open]).status == 0)
        let aftermath = try await aftermath()
        #expect(aftermath.leftovers.count == 2 && aftermath.staging.count == 1 && aftermath.leases.count == 1)
        #expect(aftermath.runs.map(\.status) == ["IN_PROGRESS"])
    }
}
