import Foundation
import Orchestrator
import Planner
import Store
import TestSupport
import Testing

extension ScenarioTests {
    /// Conflicts from their discovery to their end, and restores, over a real sshd.
    @Suite struct ConflictTests {
        let hub: Hub
        let pocket: Handheld
        let deck: Handheld

        /// `pocket` and `deck` agreed on "x"; then `deck` brought "from the deck" to the server.
        init() async throws {
            hub = try await Hub()
            pocket = try await Handheld(of: hub)
            try pocket.write("Metroid.srm", "x")
            try await pocket.sync(expecting: [.pull: 1])
            deck = try await Handheld("deck", of: hub, server: pocket.server)
            try await deck.sync(expecting: [.push: 1])
            try deck.write("Metroid.srm", "from the deck")
            try await deck.sync(expecting: [.pull: 1])
        }

        /// `pocket` was played too.
        private func conflict(_ content: String = "from the pocket") async throws -> ConflictSummary {
            try pocket.write("Metroid.srm", content)
            try await pocket.sync(expecting: [.conflict: 1])
            return try #require(try await hub.store.conflicts().first)
        }

        private func isUnresolved(_ number: Int64, keep: ConflictResolution) async throws {
            let error = try await #require(throws: StoreError.self) {
                try await hub.store.resolveConflict(number, keep: keep)
            }
            #expect(error.code == .notFound)
        }

        @Test(arguments: ConflictResolution.allCases)
        func
            `65 the device changed again before the decision was carried out: nothing is replaced, and it is shown anew`(
                _ keep: ConflictResolution
            ) async throws
        {
            let first = try await conflict()
            _ = try await hub.store.resolveConflict(first.id, keep: keep)
            try pocket.write("Metroid.srm", "played on")
            let report = try await pocket.sync()
            #expect(report.failure == nil)
            #expect(pocket.read("Metroid.srm") == "played on")
            let kept = Set(try await hub.contents("Metroid"))
            #expect(kept.isSuperset(of: ["x", "from the deck", "from the pocket", "played on"]))
            let open = try await hub.store.conflicts()
            if keep == .device {
                // The decision was for this device, and it has moved on from what was decided for.
                #expect(report.moved == [.pull: 1] && open.isEmpty, "\(report.shown)")
            } else {
                #expect(report.moved == [.conflict: 1] && open.count == 1, "\(report.shown)")
                #expect(open.first?.id != first.id)
                _ = try await hub.store.resolveConflict(try #require(open.first).id, keep: .server)
                try await pocket.sync(expecting: [.push: 1])
                #expect(pocket.read("Metroid.srm") == "from the deck")
            }
            try await pocket.rerunIsQuiet()
        }

        @Test(arguments: ConflictResolution.allCases)
        func `65 the device changed again before the decision: refused, and shown anew under another number`(
            _ keep: ConflictResolution
        ) async throws {
            let first = try await conflict()
            let second = try await conflict("played on")
            #expect(second.id != first.id && second.device.version > first.device.version)
            try await isUnresolved(first.id, keep: keep)
            #expect(try await hub.store.conflicts() == [second])
            #expect(try await hub.content("Metroid") == "from the deck")
            #expect(pocket.read("Metroid.srm") == "played on")
            #expect(Set(try await hub.contents("Metroid")) == ["x", "from the deck", "from the pocket", "played on"])
        }

        @Test(arguments: ConflictResolution.allCases)
        func `65 the server moved on before the decision: refused, and shown anew under another number`(
            _ keep: ConflictResolution
        ) async throws {
            let first = try await conflict()
            try deck.write("Metroid.srm", "the deck played on")
            try await deck.sync(expecting: [.pull: 1])
            let error = try await #require(throws: StoreError.self) {
                try await hub.store.resolveConflict(first.id, keep: keep)
            }
            #expect(error.code == .changed)
            let open = try await hub.store.conflicts()
            let second = try #require(open.first)
            #expect(open.count == 1 && second.id != first.id && second.server.version > first.server.version)
            #expect(second.device == first.device)
            #expect(error.description.contains("\(second.id)"), "\(error)")
            #expect(try await hub.content("Metroid") == "the deck played on")
            // A rerun changes nothing about it, and the new one can be decided.
            try await pocket.sync(expecting: [.conflict: 1])
            #expect(try await hub.store.conflicts() == [second])
            _ = try await hub.store.resolveConflict(second.id, keep: .server)
            try await pocket.sync(expecting: [.push: 1])
            #expect(pocket.read("Metroid.srm") == "the deck played on")
        }

        @Test func `a conflict whose save is gone on both sides is closed by the next run`() async throws {
            _ = try await conflict()
            try pocket.remove("Metroid.srm")
            try await hub.store.deleteSave(try await hub.save("Metroid").id)
            #expect(try await pocket.sync(expecting: [:]).openConflicts == 0)
            #expect(try await hub.store.conflicts().isEmpty)
            #expect(Set(try await hub.contents("Metroid")) == ["x", "from the deck", "from the pocket"])
            try await pocket.rerunIsQuiet()
        }

