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
        let hub: Hub
        let gate: SFTPGate
        let pocket: Handheld

        init() async throws {
            hub = try await Hub()
            gate = try SFTPGate()
            pocket = try await Handheld(of: hub, server: OpenSSHServer(.behind(gate)))
        }

        /// Appends to a save whenever it is read, at most `times` times.
        private func grow(_ file: String, times: Int) -> @Sendable () -> Int {
            let path = pocket.folder("saves/\(file)")
            let count = Counter()
            gate.set { packet in
                if packet.request == "read", !packet.isAnswer, packet.path == path, count.value < times {
                    count.increment()
                    guard let handle = FileHandle(forWritingAtPath: path) else { return .pass }
                    handle.seekToEndOfFile()
                    handle.write(Data(" and more".utf8))
                    try? handle.close()
                }
                return .pass
            }
            return { count.value }
        }

        @Test func `44 a file that grows while it is read is read again`() async throws {
            try pocket.write("Metroid.srm", "x")
            let grown = grow("Metroid.srm", times: 1)
            try await pocket.sync(expecting: [.pull: 1])
            #expect(grown() == 1)
            #expect(try await hub.contents("Metroid") == ["x and more"])
        }

        @Test func `44 a file that keeps growing while it is read is left for the next run, never stored half`()
            async throws
        {
            try pocket.write("Metroid.srm", "x")
            try pocket.write("Zelda.srm", "zelda")
            let grown = grow("Metroid.srm", times: .max)
            let report = try await pocket.sync()
            #expect(report.failure == nil && report.done == [.pull: 1], "\(report.shown)")
            #expect(report.shown.contains("keeps changing while it is read"))
            #expect(grown() >= 2)
            #expect(try await hub.content("Metroid") == nil)
            #expect(try await hub.content("Zelda") == "zelda")
            gate.set(nil)
            try await pocket.sync(expecting: [.pull: 1])
            #expect(try await hub.content("Metroid") == pocket.read("Metroid.srm"))
            try await pocket.rerunIsQuiet()
        }

        @Test(arguments: ["changed", "removed", "new"])
        func `45 the device changes between plan and replace: refused, and planned anew`(_ what: String) async throws {
            try pocket.write("Metroid.srm", "x")
            try pocket.write("Zelda.srm", "z")
            try await pocket.sync(expecting: [.pull: 2])
            let deck = try await Handheld("deck", of: hub)
            try await deck.sync(expecting: [.push: 2])
            try deck.write("Metroid.srm", "from the deck")
            try deck.write("Zelda.srm", "from the deck too")
            try await deck.sync(expecting: [.pull: 2])
            if what == "new" {
                try pocket.remove("Metroid.srm")
            }
            // The game is played when the new content is about to be written beside it.
            let path = pocket.folder("saves/Metroid.srm")
            let played = Counter()
            gate.set { packet in
                if packet.request == "write", !packet.isAnswer, played.value == 0 {
                    played.increment()
                    if what == "removed" {
                        unlink(path)
                    } else {
                        _ = FileManager.default.createFile(atPath: path, contents: Data("played".utf8))
                    }
                }
                return .pass
            }
            let report = try await pocket.sync()
            #expect(played.value == 1)
            #expect(report.failure == nil && report.done == [.push: 1], "\(report.shown)")
            #expect(report.status == .failed)
            #expect(pocket.read("Metroid.srm") == (what == "removed" ? nil : "played"))
            #expect(pocket.read("Zelda.srm") == "from the deck too")
            #expect(pocket.folder.everything().allSatisfy { !$0.contains("saveferry") })
            gate.set(nil)
            // Planned anew from what is there now: a change on both sides, or a change on the server alone.
            try await pocket.sync(expecting: what == "removed" ? [.push: 1] : [.conflict: 1])
            if what != "removed" {
                #expect(pocket.read("Metroid.srm") == "played")
                #expect(Set(try await hub.contents("Metroid")) == ["x", "from the deck", "played"])
            }
            try await pocket.rerunIsQuiet()
        }

        @Test func `45 a save that appears after the last look at an empty place stays`() async throws {
            let deck = try await Handheld("deck", of: hub)
            try deck.write("Metroid.srm", "from the deck")
            try await deck.sync(expecting: [.pull: 1])
            let path = pocket.folder("saves/Metroid.srm")
            let played = Counter()
            gate.set { packet in
                if packet.request == "rename", !packet.isAnswer, played.value == 0 {
                    played.increment()
                    _ = FileManager.default.createFile(atPath: path, contents: Data("played".utf8))
                }
                return .pass
            }
            let report = try await pocket.sync()
            #expect(played.value == 1)
            #expect(report.status == .failed && report.done == [:], "\(report.shown)")
            #expect(pocket.folder.everything() == ["saves", "saves/Metroid.srm"])
            #expect(pocket.read("Metroid.srm") == "played")
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
