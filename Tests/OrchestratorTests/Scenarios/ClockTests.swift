import Foundation
import Planner
import Store
import TestSupport
import Testing

extension ScenarioTests {
    /// Clocks that are wrong, and stamps that do not move, over a real sshd.
    @Suite struct ClockTests {
        /// Both sides agree on x, under a stamp that is settled.
        private func inStep(_ form: SaveForm) async throws -> (hub: Hub, pocket: Handheld) {
            let hub = try await Hub()
            let pocket = try await Handheld(of: hub, form: form)
            try pocket.write(save: "Metroid", "x", time: 1_700_000_000)
            try await pocket.sync(expecting: [.pull: 1])
            hub.clock.advance(seconds: 10)
            try await pocket.sync(expecting: [:])
            return (hub, pocket)
        }

        private func changeOnServer(_ text: String, like pocket: Handheld) async throws {
            let other = try await Handheld(
                "other\(Int.random(in: 0..<1_000_000))", of: pocket.hub, server: pocket.server, form: pocket.form)
            _ = try await other.sync()
            try other.write(save: "Metroid", text)
            try await other.sync(expecting: [.pull: 1])
        }

        @Test(arguments: SaveForm.allCases)
        func `36 changed on a device whose clock says 1970: pulled`(form: SaveForm) async throws {
            let (hub, pocket) = try await inStep(form)
            try pocket.write(save: "Metroid", "y", time: 30)
            try await pocket.sync(expecting: [.pull: 1])
            #expect(try await hub.content("Metroid") == "y")
        }

        @Test(arguments: SaveForm.allCases)
        func `37 changed on both sides and the device's clock says 1970: conflict`(form: SaveForm) async throws {
            let (_, pocket) = try await inStep(form)
            try await changeOnServer("z", like: pocket)
            try pocket.write(save: "Metroid", "y", time: 30)
            try await pocket.sync(expecting: [.conflict: 1])
        }

        @Test(arguments: SaveForm.allCases)
        func `38 a modification time that goes backwards with new content: pulled`(form: SaveForm) async throws {
            let (hub, pocket) = try await inStep(form)
            try pocket.write(save: "Metroid", "y", time: 1_600_000_000)
            try await pocket.sync(expecting: [.pull: 1])
            #expect(try await hub.content("Metroid") == "y")
        }

        @Test(arguments: SaveForm.allCases)
        func `39 the same size and time with other content is found when the stamp settles`(form: SaveForm) async throws
        {
            let (hub, pocket) = try await inStep(form)
            try pocket.write(save: "Metroid", "a", time: 1_700_000_100)
            try await pocket.sync(expecting: [.pull: 1])
            // Written again within the tick of the device's clock.
            try pocket.write(save: "Metroid", "b", time: 1_700_000_100)
            hub.clock.advance(seconds: 10)
            try await pocket.sync(expecting: [.pull: 1])
            #expect(try await hub.contents("Metroid") == ["b", "a", "x"])
        }

        @Test(arguments: SaveForm.allCases)
        func `39 the same size and time with other content is found before anything overwrites the file`(form: SaveForm)
            async throws
        {
            let (hub, pocket) = try await inStep(form)
            try pocket.write(save: "Metroid", "h", time: 1_700_000_000)
            try await changeOnServer("z", like: pocket)
            try await pocket.sync(expecting: [.conflict: 1])
            #expect(pocket.read(save: "Metroid") == "h")
            #expect(try await hub.contents("Metroid").sorted() == ["h", "x", "z"])
        }

        @Test(arguments: SaveForm.allCases)
        func `39 a server that tells no times: other content of the same size is found in every run`(form: SaveForm)
            async throws
        {
            let hub = try await Hub()
            let pocket = try await Handheld(of: hub, form: form)
            try pocket.write(save: "Metroid", "a", time: 0)
            try await pocket.sync(expecting: [.pull: 1])
            for text in ["b", "c"] {
                for _ in 0..<2 {
                    hub.clock.advance(seconds: 10)
                    try await pocket.sync(expecting: [:])
                }
                try pocket.write(save: "Metroid", text, time: 0)
                try await pocket.sync(expecting: [.pull: 1])
            }
            // Read, and nothing is recorded of it again.
            let rows = try await Rows.synced(hub)
            hub.clock.advance(seconds: 10)
            try await pocket.sync(expecting: [:])
            #expect(try await Rows.synced(hub) == rows)
        }

        @Test(arguments: SaveForm.allCases)
        func `40 only the modification time changed: nothing moves, and the stamp is renewed`(form: SaveForm)
            async throws
        {
            let (hub, pocket) = try await inStep(form)
            try pocket.write(save: "Metroid", "x", time: 1_700_003_600)
            try await pocket.sync(expecting: [:])
            #expect(try await hub.contents("Metroid") == ["x"])
            #expect(try await Rows.synced(hub).allSatisfy { $0.contains("|1700003600|") })
            hub.clock.advance(seconds: 10)
            try await pocket.sync(expecting: [:])
            let rows = try await Rows.synced(hub)
            try await pocket.sync(expecting: [:])
            #expect(try await Rows.synced(hub) == rows)
        }

        @Test(arguments: SaveForm.allCases)
        func `41 the device is a year ahead and the server changed: pushed`(form: SaveForm) async throws {
            let (_, pocket) = try await inStep(form)
            try pocket.write(save: "Metroid", "x", time: 1_790_000_000 + 31_536_000)
            try await pocket.sync(expecting: [:])
            try await changeOnServer("y", like: pocket)
            try await pocket.sync(expecting: [.push: 1])
            #expect(pocket.read(save: "Metroid") == "y")
        }

        @Test(arguments: SaveForm.allCases)
        func `42 the server's clock steps back an hour: the same plan`(form: SaveForm) async throws {
            let (hub, pocket) = try await inStep(form)
            try pocket.write(save: "Metroid", "y")
            try pocket.write(save: "Zelda", "new")
            let before = try await pocket.plan()
            hub.clock.stepTimeOfDay(by: -3_600)
            let after = try await pocket.plan()
            #expect(after.operations.map(\.remotePath) == before.operations.map(\.remotePath))
            #expect(after.operations.map(\.action) == before.operations.map(\.action))
            #expect(after.operations.map(\.reason) == before.operations.map(\.reason))
            try await pocket.sync(expecting: [.pull: 2])
            try await pocket.rerunIsQuiet()
        }

        @Test(arguments: SaveForm.allCases)
        func `43 a server that refuses to set times: success, and no conflict later`(form: SaveForm) async throws {
            let (hub, pocket) = try await inStep(form)
            // sftp-server(8) refuses every fsetstat.
            let server = try await OpenSSHServer(.init(sftpArguments: "-P fsetstat,setstat"))
            let android = try await Handheld("android", of: hub, server: server, form: form)
            try await android.sync(expecting: [.push: 1])
            #expect(android.read(save: "Metroid") == "x")
            #expect(try android.time(ofSave: "Metroid") != 1_700_000_000)
            try await android.sync(expecting: [:])
            try android.write(save: "Metroid", "y")
            try await android.sync(expecting: [.pull: 1])
            try await changeOnServer("z", like: pocket)
            try await android.sync(expecting: [.push: 1])
            try await android.rerunIsQuiet()
            #expect(try await hub.store.conflicts().isEmpty)
        }
    }
}
