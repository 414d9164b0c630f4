import Foundation
import Orchestrator
import Planner
import Store
import TestSupport
import Testing

extension ScenarioTests {
    /// Who may read and write a save on the handheld after a run has put it there.
    @Suite struct AccessRightTests {
        let hub: Hub
        let pocket: Handheld
        let other: Handheld

        init() async throws {
            hub = try await Hub()
            pocket = try await Handheld(of: hub, configure: Self.both)
            other = try await Handheld("other", of: hub, server: pocket.server, configure: Self.both)
            for handheld in [pocket, other] {
                try FileManager.default.createDirectory(
                    atPath: handheld.folder("psp"), withIntermediateDirectories: false)
            }
        }

        private static func both(_ settings: inout DeviceSettings, _ folder: TemporaryFolder) {
            settings.directories.append(
                SaveDirectory(id: 0, path: folder("psp"), platform: .named("psp"), layout: .folders))
        }

        /// Mode, and as root owner and group, of what is below a handheld's folder.
        private func rights(_ path: String) throws -> [UInt32] {
            var info = stat()
            try #require(lstat(pocket.folder(path), &info) == 0, "\(path)")
            return isRoot ? [info.st_mode & 0o7777, info.st_uid, info.st_gid] : [info.st_mode & 0o7777]
        }

        /// Gives something this mode, and as root this owner and group.
        private func give(_ path: String, _ mode: UInt32, _ owner: UInt32, _ group: UInt32) throws {
            if isRoot { try #require(chown(pocket.folder(path), owner, group) == 0) }
            try #require(chmod(pocket.folder(path), mode) == 0)
        }

        private func expected(_ mode: UInt32, _ owner: UInt32, _ group: UInt32) -> [UInt32] {
            isRoot ? [mode, owner, group] : [mode]
        }

        private var isRoot: Bool { geteuid() == 0 }

        @Test(arguments: [0o664, 0o660, 0o600] as [UInt32])
        func `a replaced save keeps its owner, group and mode`(mode: UInt32) async throws {
            try pocket.write("Metroid.srm", "x")
            try pocket.folder.write("part 1", to: "psp/G/D.BIN")
            try pocket.folder.write("icon", to: "psp/G/icons/ICON.PNG")
            try await pocket.sync(expecting: [.pull: 2])
            try await other.sync(expecting: [.push: 2])
            try other.write("Metroid.srm", "y")
            try other.folder.write("part 2", to: "psp/G/D.BIN")
            try other.folder.write("more", to: "psp/G/icons/MORE.PNG")
            try await other.sync(expecting: [.pull: 2])
            let folderMode = mode | (mode & 0o444) >> 2
            try give("saves/Metroid.srm", mode, 1_234, 2_345)
            try give("psp/G/D.BIN", mode, 1_234, 2_345)
            try give("psp/G", folderMode | 0o2000, 1_234, 2_345)
            try give("psp/G/icons", 0o700, 3_456, 4_567)
            try await pocket.sync(expecting: [.push: 2])
            #expect(pocket.read("Metroid.srm") == "y")
            #expect(try rights("saves/Metroid.srm") == expected(mode, 1_234, 2_345))
            #expect(try rights("psp/G/D.BIN") == expected(mode, 1_234, 2_345))
            #expect(try rights("psp/G/icons/MORE.PNG") == expected(mode, 1_234, 2_345))
            #expect(try rights("psp/G") == expected(folderMode | 0o2000, 1_234, 2_345))
            #expect(try rights("psp/G/icons") == expected(0o700, 3_456, 4_567))
            #expect(try pocket.folder.time(of: "saves/Metroid.srm") == other.folder.time(of: "saves/Metroid.srm"))
            try await pocket.rerunIsQuiet()
        }

        @Test func `a new save is like one beside it, else like its folder`() async throws {
            for game in ["Metroid", "Zelda"] { try other.write("\(game).srm", game) }
            try other.folder.write("part 1", to: "psp/G/sub/D.BIN")
            try await other.sync(expecting: [.pull: 3])
            try give("saves", 0o2775, 1_234, 2_345)
            try give("psp", 0o2775, 1_234, 2_345)
            try await pocket.sync(expecting: [.push: 3])
            #expect(try rights("saves/Metroid.srm") == expected(0o664, 1_234, 2_345))
            #expect(try rights("psp/G") == expected(0o2775, 1_234, 2_345))
            #expect(try rights("psp/G/sub") == expected(0o2775, 1_234, 2_345))
            #expect(try rights("psp/G/sub/D.BIN") == expected(0o664, 1_234, 2_345))

            for game in ["Metroid", "Zelda"] { try give("saves/\(game).srm", 0o640, 3_456, 4_567) }
            try give("psp/G", 0o750, 3_456, 4_567)
            try other.write("Advance Wars.srm", "new")
            try other.folder.write("part 1", to: "psp/H/D.BIN")
            try await other.sync(expecting: [.pull: 2])
            try await pocket.sync(expecting: [.push: 2])
            #expect(try rights("saves/Advance Wars.srm") == expected(0o640, 3_456, 4_567))
            #expect(try rights("psp/H") == expected(0o750, 3_456, 4_567))
            #expect(try rights("psp/H/D.BIN") == expected(0o640, 3_456, 4_567))
        }
    }
}
