import Foundation
import Planner
import Store
import TestSupport
import Testing

extension ScenarioTests {
    /// What comes of each combination of contents on the device, on the server and in the baseline, over a real sshd.
    @Suite struct DecisionTests {
        /// The device holds x, the server has pulled it, and its stamp is settled.
        private func inStep(_ form: SaveForm) async throws -> (hub: Hub, pocket: Handheld) {
            let hub = try await Hub()
            let pocket = try await Handheld(of: hub, form: form)
            try pocket.write(save: "Metroid", "x")
            try await pocket.sync(expecting: [.pull: 1])
            hub.clock.advance(seconds: 10)
            try await pocket.sync(expecting: [:])
            return (hub, pocket)
        }

        /// The server's current content becomes `text`, by way of another handheld like this one.
        private func putOnServer(_ text: String, like pocket: Handheld) async throws {
            let other = try await Handheld(
                "other\(Int.random(in: 0..<1_000_000))", of: pocket.hub, server: pocket.server, form: pocket.form)
            _ = try await other.sync()
            try other.write(save: "Metroid", text)
            try await other.sync(expecting: [.pull: 1])
        }

        @Test(arguments: SaveForm.allCases)
        func `1 unchanged on both sides: nothing is read, moved or rewritten`(form: SaveForm) async throws {
            let (hub, pocket) = try await inStep(form)
            let (before, device) = (try await Rows.synced(hub), try pocket.snapshot())
            let report = try await pocket.sync(expecting: [:])
            #expect(report.plan?.operations.filter { !$0.namesForeignEntry }.map(\.action) == [.noOp])
            #expect(try await Rows.synced(hub) == before)
            #expect(try await hub.contents("Metroid") == ["x"])
            #expect(try pocket.snapshot() == device)
        }

        @Test(arguments: SaveForm.allCases)
        func `2 changed on the device: pulled, and the old content stays in the history`(form: SaveForm) async throws {
            let (hub, pocket) = try await inStep(form)
            try pocket.write(save: "Metroid", "y")
            try await pocket.sync(expecting: [.pull: 1])
            #expect(try await hub.contents("Metroid") == ["y", "x"])
            try await pocket.rerunIsQuiet()
        }

        @Test(arguments: SaveForm.allCases)
        func `3 changed on the server: pushed, and the old content is in the history`(form: SaveForm) async throws {
            let (hub, pocket) = try await inStep(form)
            try await putOnServer("y", like: pocket)
            try await pocket.sync(expecting: [.push: 1])
            #expect(pocket.read(save: "Metroid") == "y")
            #expect(try await hub.contents("Metroid") == ["y", "x"])
            try await pocket.rerunIsQuiet()
        }

        @Test(arguments: SaveForm.allCases)
        func `4 changed on both sides: one conflict, both contents kept, neither side touched`(form: SaveForm)
            async throws
        {
            let (hub, pocket) = try await inStep(form)
            try await putOnServer("z", like: pocket)
            try pocket.write(save: "Metroid", "y")
            for _ in 0..<3 {
                try await pocket.sync(expecting: [.conflict: 1])
                #expect(pocket.read(save: "Metroid") == "y")
                #expect(try await hub.content("Metroid") == "z")
                #expect(try await hub.contents("Metroid").sorted() == ["x", "y", "z"])
                #expect(try await hub.store.conflicts().count == 1)
            }
        }

        @Test(arguments: SaveForm.allCases)
        func `5 changed to the same on both sides: adopted without a transfer`(form: SaveForm) async throws {
            let (hub, pocket) = try await inStep(form)
            try await putOnServer("y", like: pocket)
            try pocket.write(save: "Metroid", "y")
            try await pocket.sync(expecting: [:])
            #expect(try await hub.contents("Metroid") == ["y", "x"])
            // The agreement is y now: a change by the server alone is a push, not a conflict.
            try await putOnServer("z", like: pocket)
            try await pocket.sync(expecting: [.push: 1])
        }

