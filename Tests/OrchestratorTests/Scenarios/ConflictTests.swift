import Foundation
import Orchestrator
import Planner
import Store
import TestSupport
import Testing

extension ScenarioTests {
    /// Conflicts from their discovery to their end, and restores, over a real sshd.
    @Suite struct ConflictTests {
        /// `pocket` and `deck` agreed on "x"; then `deck` brought "from the deck" to the server.
        private func start(_ form: SaveForm) async throws -> (hub: Hub, pocket: Handheld, deck: Handheld) {
            let hub = try await Hub()
            let pocket = try await Handheld(of: hub, form: form)
            try pocket.write(save: "Metroid", "x")
            try await pocket.sync(expecting: [.pull: 1])
            let deck = try await Handheld("deck", of: hub, server: pocket.server, form: form)
            try await deck.sync(expecting: [.push: 1])
            try deck.write(save: "Metroid", "from the deck")
            try await deck.sync(expecting: [.pull: 1])
            return (hub, pocket, deck)
        }

        /// `pocket` was played too.
        private func conflict(_ content: String = "from the pocket", on pocket: Handheld) async throws
            -> ConflictSummary
        {
            try pocket.write(save: "Metroid", content)
            try await pocket.sync(expecting: [.conflict: 1])
            return try #require(try await pocket.hub.store.conflicts().first)
        }

        private func isUnresolved(_ number: Int64, keep: ConflictResolution, in hub: Hub) async throws {
            let error = try await #require(throws: StoreError.self) {
                try await hub.store.resolveConflict(number, keep: keep)
            }
            #expect(error.code == .notFound)
        }

