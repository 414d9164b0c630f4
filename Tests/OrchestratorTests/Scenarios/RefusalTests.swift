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
        private func prepare(
            _ server: OpenSSHServer, _ form: SaveForm, content: String = "from the deck", at folder: String? = nil
        ) async throws -> Handheld {
            let pocket = try await Handheld(of: hub, server: server, form: form) { settings, _ in
                if let folder { settings.directories = [form.directory(folder)] }
            }
            let deck = try await Handheld("deck", of: hub, form: form)
            try deck.write(save: "Metroid", "x")
            try deck.write(save: "Zelda", "x")
            try await deck.sync(expecting: [.pull: 2])
            try await pocket.sync(expecting: [.push: 2])
            if form == .folder, folder == nil {
                for game in ["Metroid", "Zelda"] { try pocket.addForeignEntries(to: game) }
            }
            try deck.write(save: "Metroid", content)
            try deck.write(save: "Zelda", "y")
            try await deck.sync(expecting: [.pull: 2])
            return pocket
        }

        private func agreement() async throws -> [String] {
            try await Rows.synced(hub).filter { $0.contains("Metroid") }
        }

        static let big = String(repeating: "big ", count: 64 << 10)

        @Test(arguments: SaveForm.allCases)
        func `51 a file is too large for the device: that one fails, the old content stands, the rest is done`(
            form: SaveForm
        ) async throws {
            let server = try await OpenSSHServer(.limitingFiles(toKilobytes: 64))
            let pocket = try await prepare(server, form, content: RefusalTests.big)
            try pocket.write(save: "Pinball", "new")
            let before = try await agreement()
            let report = try await pocket.sync()
            #expect(report.failure == nil && report.status == .failed, "\(report.shown)")
            #expect(report.done == [.push: 1, .pull: 1], "\(report.shown)")
            #expect(pocket.read(save: "Metroid") == "x" && pocket.read(save: "Zelda") == "y")
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: pocket.folder("saves")).sorted()
                    == ["Metroid", "Pinball", "Zelda"].map(pocket.place))
            #expect(try await agreement() == before)
            // With room again the next run does it.
            let roomy = try await OpenSSHServer()
            try await pocket.edit { $0.port = roomy.port }
            try await pocket.sync(expecting: [.push: 1])
            #expect(pocket.read(save: "Metroid") == RefusalTests.big)
        }

        @Test(.enabled(if: Disk.canMount, "a card of a given size needs root"), arguments: SaveForm.allCases)
        func `51 the card is full: that one fails and is named, the old content stands, the rest is done`(
            form: SaveForm
        ) async throws {
            let card = try await Disk(kilobytes: 128)
            let pocket = try await prepare(OpenSSHServer(), form, content: RefusalTests.big, at: card.path)
            let report = try await pocket.sync()
            #expect(report.failure == nil && report.done == [.push: 1], "\(report.shown)")
            #expect(report.shown.contains("bytes are free on the device"), "\(report.shown)")
            for file in pocket.files(of: "Metroid") {
                #expect(FileManager.default.contents(atPath: "\(card.path)/\(file)") == Data("x".utf8))
            }
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: card.path).sorted()
                    == ["Metroid", "Zelda"].map(pocket.place))
            try await card.resize(kilobytes: 1_024)
            try await pocket.sync(expecting: [.push: 1])
            try await pocket.rerunIsQuiet()
        }

        @Test(arguments: SaveForm.allCases)
        func `53 the device is read-only: pushes fail, pulls are done, and the next run finishes`(form: SaveForm)
            async throws
        {
            let pocket = try await prepare(OpenSSHServer(), form)
            try pocket.write(save: "Pinball", "new")
            let locked = try await OpenSSHServer(.init(sftpArguments: "-R"))
            let port = try await pocket.device.settings.port
            try await pocket.edit { $0.port = locked.port }
            let before = try await agreement()
            let report = try await pocket.sync()
            #expect(report.failure == nil && report.status == .failed, "\(report.shown)")
            #expect(report.done == [.pull: 1], "\(report.shown)")
            #expect(pocket.read(save: "Metroid") == "x" && pocket.read(save: "Zelda") == "x")
            #expect(try await agreement() == before)
            try await pocket.edit { $0.port = port }
            try await pocket.sync(expecting: [.push: 2])
            #expect(pocket.read(save: "Metroid") == "from the deck")
        }

        @Test(arguments: SaveForm.allCases)
        func `54 one file refuses to be read: it fails alone, and its agreement stays`(form: SaveForm) async throws {
            let pocket = try await prepare(OpenSSHServer(.obeyingPermissions), form)
            let file = pocket.folder("saves/\(pocket.files(of: "Metroid")[0])")
            try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: file)
            let before = try await agreement()
            let report = try await pocket.sync()
            #expect(report.failure == nil && report.status == .failed, "\(report.shown)")
            #expect(report.done == [.push: 1], "\(report.shown)")
            #expect(try await agreement() == before)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
            #expect(pocket.read(save: "Metroid") == "x")
            try await pocket.sync(expecting: [.push: 1])
        }

        @Test(arguments: SaveForm.allCases)
        func `54 one folder refuses to be written to: what is in it fails alone`(form: SaveForm) async throws {
            let server = try await OpenSSHServer(.obeyingPermissions)
            let pocket = try await prepare(server, form)
            // As on a card that was written by another user: readable, and closed to us.
            let folder = pocket.folder("saves")
            try FileManager.default.setAttributes([.posixPermissions: 0o500], ofItemAtPath: folder)
            defer { try? FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder) }
            let before = try await agreement()
            let report = try await pocket.sync()
            #expect(report.failure == nil && report.status == .failed && report.done.isEmpty, "\(report.shown)")
            #expect(pocket.read(save: "Metroid") == "x" && pocket.read(save: "Zelda") == "x")
            #expect(try await agreement() == before)
            try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder)
            try await pocket.sync(expecting: [.push: 2])
        }
    }
}
