import Foundation
import Orchestrator
import Planner
import SSHClient
import Store
import TestSupport
import Testing

extension ScenarioTests {
    /// Disks that are full, read-only or closed to us: that operation fails, the old content stands, the rest is done.
    @Suite struct RefusalTests {
        let hub: Hub

        init() async throws { hub = try await Hub() }

        /// A device on which `Metroid` is to be replaced by `content`, `Zelda` by a small save, and `Pinball` is new.
        private func prepare(_ server: OpenSSHServer, content: String = "from the deck", at folder: String? = nil)
            async throws -> Handheld
        {
            let pocket = try await Handheld(of: hub, server: server) { settings, _ in
                guard let folder else { return }
                settings.directories = [
                    SaveDirectory(id: 0, path: folder, platform: .named("gba"), extensions: ["srm"])
                ]
            }
            let deck = try await Handheld("deck", of: hub)
            try deck.write("Metroid.srm", "x")
            try deck.write("Zelda.srm", "x")
            try await deck.sync(expecting: [.pull: 2])
            try await pocket.sync(expecting: [.push: 2])
            try deck.write("Metroid.srm", content)
            try deck.write("Zelda.srm", "y")
            try await deck.sync(expecting: [.pull: 2])
            return pocket
        }

        private func agreement() async throws -> [String] {
            try await Rows.synced(hub).filter { $0.contains("Metroid") }
        }

        static let big = String(repeating: "big ", count: 64 << 10)

        @Test func `51 a file is too large for the device: that one fails, the old content stands, the rest is done`()
            async throws
        {
            let server = try await OpenSSHServer(.limitingFiles(toKilobytes: 64))
            let pocket = try await prepare(server, content: RefusalTests.big)
            try pocket.write("Pinball.srm", "new")
            let before = try await agreement()
            let report = try await pocket.sync()
            #expect(report.failure == nil && report.status == .failed, "\(report.shown)")
            #expect(report.done == [.push: 1, .pull: 1], "\(report.shown)")
            #expect(pocket.read("Metroid.srm") == "x" && pocket.read("Zelda.srm") == "y")
            #expect(
                pocket.folder.everything() == ["saves"] + ["Metroid", "Pinball", "Zelda"].map { "saves/\($0).srm" })
            #expect(try await agreement() == before)
            // With room again the next run does it.
            let roomy = try await OpenSSHServer()
            try await pocket.edit { $0.port = roomy.port }
            try await pocket.sync(expecting: [.push: 1])
            #expect(pocket.read("Metroid.srm") == RefusalTests.big)
        }

        @Test(.enabled(if: Disk.canMount, "a card of a given size needs root"))
        func `51 the card is full: that one fails and is named, the old content stands, the rest is done`() async throws
        {
            let card = try await Disk(kilobytes: 128)
            let pocket = try await prepare(OpenSSHServer(), content: RefusalTests.big, at: card.path)
            let report = try await pocket.sync()
            #expect(report.failure == nil && report.done == [.push: 1], "\(report.shown)")
            #expect(report.shown.contains("bytes are free on the device"), "\(report.shown)")
            #expect(FileManager.default.contents(atPath: card.path + "/Metroid.srm") == Data("x".utf8))
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: card.path).sorted() == ["Metroid.srm", "Zelda.srm"])
            try await card.resize(kilobytes: 1_024)
            try await pocket.sync(expecting: [.push: 1])
            try await pocket.rerunIsQuiet()
        }

        @Test func `53 the device is read-only: pushes fail, pulls are done, and the next run finishes`() async throws {
            let pocket = try await prepare(OpenSSHServer())
            try pocket.write("Pinball.srm", "new")
            let locked = try await OpenSSHServer(.init(sftpArguments: "-R"))
            let port = try await pocket.device.settings.port
            try await pocket.edit { $0.port = locked.port }
            let before = try await agreement()
            let report = try await pocket.sync()
            #expect(report.failure == nil && report.status == .failed, "\(report.shown)")
            #expect(report.done == [.pull: 1], "\(report.shown)")
            #expect(pocket.read("Metroid.srm") == "x" && pocket.read("Zelda.srm") == "x")
            #expect(try await agreement() == before)
            try await pocket.edit { $0.port = port }
            try await pocket.sync(expecting: [.push: 2])
            #expect(pocket.read("Metroid.srm") == "from the deck")
        }

        @Test func `54 one file refuses to be read: it fails alone, and its agreement stays`() async throws {
            let pocket = try await prepare(OpenSSHServer(.obeyingPermissions))
            let file = pocket.folder("saves/Metroid.srm")
            try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: file)
            let before = try await agreement()
            let report = try await pocket.sync()
            #expect(report.failure == nil && report.status == .failed, "\(report.shown)")
            #expect(report.done == [.push: 1], "\(report.shown)")
            #expect(try await agreement() == before)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
            #expect(pocket.read("Metroid.srm") == "x")
            try await pocket.sync(expecting: [.push: 1])
        }

        @Test func `54 one folder refuses to be written to: what is in it fails alone`() async throws {
            let server = try await OpenSSHServer(.obeyingPermissions)
            let pocket = try await prepare(server)
            // As on a card that was written by another user: readable, and closed to us.
            let folder = pocket.folder("saves")
            try FileManager.default.setAttributes([.posixPermissions: 0o500], ofItemAtPath: folder)
            defer { try? FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder) }
            let before = try await agreement()
            let report = try await pocket.sync()
            #expect(report.failure == nil && report.status == .failed && report.done.isEmpty, "\(report.shown)")
            #expect(pocket.read("Metroid.srm") == "x" && pocket.read("Zelda.srm") == "x")
            #expect(try await agreement() == before)
            try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder)
            try await pocket.sync(expecting: [.push: 2])
        }
    }
}