        @Test func `a conflict between two that never agreed is closed when both are gone`() async throws {
            try pocket.write("Zelda.srm", "pocket's")
            try await pocket.sync()
            try deck.write("Zelda.srm", "deck's")
            try await deck.sync(expecting: [.conflict: 1])
            try deck.remove("Zelda.srm")
            try await hub.store.deleteSave(try await hub.save("Zelda").id)
            #expect(try await deck.sync(expecting: [:]).openConflicts == 0)
        }

        @Test
        func `a conflict whose save went back to what was agreed on is closed: what the server deleted is not asked`()
            async throws
        {
            _ = try await conflict()
            try pocket.write("Metroid.srm", "x")
            try await hub.store.deleteSave(try await hub.save("Metroid").id)
            #expect(try await pocket.sync(expecting: [.hold: 1]).openConflicts == 0)
            #expect(try await hub.store.sessions(limit: 1).first?.totals.held == 1)
        }

        @Test func `a conflict stays open while the device's side is not known`() async throws {
            let first = try await conflict()
            let saves = pocket.folder("saves")
            try FileManager.default.moveItem(atPath: saves, toPath: pocket.folder("away"))
            #expect(try await pocket.sync().openConflicts == 1)
            try FileManager.default.moveItem(atPath: pocket.folder("away"), toPath: saves)
            try await pocket.sync(expecting: [.conflict: 1])
            #expect(try await hub.store.conflicts() == [first])
        }

        @Test func `a run with an open conflict writes nothing but its own record`() async throws {
            _ = try await conflict()
            func versions() async throws -> String {
                let rows = try await Command.run(
                    "sqlite3",
                    [
                        "-readonly", hub.folder("state/saveferry.db"),
                        "SELECT * FROM save_versions; SELECT * FROM conflicts",
                    ])
                return rows.output
            }
            let before = try await versions()
            hub.clock.advance(seconds: 100)
            try await pocket.sync(expecting: [.conflict: 1])
            #expect(try await versions() == before && !before.isEmpty)
        }

        @Test func `65 the save was deleted before the decision: refused`() async throws {
            let first = try await conflict()
            try await hub.store.deleteSave(first.save)
            let error = try await #require(throws: StoreError.self) {
                try await hub.store.resolveConflict(first.id, keep: .server)
            }
            #expect(error.code == .changed)
            // What the device has lives again, and the sides agree.
            try await pocket.sync(expecting: [.pull: 1])
            #expect(try await hub.content("Metroid") == "from the pocket")
            #expect(try await hub.store.conflicts().isEmpty)
        }

        @Test func `kept is the device's: it is current, and the others get it`() async throws {
            _ = try await hub.store.resolveConflict(try await conflict().id, keep: .device)
            try await pocket.sync(expecting: [:])
            try await deck.sync(expecting: [.push: 1])
            #expect(deck.read("Metroid.srm") == "from the pocket")
            try await pocket.rerunIsQuiet()
        }

        @Test func `kept is the server's: the device gets it, and its own is in the history`() async throws {
            _ = try await hub.store.resolveConflict(try await conflict().id, keep: .server)
            try await pocket.sync(expecting: [.push: 1])
            #expect(pocket.read("Metroid.srm") == "from the deck")
            #expect(try await hub.contents("Metroid").contains("from the pocket"))
            try await pocket.rerunIsQuiet()
        }

        @Test func `kept are both: the device's is a slot of its own, and the server's goes to the device`()
            async throws
        {
            _ = try await hub.store.resolveConflict(try await conflict().id, keep: .both)
            try await pocket.sync(expecting: [.push: 1])
            #expect(pocket.read("Metroid.srm") == "from the deck")
            let slots = try await hub.store.saves().filter { $0.identity.game == "Metroid" }.map(\.identity.slot)
            #expect(slots.sorted() == ["main", "main-pocket"])
            try await pocket.rerunIsQuiet()
        }

        @Test func `66 a restored version goes to the devices, and one that diverged is a conflict`() async throws {
            try await pocket.sync(expecting: [.push: 1])
            let restored = try await hub.store.restore(save: try await hub.save("Metroid"), version: 1)
            #expect(restored.number == 3 && restored.isCurrent)
            #expect(try await hub.contents("Metroid") == ["x", "from the deck", "x"])
            // One device gets it; the other was played meanwhile.
            try deck.write("Metroid.srm", "diverged")
            try await pocket.sync(expecting: [.push: 1])
            #expect(pocket.read("Metroid.srm") == "x")
            try await deck.sync(expecting: [.conflict: 1])
            #expect(deck.read("Metroid.srm") == "diverged")
            #expect(try await hub.content("Metroid") == "x")
            #expect(try await hub.contents("Metroid").contains("diverged"))
            try await pocket.rerunIsQuiet()
            try await deck.rerunIsQuiet()
        }
    }
}