        @Test(arguments: SaveForm.allCases)
        func `6 new on the device: pulled`(form: SaveForm) async throws {
            let (hub, pocket) = try await inStep(form)
            try pocket.write(save: "Zelda", "new")
            try await pocket.sync(expecting: [.pull: 1])
            #expect(try await hub.content("Zelda") == "new")
            try await pocket.rerunIsQuiet()
        }

        @Test(arguments: SaveForm.allCases)
        func `7 new on the server: pushed only where the directory takes new saves`(form: SaveForm) async throws {
            let (hub, pocket) = try await inStep(form)
            let taking = try await Handheld("taking", of: hub, server: pocket.server, form: form)
            let refusing = try await Handheld("refusing", of: hub, server: pocket.server, form: form) {
                settings, folder in
                settings.directories = [
                    SaveDirectory(id: 0, path: folder("saves"), platform: .named("gba"), acceptsNew: false)
                ]
            }
            try await taking.sync(expecting: [.push: 1])
            #expect(taking.read(save: "Metroid") == "x")
            try await refusing.sync(expecting: [:])
            #expect(refusing.read(save: "Metroid") == nil)
            try await taking.rerunIsQuiet()
        }

        @Test(arguments: SaveForm.allCases)
        func `8 different on both sides and never synced: conflict`(form: SaveForm) async throws {
            let (hub, pocket) = try await inStep(form)
            let other = try await Handheld("other", of: hub, server: pocket.server, form: form)
            try other.write(save: "Metroid", "y", time: 2_000_000_000)
            try await other.sync(expecting: [.conflict: 1])
            #expect(other.read(save: "Metroid") == "y")
            #expect(try await hub.content("Metroid") == "x")
            #expect(try await hub.contents("Metroid").sorted() == ["x", "y"])
        }

        @Test(arguments: SaveForm.allCases)
        func `9 equal on both sides and never synced: adopted`(form: SaveForm) async throws {
            let (hub, pocket) = try await inStep(form)
            let other = try await Handheld("other", of: hub, server: pocket.server, form: form)
            try other.write(save: "Metroid", "x")
            try await other.sync(expecting: [:])
            #expect(try await hub.contents("Metroid") == ["x"])
            try other.write(save: "Metroid", "y")
            try await other.sync(expecting: [.pull: 1])
        }

        @Test(arguments: SaveForm.allCases)
        func `10 deleted on the device: kept on the server and not put back`(form: SaveForm) async throws {
            let (hub, pocket) = try await inStep(form)
            try pocket.write("other.txt", "-")
            try pocket.remove(save: "Metroid")
            for _ in 0..<2 {
                let report = try await pocket.sync(expecting: [:])
                #expect(
                    report.plan?.operations.first { $0.identity != nil }?.reason.hasPrefix("deleted on device") == true)
                #expect(pocket.read(save: "Metroid") == nil)
                #expect(try await hub.content("Metroid") == "x")
            }
        }

        @Test(arguments: SaveForm.allCases)
        func `11 deleted on the server: held, and removed only where deletions propagate`(form: SaveForm) async throws {
            let (hub, pocket) = try await inStep(form)
            try await hub.store.deleteSave(try await hub.save("Metroid").id)
            try await pocket.sync(expecting: [.hold: 1])
            #expect(pocket.read(save: "Metroid") == "x")
            try await pocket.edit { $0.deletionPolicy = .propagate }
            if form == .folder {
                // As long as it has what no version holds, it stays whatever the user wants.
                try await pocket.sync(expecting: [.hold: 1])
                #expect(pocket.read(save: "Metroid") == "x")
                try pocket.removeForeignEntries(from: "Metroid")
            }
            try await pocket.sync(expecting: [.remove: 1])
            #expect(pocket.read(save: "Metroid") == nil)
            #expect(try await hub.contents("Metroid") == ["x"])
            try await pocket.rerunIsQuiet()
        }

