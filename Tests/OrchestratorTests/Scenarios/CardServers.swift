import Foundation
import Orchestrator
import Planner
import Store
import Synchronization
import TestSupport
import Testing

extension ScenarioTests {
    /// Cards with file systems of their own; `make servers` runs them.
    @Suite(
        .enabled(if: ProcessInfo.processInfo.environment["SAVEFERRY_SERVERS"] == "1", "SAVEFERRY_SERVERS is not 1"),
        .enabled(if: ExFATCard.obstacle == nil, "\(ExFATCard.obstacle ?? "")"))
    struct CardServers {
        @Test func `names that exFAT has not fail alone and are told, and their content is not sent`() async throws {
            let hub = try await Hub()
            let gate = try SFTPGate()
            let written = Mutex<[String]>([])
            gate.set { packet in
                if packet.request == "write", !packet.isAnswer { written.withLock { $0.append(packet.path) } }
                return .pass
            }
            var options = OpenSSHServer.Options()
            options.sftpCommand = gate.command
            let card = try await ExFATCard()
            do {
                try FileManager.default.createDirectory(atPath: card.path + "/psp", withIntermediateDirectories: true)
                let directories = { (root: String) in
                    [
                        SaveDirectory(id: 0, path: root, platform: .named("gba"), extensions: ["srm"]),
                        SaveDirectory(id: 0, path: root + "/psp", platform: .named("psp"), layout: .folders),
                    ]
                }
                let pocket = try await Handheld(of: hub, server: OpenSSHServer(options)) { settings, _ in
                    settings.directories = directories(card.path)
                }
                let deck = try await Handheld("deck", of: hub) { settings, folder in
                    settings.directories = directories(folder("saves"))
                }
                try deck.write("Game: Sub.srm", String(repeating: "8 MiB...", count: 1 << 20))
                try deck.write("psp/ULUS1/A.bin", "a")
                try deck.write("psp/ULUS1/why?.bin", "b")
                try await deck.sync(expecting: [.pull: 2])
                for _ in 1...2 {
                    let report = try await pocket.sync()
                    #expect(report.failure == nil && report.status == .failed && report.done.isEmpty, "\(report.shown)")
                    #expect(
                        report.shown.contains("can't hold the name Game: Sub.srm: it takes no :"), "\(report.shown)")
                    #expect(report.shown.contains("can't hold the name why?.bin: it takes no ?"), "\(report.shown)")
                }
                #expect(written.withLock { $0 } == [])
                #expect(try FileManager.default.subpathsOfDirectory(atPath: card.path) == ["psp"])
                // With a name that it has, the same save goes there.
                try deck.rename("Game: Sub.srm", to: "Game - Sub.srm")
                try await deck.sync(expecting: [.pull: 1])
                #expect(try await pocket.sync().done == [.push: 1])
                #expect(FileManager.default.fileExists(atPath: card.path + "/Game - Sub.srm"))
            } catch {
                try await card.remove()
                throw error
            }
            try await card.remove()
        }
    }
}
