import Foundation
import Planner
import Store
import TestSupport
import Testing

extension ScenarioTests {
    /// Saves of several files, and saves that are zips, over a real sshd.
    @Suite struct FolderAndZipTests {
        let hub: Hub
        let psp: Handheld

        /// A PSP save of three files that both sides agree on, and a second handheld that has it too.
        init() async throws {
            hub = try await Hub()
            psp = try await Handheld("psp", of: hub, configure: FolderAndZipTests.folders)
            try psp.write("ULUS10041/DATA.BIN", "part 1")
            try psp.write("ULUS10041/PARAM.SFO", "part 2")
            try psp.write("ULUS10041/icons/ICON0.PNG", "icon")
            try await psp.sync(expecting: [.pull: 1])
        }

        private static func folders(_ settings: inout DeviceSettings, _ folder: TemporaryFolder) {
            settings.directories = [
                SaveDirectory(id: 0, path: folder("saves"), platform: .named("psp"), layout: .folders)
            ]
        }

        @Test func `a folder save goes to another handheld whole, and its change comes back`() async throws {
            let second = try await Handheld("second", of: hub, server: psp.server, configure: FolderAndZipTests.folders)
            try await second.sync(expecting: [.push: 1])
            #expect(second.read("ULUS10041/DATA.BIN") == "part 1")
            #expect(second.read("ULUS10041/icons/ICON0.PNG") == "icon")
            try second.write("ULUS10041/DATA.BIN", "part 1, later")
            try second.remove("ULUS10041/icons/ICON0.PNG")
            try await second.sync(expecting: [.pull: 1])
            try await psp.sync(expecting: [.push: 1])
            #expect(psp.read("ULUS10041/DATA.BIN") == "part 1, later")
            #expect(psp.read("ULUS10041/icons/ICON0.PNG") == nil)
            #expect(!psp.folder.everything().contains { $0.contains(".saveferry") })
            try await psp.rerunIsQuiet()
            try await second.rerunIsQuiet()
        }

        @Test func `a folder save whose name is as long as names can be is replaced`() async throws {
            let second = try await Handheld("second", of: hub, server: psp.server, configure: FolderAndZipTests.folders)
            let name = String(repeating: "N", count: 255)
            try psp.write("\(name)/DATA.BIN", "one")
            try await psp.sync(expecting: [.pull: 1])
            try await second.sync(expecting: [.push: 2])
            try second.write("\(name)/DATA.BIN", "two")
            try await second.sync(expecting: [.pull: 1])
            try await psp.sync(expecting: [.push: 1])
            #expect(psp.read("\(name)/DATA.BIN") == "two")
            #expect(!psp.folder.everything().contains { $0.contains(".saveferry") })
        }

        @Test func `16 each side changed another part of a folder save: one conflict for the set, never a mix`()
            async throws
        {
            let second = try await Handheld("second", of: hub, server: psp.server, configure: FolderAndZipTests.folders)
            try await second.sync(expecting: [.push: 1])
            try second.write("ULUS10041/PARAM.SFO", "changed on the server's side")
            try await second.sync(expecting: [.pull: 1])
            try psp.write("ULUS10041/DATA.BIN", "changed here")
            try await psp.sync(expecting: [.conflict: 1])
            #expect(psp.read("ULUS10041/DATA.BIN") == "changed here")
            #expect(psp.read("ULUS10041/PARAM.SFO") == "part 2")
            #expect(try await hub.store.conflicts().count == 1)
        }

        @Test func `17 a folder on the device and a file on the server: blocked, nothing removed`() async throws {
            let files = try await Handheld("files", of: hub, server: psp.server) { settings, folder in
                settings.directories = [
                    SaveDirectory(
                        id: 0, path: folder("saves"), platform: .named("psp"), extensions: ["bin"], acceptsNew: false)
                ]
            }
            try files.write("ULUS10041.bin", "a file with the same name")
            let report = try await files.sync(expecting: [.hold: 1])
            #expect(report.plan?.operations.first?.reason.hasPrefix("blocked") == true)
            #expect(files.read("ULUS10041.bin") == "a file with the same name")
            #expect(psp.read("ULUS10041/DATA.BIN") == "part 1")
            try await psp.sync(expecting: [:])
        }

        @Test func `22 a zip repacked with other timestamps and compression is the same content`() async throws {
            let zips = try await Handheld("zips", of: hub, server: psp.server) { settings, folder in
                settings.directories = [
                    SaveDirectory(id: 0, path: folder("saves"), platform: .named("n64"), extensions: ["zip"])
                ]
            }
            let work = try TemporaryFolder()
            for (name, arguments) in [("first.zip", ["-9"]), ("second.zip", ["-0"])] {
                try work.write("alpha", to: "in/a.txt")
                try work.write(String(repeating: "beta", count: 1_000), to: "in/b.txt")
                try work.setTime(Int.random(in: 1_000_000_000..<1_500_000_000), of: "in/a.txt")
                let made = try await Command.run(
                    "sh", ["-c", "cd \(work("in")) && zip -q \(arguments.joined()) ../\(name) a.txt b.txt"])
                try #require(made.status == 0, "\(made.errorOutput)")
            }
            let (first, second) = (try #require(work.read("first.zip")), try #require(work.read("second.zip")))
            try #require(first != second)
            try zips.folder.write(first, to: "saves/Mario.zip")
            try await zips.sync(expecting: [.pull: 1])
            try zips.folder.write(second, to: "saves/Mario.zip")
            try zips.folder.setTime(1_600_000_000, of: "saves/Mario.zip")
            try await zips.sync(expecting: [:])
            #expect(try await hub.history(hub.save("Mario").id).count == 1)
            #expect(zips.folder.read("saves/Mario.zip") == second)
        }
    }
}