        @Test(arguments: SaveForm.allCases)
        func `12 deleted on both sides: the row is retired`(form: SaveForm) async throws {
            let (hub, pocket) = try await inStep(form)
            try pocket.write("other.txt", "-")
            try pocket.remove(save: "Metroid")
            try await hub.store.deleteSave(try await hub.save("Metroid").id)
            try await pocket.sync(expecting: [:])
            #expect(try await Rows.synced(hub).isEmpty)
            #expect(try await hub.contents("Metroid") == ["x"])
        }

        @Test(arguments: SaveForm.allCases)
        func `13 deleted on the device and changed on the server: pushed`(form: SaveForm) async throws {
            let (_, pocket) = try await inStep(form)
            try await putOnServer("y", like: pocket)
            try pocket.write("other.txt", "-")
            try pocket.remove(save: "Metroid")
            try await pocket.sync(expecting: [.push: 1])
            #expect(pocket.read(save: "Metroid") == "y")
        }

        @Test(arguments: SaveForm.allCases)
        func `14 deleted on the server and changed on the device: pulled, and it lives again`(form: SaveForm)
            async throws
        {
            let (hub, pocket) = try await inStep(form)
            try await hub.store.deleteSave(try await hub.save("Metroid").id)
            try pocket.write(save: "Metroid", "y")
            try await pocket.sync(expecting: [.pull: 1])
            #expect(try await hub.content("Metroid") == "y")
            #expect(try await hub.contents("Metroid") == ["y", "x"])
        }

        @Test(arguments: SaveForm.allCases)
        func `15 the database is restored from an old backup: equal adopts, unequal conflicts`(form: SaveForm)
            async throws
        {
            let (hub, pocket) = try await inStep(form)
            try pocket.write(save: "Zelda", "zelda")
            try await pocket.sync(expecting: [.pull: 1])
            let backup = try TemporaryFolder()
            let database = hub.folder("state/saveferry.db")
            _ = try await Command.run("sqlite3", [database, ".backup \(backup("old.db"))"])
            try pocket.write(save: "Metroid", "y")
            try await pocket.sync(expecting: [.pull: 1])
            // Everything after the backup is forgotten; then the server's side moves on by another handheld.
            _ = try await Command.run("sqlite3", [database, ".restore \(backup("old.db"))"])
            try await putOnServer("z", like: pocket)
            let report = try await pocket.sync(expecting: [.conflict: 1])
            #expect(report.plan?.count(.noOp) == 1)
            #expect(pocket.read(save: "Metroid") == "y")
            #expect(pocket.read(save: "Zelda") == "zelda")
            #expect(try await hub.content("Metroid") == "z")
        }

        @Test(arguments: SaveForm.allCases)
        func `18 two devices changed: the first is pulled, the second conflicts`(form: SaveForm) async throws {
            let (hub, pocket) = try await inStep(form)
            let second = try await Handheld("second", of: hub, server: pocket.server, form: form)
            try await second.sync(expecting: [.push: 1])
            try pocket.write(save: "Metroid", "a")
            try second.write(save: "Metroid", "c")
            try await pocket.sync(expecting: [.pull: 1])
            try await second.sync(expecting: [.conflict: 1])
            #expect(second.read(save: "Metroid") == "c")
            #expect(try await hub.contents("Metroid").sorted() == ["a", "c", "x"])
        }

        @Test(arguments: SaveForm.allCases)
        func `18 two devices that changed are synced at the same moment: neither content wins in silence`(
            form: SaveForm
        ) async throws {
            let (hub, pocket) = try await inStep(form)
            let second = try await Handheld("second", of: hub, server: pocket.server, form: form)
            try await second.sync(expecting: [.push: 1])
            try pocket.write(save: "Metroid", "a")
            try second.write(save: "Metroid", "c")
            _ = await hub.orchestrator.sync([try await pocket.device, try await second.device], trigger: .onDemand)
            // One was pulled; the other is a conflict, in this run or, where its plan came too early, in the next.
            _ = try await pocket.sync()
            _ = try await second.sync()
            #expect(try await hub.store.conflicts().count == 1)
            #expect(Set([pocket.read(save: "Metroid"), second.read(save: "Metroid")]) == ["a", "c"])
            #expect(try await hub.contents("Metroid").sorted() == ["a", "c", "x"])
        }

