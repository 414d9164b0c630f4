import Foundation
import Orchestrator
import Planner
import Store
import Synchronization
import TestSupport
import Testing

/// Real cards in a handheld. `make servers` runs it.
@Suite(
    .enabled(if: ProcessInfo.processInfo.environment["SAVEFERRY_SERVERS"] != nil, "SAVEFERRY_SERVERS is not set"),
    .enabled(if: ExFATCard.absence == nil, "\(ExFATCard.absence ?? "")"))
struct CardServersTests {
    @Test func `a swapped exFAT card, whose file system has no number, is told by its size`() async throws {
        let hub = try await Hub()
        let pocket = try await Handheld(of: hub)
        let slot = pocket.folder("saves")
        let first = try await ExFATCard(megabytes: 64)
        let second = try await ExFATCard(megabytes: 128)
        try await first.inserted(at: slot) {
            for number in 1...8 { try pocket.write("Game \(number).srm", "far along \(number)") }
            try await pocket.sync(expecting: [.pull: 8])
            try await pocket.rerunIsQuiet()
        }
        try await second.inserted(at: slot) {
            for number in 1...8 { try pocket.write("Game \(number).srm", "just begun \(number)") }
            let report = try await pocket.sync()
            #expect(report.plan?.halts.map(\.override) == ["--allow card-changed"], "\(report.shown)")
            #expect(report.moved.isEmpty)
            #expect(try await hub.content("Game 3") == "far along 3")
        }
        try await first.inserted(at: slot) { try await pocket.rerunIsQuiet() }
        try await second.inserted(at: slot) {
            #expect(try await pocket.sync(allowing: [.cardChanged]).moved == [.pull: 8])
            try await pocket.rerunIsQuiet()
        }
    }

    @Test func `names that exFAT has not fail alone and are told, and their content is not sent`() async throws {
        let hub = try await Hub()
        let gate = try SFTPGate()
        let written = Mutex<[String]>([])
        gate.set { packet in
            if packet.request == "write", !packet.isAnswer { written.withLock { $0.append(packet.path) } }
            return .pass
        }
        func directories(_ settings: inout DeviceSettings, _ folder: TemporaryFolder) {
            settings.directories = [
                SaveDirectory(id: 0, path: folder("saves"), platform: .named("gba"), extensions: ["srm"]),
                SaveDirectory(id: 0, path: folder("saves/psp"), platform: .named("psp"), layout: .folders),
            ]
        }
        let pocket = try await Handheld(of: hub, server: OpenSSHServer(.behind(gate)), configure: directories)
        let deck = try await Handheld("deck", of: hub, configure: directories)
        try deck.write("Game: Sub.srm", String(repeating: "8 MiB...", count: 1 << 20))
        try deck.write("psp/ULUS1/A.bin", "a")
        try deck.write("psp/ULUS1/why?.bin", "b")
        try await deck.sync(expecting: [.pull: 2])
        try await ExFATCard(megabytes: 64).inserted(at: pocket.folder("saves")) {
            let card = pocket.folder("saves")
            try FileManager.default.createDirectory(atPath: card + "/psp", withIntermediateDirectories: false)
            for _ in 1...2 {
                let report = try await pocket.sync()
                #expect(report.failure == nil && report.status == .failed && report.done.isEmpty, "\(report.shown)")
                #expect(
                    report.shown.contains("can't hold the name Game: Sub.srm, because of the character :"),
                    "\(report.shown)")
                #expect(
                    report.shown.contains("can't hold the name why?.bin, because of the character ?"), "\(report.shown)"
                )
            }
            #expect(written.withLock { $0 } == [])
            #expect(try FileManager.default.subpathsOfDirectory(atPath: card) == ["psp"])
            // With a name that it has, the same save goes there.
            try deck.rename("Game: Sub.srm", to: "Game - Sub.srm")
            try await deck.sync(expecting: [.pull: 1])
            #expect(try await pocket.sync().done == [.push: 1])
            #expect(FileManager.default.fileExists(atPath: card + "/Game - Sub.srm"))
        }
    }
}
