import Foundation
import Planner
import Store
import TestSupport
import Testing

extension ScenarioTests {
    /// Clocks that are wrong, and stamps that do not move, over a real sshd.
    @Suite struct ClockTests {
        let hub: Hub
        let pocket: Handheld

        /// Both sides agree on x, under a stamp that is settled.
        init() async throws {
            hub = try await Hub()
            pocket = try await Handheld(of: hub)
            try pocket.write("Metroid.srm", "x", time: 1_700_000_000)
            try await pocket.sync(expecting: [.pull: 1])
            hub.clock.advance(seconds: 10)
            try await pocket.sync(expecting: [:])
        }

        private func changeOnServer(_ text: String) async throws {
            let other = try await Handheld("other\(Int.random(in: 0..<1_000_000))", of: hub, server: pocket.server)
            _ = try await other.sync()
            try other.write("Metroid.srm", text)
            try await other.sync(expecting: [.pull: 1])
        }

        @Test func `36 changed on a device whose clock says 1970: pulled`() async throws {
            try pocket.write("Metroid.srm", "y", time: 30)
            try await pocket.sync(expecting: [.pull: 1])
            #expect(try await hub.content("Metroid") == "y")
        }

        @Test func `37 changed on both sides and the device's clock says 1970: conflict`() async throws {
            try await changeOnServer("z")
            try pocket.write("Metroid.srm", "y", time: 30)
            try await pocket.sync(expecting: [.conflict: 1])
        }

        @Test func `38 a modification time that goes backwards with new content: pulled`() async throws {
            try pocket.write("Metroid.srm", "y", time: 1_600_000_000)
            try await pocket.sync(expecting: [.pull: 1])
            #expect(try await hub.content("Metroid") == "y")
        }

        @Test func `39 the same size and time with other content is found when the stamp settles`() async throws {
            try pocket.write("Metroid.srm", "a", time: 1_700_000_100)
            try await pocket.sync(expecting: [.pull: 1])
            // Written again within the tick of the device's clock.
            try pocket.write("Metroid.srm", "b", time: 1_700_000_100)
            hub.clock.advance(seconds: 10)
            try await pocket.sync(expecting: [.pull: 1])
            #expect(try await hub.contents("Metroid") == ["b", "a", "x"])
        }

        @Test func `39 the same size and time with other content is found before anything overwrites the file`()
            async throws
        {
            try pocket.write("Metroid.srm", "h", time: 1_700_000_000)
            try await changeOnServer("z")
            try await pocket.sync(expecting: [.conflict: 1])
            #expect(pocket.read("Metroid.srm") == "h")
            #expect(try await hub.contents("Metroid").sorted() == ["h", "x", "z"])
        }

        @Test func `39 a server that tells no times: other content of the same size is found in every run`()
            async throws
        {
            try pocket.write("Metroid.srm", "a", time: 0)
            try await pocket.sync(expecting: [.pull: 1])
            for text in ["b", "c"] {
                for _ in 0..<2 {
                    hub.clock.advance(seconds: 10)
                    try await pocket.sync(expecting: [:])
                }
                try pocket.write("Metroid.srm", text, time: 0)
                try await pocket.sync(expecting: [.pull: 1])
            }
            // Read, and nothing is recorded of it again.
            let rows = try await Rows.synced(hub)
            hub.clock.advance(seconds: 10)
            try await pocket.sync(expecting: [:])
            #expect(try await Rows.synced(hub) == rows)
        }

        @Test func `40 only the modification time changed: nothing moves, and the stamp is renewed`() async throws {
            try pocket.write("Metroid.srm", "x", time: 1_700_003_600)
            try await pocket.sync(expecting: [:])
            #expect(try await hub.contents("Metroid") == ["x"])
            #expect(try await Rows.synced(hub).allSatisfy { $0.contains("|1700003600|") })
            hub.clock.advance(seconds: 10)
            try await pocket.sync(expecting: [:])
            let rows = try await Rows.synced(hub)
            try await pocket.sync(expecting: [:])
            #expect(try await Rows.synced(hub) == rows)
        }

        @Test func `41 the device is a year ahead and the server changed: pushed`() async throws {
            try pocket.write("Metroid.srm", "x", time: 1_790_000_000 + 31_536_000)
            try await pocket.sync(expecting: [:])
            try await changeOnServer("y")
            try await pocket.sync(expecting: [.push: 1])
            #expect(pocket.read("Metroid.srm") == "y")
        }

        @Test func `42 the server's clock steps back an hour: the same plan`() async throws {
            try pocket.write("Metroid.srm", "y")
            try pocket.write("Zelda.srm", "new")
            let before = try await pocket.plan()
            hub.clock.stepTimeOfDay(by: -3_600)
            let after = try await pocket.plan()
            #expect(after.operations.map(\.remotePath) == before.operations.map(\.remotePath))
            #expect(after.operations.map(\.action) == before.operations.map(\.action))
            #expect(after.operations.map(\.reason) == before.operations.map(\.reason))
            try await pocket.sync(expecting: [.pull: 2])
            try await pocket.rerunIsQuiet()
        }

        @Test func `43 a server that refuses to set times: success, and no conflict later`() async throws {
            // sftp-server(8) refuses every fsetstat.
            let server = try await OpenSSHServer(.init(sftpArguments: "-P fsetstat,setstat"))
            let android = try await Handheld("android", of: hub, server: server)
            try await android.sync(expecting: [.push: 1])
            #expect(android.read("Metroid.srm") == "x")
            #expect(try android.folder.time(of: "saves/Metroid.srm") != 1_700_000_000)
            try await android.sync(expecting: [:])
            try android.write("Metroid.srm", "y")
            try await android.sync(expecting: [.pull: 1])
            try await changeOnServer("z")
            try await android.sync(expecting: [.push: 1])
            try await android.rerunIsQuiet()
            #expect(try await hub.store.conflicts().isEmpty)
        }
    }
}