        @Test(arguments: SaveForm.allCases)
        func `19 an untracked save that changed on both sides stays as it is`(form: SaveForm) async throws {
            let (hub, pocket) = try await inStep(form)
            try await hub.store.setUntracked(true, device: try await pocket.device, save: try await hub.save("Metroid"))
            try await putOnServer("z", like: pocket)
            try pocket.write(save: "Metroid", "y")
            try await pocket.sync(expecting: [:])
            #expect(pocket.read(save: "Metroid") == "y")
            #expect(try await hub.content("Metroid") == "z")
            try await hub.store.setUntracked(
                false, device: try await pocket.device, save: try await hub.save("Metroid"))
            try await pocket.sync(expecting: [.conflict: 1])
        }

        @Test(arguments: SaveForm.allCases)
        func `20 an archival version with the same file name is never paired and never pushed`(form: SaveForm)
            async throws
        {
            let (hub, pocket) = try await inStep(form)
            // A conflict archives the device's content y; then the server's wins.
            try await putOnServer("z", like: pocket)
            try pocket.write(save: "Metroid", "y")
            try await pocket.sync(expecting: [.conflict: 1])
            let conflict = try #require(try await hub.store.conflicts().first)
            _ = try await hub.store.resolveConflict(conflict.id, keep: .server)
            try await pocket.sync(expecting: [.push: 1])
            #expect(try await hub.history(hub.save("Metroid").id).contains { $0.slot == nil && hub.text($0) == "y" })
            // A fresh handheld gets the slot's content, and one that holds the archived bytes is not taken to be in step.
            let fresh = try await Handheld("fresh", of: hub, server: pocket.server, form: form)
            try await fresh.sync(expecting: [.push: 1])
            #expect(fresh.read(save: "Metroid") == "z")
            let old = try await Handheld("old", of: hub, server: pocket.server, form: form)
            try old.write(save: "Metroid", "y")
            try await old.sync(expecting: [.conflict: 1])
        }

        @Test
        func `21 the same bytes in two slots are two saves with two histories`() async throws {
            let (hub, pocket) = try await inStep(.file)
            try await pocket.edit { settings in
                settings.directories.append(
                    SaveDirectory(id: 0, path: settings.directories[0].path, platform: .named("gba"), kind: .state))
            }
            try pocket.write("Metroid.state1", "same")
            try pocket.write("Metroid.state2", "same")
            try await pocket.sync(expecting: [.pull: 2])
            let slots = try await hub.store.saves().filter { $0.identity.kind == .state }
            #expect(slots.map(\.identity.slot).sorted() == ["state1", "state2"])
            try pocket.write("Metroid.state1", "changed")
            try await pocket.sync(expecting: [.pull: 1])
            for save in slots {
                let contents = try await hub.history(save.id).map(hub.text)
                #expect(contents == (save.identity.slot == "state1" ? ["changed", "same"] : ["same"]))
            }
        }

        @Test func `21 the same bytes in two folders are two saves with two histories`() async throws {
            let (hub, pocket) = try await inStep(.folder)
            try pocket.write(save: "Zelda", "x")
            try await pocket.sync(expecting: [.pull: 1])
            try pocket.write(save: "Zelda", "changed")
            try await pocket.sync(expecting: [.pull: 1])
            #expect(try await hub.contents("Metroid") == ["x"])
            #expect(try await hub.contents("Zelda") == ["changed", "x"])
        }
    }
}
