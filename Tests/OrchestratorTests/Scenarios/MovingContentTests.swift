import Foundation
import Orchestrator
import Planner
import Store
import Synchronization
import TestSupport
import Testing

extension ScenarioTests {
    /// Saves that change while a run is at them: a gate before the SFTP server plays the game at an exact packet.
    @Suite struct MovingContentTests {
        private func start(_ form: SaveForm) async throws -> (hub: Hub, gate: SFTPGate, pocket: Handheld) {
            let (hub, gate) = (try await Hub(), try SFTPGate())
            return (hub, gate, try await Handheld(of: hub, server: OpenSSHServer(.behind(gate)), form: form))
        }

        /// Appends to every file of a save whenever the first one is read, at most `times` times.
        private func grow(
            _ game: String, on pocket: Handheld, _ gate: SFTPGate, times: Int
        ) -> @Sendable () -> Int {
            let paths = pocket.files(of: game).map { pocket.folder("saves/\($0)") }
            let count = Counter()
            gate.set { packet in
                if packet.request == "read", !packet.isAnswer, packet.path == paths[0], count.value < times {
                    count.increment()
                    for path in paths {
                        guard let handle = FileHandle(forWritingAtPath: path) else { return .pass }
                        handle.seekToEndOfFile()
                        handle.write(Data(" and more".utf8))
                        try? handle.close()
                    }
                }
                return .pass
            }
            return { count.value }
        }

        @Test(arguments: SaveForm.allCases)
        func `44 a file that grows while it is read is read again`(form: SaveForm) async throws {
            let (hub, gate, pocket) = try await start(form)
            try pocket.write(save: "Metroid", "x")
            let grown = grow("Metroid", on: pocket, gate, times: 1)
            try await pocket.sync(expecting: [.pull: 1])
            #expect(grown() == 1)
            #expect(try await hub.contents("Metroid") == ["x and more"])
        }

        @Test(arguments: SaveForm.allCases)
        func `44 a file that keeps growing while it is read is left for the next run, never stored half`(form: SaveForm)
            async throws
        {
            let (hub, gate, pocket) = try await start(form)
            try pocket.write(save: "Metroid", "x")
            try pocket.write(save: "Zelda", "zelda")
            let grown = grow("Metroid", on: pocket, gate, times: .max)
            let report = try await pocket.sync()
            #expect(report.failure == nil && report.done == [.pull: 1], "\(report.shown)")
            #expect(report.shown.contains("keeps changing while it is read"))
            #expect(grown() >= 2)
            #expect(try await hub.content("Metroid") == nil)
            #expect(try await hub.content("Zelda") == "zelda")
            gate.set(nil)
            try await pocket.sync(expecting: [.pull: 1])
            #expect(try await hub.content("Metroid") == pocket.read(save: "Metroid"))
            try await pocket.rerunIsQuiet()
        }

        @Test(arguments: ["changed", "removed", "new"], SaveForm.allCases)
        func `45 the device changes between plan and replace: refused, and planned anew`(_ what: String, form: SaveForm)
            async throws
        {
            let (hub, gate, pocket) = try await start(form)
            try pocket.write(save: "Metroid", "x")
            try pocket.write(save: "Zelda", "z")
            try await pocket.sync(expecting: [.pull: 2])
            let deck = try await Handheld("deck", of: hub, form: form)
            try await deck.sync(expecting: [.push: 2])
            try deck.write(save: "Metroid", "from the deck")
            try deck.write(save: "Zelda", "from the deck too")
            try await deck.sync(expecting: [.pull: 2])
            if what == "new" {
                try pocket.remove(save: "Metroid")
            }
            // The game is played when the new content is about to be written beside it.
            let played = Counter()
            gate.set { packet in
                if packet.request == "write", !packet.isAnswer, played.value == 0 {
                    played.increment()
                    if what == "removed" {
                        try? pocket.remove(save: "Metroid")
                    } else {
                        try? pocket.write(save: "Metroid", "played")
                    }
                }
                return .pass
            }
            let report = try await pocket.sync()
            #expect(played.value == 1)
            #expect(report.failure == nil && report.done == [.push: 1], "\(report.shown)")
            #expect(report.status == .failed)
            #expect(pocket.read(save: "Metroid") == (what == "removed" ? nil : "played"))
            #expect(pocket.read(save: "Zelda") == "from the deck too")
            #expect(pocket.folder.everything().allSatisfy { !$0.contains("saveferry") })
            gate.set(nil)
            // Planned anew from what is there now: a change on both sides, or a change on the server alone.
            try await pocket.sync(expecting: what == "removed" ? [.push: 1] : [.conflict: 1])
            if what != "removed" {
                #expect(pocket.read(save: "Metroid") == "played")
                #expect(Set(try await hub.contents("Metroid")) == ["x", "from the deck", "played"])
            }
            try await pocket.rerunIsQuiet()
        }

        @Test(arguments: SaveForm.allCases)
        func `45 a save that appears after the last look at an empty place stays`(form: SaveForm) async throws {
            let (hub, gate, pocket) = try await start(form)
            let deck = try await Handheld("deck", of: hub, form: form)
            try deck.write(save: "Metroid", "from the deck")
            try await deck.sync(expecting: [.pull: 1])
            let played = Counter()
            gate.set { packet in
                if packet.request == "rename", !packet.isAnswer, played.value == 0 {
                    played.increment()
                    try? pocket.write(save: "Metroid", "played")
                }
                return .pass
            }
            let report = try await pocket.sync()
            #expect(played.value == 1)
            #expect(report.status == .failed && report.done == [:], "\(report.shown)")
            let names = try FileManager.default.contentsOfDirectory(atPath: pocket.folder("saves"))
            #expect(names == [pocket.place(of: "Metroid")])
            #expect(pocket.read(save: "Metroid") == "played")
            gate.set(nil)
            try await pocket.sync(expecting: [.conflict: 1])
            #expect(Set(try await hub.contents("Metroid")) == ["from the deck", "played"])
            try await pocket.rerunIsQuiet()
        }
    }
}

/// Counts from several threads.
final class Counter: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func increment() { count.withLock { $0 += 1 } }
}