        @Test(arguments: ConflictResolution.allCases, SaveForm.allCases)
        func
            `65 the device changed again before the decision was carried out: nothing is replaced, and it is shown anew`(
                _ keep: ConflictResolution, form: SaveForm
            ) async throws
        {
            let (hub, pocket, _) = try await start(form)
            let first = try await conflict(on: pocket)
            _ = try await hub.store.resolveConflict(first.id, keep: keep)
            try pocket.write(save: "Metroid", "played on")
            let report = try await pocket.sync()
            #expect(report.failure == nil)
            #expect(pocket.read(save: "Metroid") == "played on")
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
                #expect(pocket.read(save: "Metroid") == "from the deck")
            }
            try await pocket.rerunIsQuiet()
        }

        @Test(arguments: ConflictResolution.allCases, SaveForm.allCases)
        func `65 the device changed again before the decision: refused, and shown anew under another number`(
            _ keep: ConflictResolution, form: SaveForm
        ) async throws {
            let (hub, pocket, _) = try await start(form)
            let first = try await conflict(on: pocket)
            let second = try await conflict("played on", on: pocket)
            #expect(second.id != first.id && second.device.version > first.device.version)
            try await isUnresolved(first.id, keep: keep, in: hub)
            #expect(try await hub.store.conflicts() == [second])
            #expect(try await hub.content("Metroid") == "from the deck")
            #expect(pocket.read(save: "Metroid") == "played on")
            #expect(Set(try await hub.contents("Metroid")) == ["x", "from the deck", "from the pocket", "played on"])
        }

        @Test(arguments: ConflictResolution.allCases, SaveForm.allCases)
        func `65 the server moved on before the decision: refused, and shown anew under another number`(
            _ keep: ConflictResolution, form: SaveForm
        ) async throws {
            let (hub, pocket, deck) = try await start(form)
            let first = try await conflict(on: pocket)
            try deck.write(save: "Metroid", "the deck played on")
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
            #expect(pocket.read(save: "Metroid") == "the deck played on")
        }

        @Test(arguments: SaveForm.allCases)
        func `a conflict whose save is gone on both sides is closed by the next run`(form: SaveForm) async throws {
            let (hub, pocket, _) = try await start(form)
            _ = try await conflict(on: pocket)
            try pocket.remove(save: "Metroid")
            try await hub.store.deleteSave(try await hub.save("Metroid").id)
            #expect(try await pocket.sync(expecting: [:]).openConflicts == 0)
            #expect(try await hub.store.conflicts().isEmpty)
            #expect(Set(try await hub.contents("Metroid")) == ["x", "from the deck", "from the pocket"])
            try await pocket.rerunIsQuiet()
        }

        @Test
        func `a conflict between two that never agreed is closed when both are gone`() async throws {
            let (hub, pocket, deck) = try await start(.file)
            try pocket.write(save: "Zelda", "pocket's")
            try await pocket.sync()
            try deck.write(save: "Zelda", "deck's")
            try await deck.sync(expecting: [.conflict: 1])
            try deck.remove(save: "Zelda")
            try await hub.store.deleteSave(try await hub.save("Zelda").id)
            #expect(try await deck.sync(expecting: [:]).openConflicts == 0)
        }

        @Test
        func `a conflict whose save went back to what was agreed on is closed: what the server deleted is not asked`()
            async throws
        {
            let (hub, pocket, _) = try await start(.file)
            _ = try await conflict(on: pocket)
            try pocket.write(save: "Metroid", "x")
            try await hub.store.deleteSave(try await hub.save("Metroid").id)
            #expect(try await pocket.sync(expecting: [.hold: 1]).openConflicts == 0)
            #expect(try await hub.store.sessions(limit: 1).first?.totals.held == 1)
        }

        @Test
        func `a conflict stays open while the device's side is not known`() async throws {
            let (hub, pocket, _) = try await start(.file)
            let first = try await conflict(on: pocket)
            let saves = pocket.folder("saves")
            try FileManager.default.moveItem(atPath: saves, toPath: pocket.folder("away"))
            #expect(try await pocket.sync().openConflicts == 1)
            try FileManager.default.moveItem(atPath: pocket.folder("away"), toPath: saves)
            try await pocket.sync(expecting: [.conflict: 1])
            #expect(try await hub.store.conflicts() == [first])
        }

        @Test
        func `a run with an open conflict writes nothing but its own record`() async throws {
            let (hub, pocket, _) = try await start(.file)
            _ = try await conflict(on: pocket)
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

        @Test(arguments: SaveForm.allCases)
        func `65 the save was deleted before the decision: refused`(form: SaveForm) async throws {
            let (hub, pocket, _) = try await start(form)
            let first = try await conflict(on: pocket)
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

        @Test(arguments: SaveForm.allCases)
        func `kept is the device's: it is current, and the others get it`(form: SaveForm) async throws {
            let (hub, pocket, deck) = try await start(form)
            _ = try await hub.store.resolveConflict(try await conflict(on: pocket).id, keep: .device)
            try await pocket.sync(expecting: [:])
            try await deck.sync(expecting: [.push: 1])
            #expect(deck.read(save: "Metroid") == "from the pocket")
            try await pocket.rerunIsQuiet()
        }

        @Test(arguments: SaveForm.allCases)
        func `kept is the server's: the device gets it, and its own is in the history`(form: SaveForm) async throws {
            let (hub, pocket, _) = try await start(form)
            _ = try await hub.store.resolveConflict(try await conflict(on: pocket).id, keep: .server)
            try await pocket.sync(expecting: [.push: 1])
            #expect(pocket.read(save: "Metroid") == "from the deck")
            #expect(try await hub.contents("Metroid").contains("from the pocket"))
            try await pocket.rerunIsQuiet()
        }

        @Test(arguments: SaveForm.allCases)
        func `kept are both: the device's is a slot of its own, and the server's goes to the device`(form: SaveForm)
            async throws
        {
            let (hub, pocket, _) = try await start(form)
            _ = try await hub.store.resolveConflict(try await conflict(on: pocket).id, keep: .both)
            try await pocket.sync(expecting: [.push: 1])
            #expect(pocket.read(save: "Metroid") == "from the deck")
            let slots = try await hub.store.saves().filter { $0.identity.game == "Metroid" }.map(\.identity.slot)
            #expect(slots.sorted() == ["main", "main-pocket"])
            try await pocket.rerunIsQuiet()
        }

        @Test(arguments: SaveForm.allCases)
        func `66 a restored version goes to the devices, and one that diverged is a conflict`(form: SaveForm)
            async throws
        {
            let (hub, pocket, deck) = try await start(form)
            try await pocket.sync(expecting: [.push: 1])
            let restored = try await hub.store.restore(save: try await hub.save("Metroid"), version: 1)
            #expect(restored.number == 3 && restored.isCurrent)
            #expect(try await hub.contents("Metroid") == ["x", "from the deck", "x"])
            // One device gets it; the other was played meanwhile.
            try deck.write(save: "Metroid", "diverged")
            try await pocket.sync(expecting: [.push: 1])
            #expect(pocket.read(save: "Metroid") == "x")
            try await deck.sync(expecting: [.conflict: 1])
            #expect(deck.read(save: "Metroid") == "diverged")
            #expect(try await hub.content("Metroid") == "x")
            #expect(try await hub.contents("Metroid").contains("diverged"))
            try await pocket.rerunIsQuiet()
            try await deck.rerunIsQuiet()
        }
    }
}
