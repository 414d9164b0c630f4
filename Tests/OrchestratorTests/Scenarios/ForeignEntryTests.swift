import Foundation
import Orchestrator
import Planner
import Store
import Synchronization
import TestSupport
import Testing

extension ScenarioTests {
    /// Folder saves with entries that no version holds: links, names that can't be carried, folders too deep to be looked at,
    /// and what a game writes while a run is at them.
    @Suite struct ForeignEntryTests {
        let hub: Hub
        let gate: SFTPGate
        let psp: Handheld
        let other: Handheld

        init() async throws {
            let gate = try SFTPGate()
            try await self.init(gate: gate, server: OpenSSHServer(.behind(gate)))
        }

        private init(gate: SFTPGate, server: OpenSSHServer) async throws {
            hub = try await Hub()
            self.gate = gate
            psp = try await Handheld("psp", of: hub, server: server, configure: Self.folders)
            try psp.write("G/D.BIN", "part 1")
            try psp.write("G/icons/ICON.PNG", "icon")
            try await psp.sync(expecting: [.pull: 1])
            other = try await Handheld("other", of: hub, configure: Self.folders)
            try await other.sync(expecting: [.push: 1])
        }

        private static func folders(_ settings: inout DeviceSettings, _ folder: TemporaryFolder) {
            settings.directories = [
                SaveDirectory(id: 0, path: folder("saves"), platform: .named("psp"), layout: .folders)
            ]
        }

        /// The other handheld's progress, which is to come to this one.
        private func changeElsewhere() async throws {
            try other.write("G/D.BIN", "part 2")
            try other.remove("G/icons")
            try await other.sync(expecting: [.pull: 1])
        }

        /// Puts one of each kind into the folder. Returns what they are.
        private func addForeignEntries(deep: Bool = true) async throws -> [String] {
            let save = psp.folder("saves/G")
            if deep { try psp.write("G/" + (1...17).map { "f\($0)/" }.joined() + "DEEP.BIN", "deep") }
            try FileManager.default.createDirectory(atPath: "\(save)/empty", withIntermediateDirectories: false)
            try FileManager.default.createSymbolicLink(atPath: "\(save)/LINK.BIN", withDestinationPath: "D.BIN")
            try FileManager.default.createSymbolicLink(atPath: "\(save)/icons/dangling", withDestinationPath: "nowhere")
            try #require(mkfifo("\(save)/pipe", 0o600) == 0)
            try #require(mkfifo("\(save)/icons/pipe", 0o600) == 0)
            for name in Self.hostileNames {
                let path = Array("\(save)/".utf8CString.dropLast()) + name.map { CChar(bitPattern: $0) } + [0]
                let file = open(path, O_WRONLY | O_CREAT, 0o600)
                try #require(file >= 0 && write(file, "odd", 3) == 3)
                close(file)
            }
            return try await foreignEntries()
        }

        private static let hostileNames: [[UInt8]] = [Array("BAD\u{1}NAME.BIN".utf8), [0x42, 0xff, 0xfe]]

        /// What is below the folder beside the files of the save itself: names with their bytes escaped, kinds, and where
        /// links lead.
        private func foreignEntries() async throws -> [String] {
            let list = #"LC_ALL=C find . -mindepth 1 -printf '%P %y %l\n' | LC_ALL=C sort | LC_ALL=C sed -n 'l 0'"#
            let found = try await Command.run("sh", ["-c", "cd '\(psp.folder("saves/G"))' && \(list)"])
            let own = ["D.BIN f $", "icons d $", "icons/ICON.PNG f $"]
            return found.output.split(separator: "\n").map(String.init).filter { !own.contains($0) }
        }

        @Test(arguments: ["", "-P posix-rename"])
        func `what no version holds is carried over into the new folder`(_ arguments: String) async throws {
            let server = try await OpenSSHServer(OpenSSHServer.Options(sftpArguments: arguments))
            let world = try await Self(gate: gate, server: server)
            let before = try await world.addForeignEntries()
            // 17 folders and a file in the last of them, two of each other kind, and one that is empty.
            try #require(before.count == 18 + 6 + 1)
            try await world.changeElsewhere()
            try await world.psp.sync(expecting: [.skip: 7, .push: 1])
            #expect(world.psp.read("G/D.BIN") == "part 2")
            #expect(world.psp.read("G/icons/ICON.PNG") == nil)
            #expect(try await world.foreignEntries() == before)
            #expect(try FileManager.default.contentsOfDirectory(atPath: world.psp.folder("saves")) == ["G"])
            try await world.psp.rerunIsQuiet()
        }

        @Test func `a folder with what no version holds is not removed when its save is deleted`() async throws {
            try await psp.edit { $0.deletionPolicy = .propagate }
            let before = try await addForeignEntries(deep: false)
            try await hub.store.deleteSave(hub.save("G").id)
            let report = try await psp.sync(expecting: [.skip: 6, .hold: 1])
            #expect(report.shown.contains("has what is not synced"))
            #expect(psp.read("G/D.BIN") == "part 1")
            #expect(try await foreignEntries() == before)
        }

        @Test func `an empty folder that is no longer empty elsewhere is filled`() async throws {
            try FileManager.default.createDirectory(
                atPath: psp.folder("saves/G/more/empty"), withIntermediateDirectories: true)
            try other.write("G/more/M.BIN", "more")
            try await other.sync(expecting: [.pull: 1])
            try await psp.sync(expecting: [.push: 1])
            #expect(psp.read("G/more/M.BIN") == "more")
            #expect(FileManager.default.fileExists(atPath: psp.folder("saves/G/more/empty")))
        }

        @Test func `a save that needs the name of something that is not synced is refused`() async throws {
            try FileManager.default.createSymbolicLink(
                atPath: psp.folder("saves/G/MORE.BIN"), withDestinationPath: "D.BIN")
            try other.write("G/more.bin", "a file where the other has a link")
            try await other.sync(expecting: [.pull: 1])
            let report = try await psp.sync()
            #expect(report.status == .failed && report.shown.contains("MORE.BIN is not synced"), "\(report.shown)")
            #expect(psp.read("G/D.BIN") == "part 1")
            #expect(try FileManager.default.contentsOfDirectory(atPath: psp.folder("saves")) == ["G"])
        }

        /// Writes a file into the folder at the first packet for which this holds.
        private func play(_ file: String, _ text: String, at moment: @escaping @Sendable (SFTPGate.Packet) -> Bool) {
            let path = psp.folder("saves/G/\(file)")
            let played = Counter()
            gate.set { packet in
                if !packet.isAnswer, moment(packet), played.value == 0 {
                    played.increment()
                    _ = FileManager.default.createFile(atPath: path, contents: Data(text.utf8))
                }
                return .pass
            }
        }

        @Test func `a folder that a game writes to while it is read is never stored as a mix`() async throws {
            try psp.write("G/D.BIN", "part A")
            let icon = psp.folder("saves/G/icons/ICON.PNG")
            let part = psp.folder("saves/G/D.BIN")
            let played = Counter()
            gate.set { packet in
                if !packet.isAnswer, packet.request == "open", packet.path == icon, played.value == 0 {
                    played.increment()
                    for (file, text) in [(part, "part B"), (icon, "icon B")] {
                        _ = FileManager.default.createFile(atPath: file, contents: Data(text.utf8))
                    }
                }
                return .pass
            }
            try await psp.sync(expecting: [.pull: 1])
            #expect(played.value == 1)
            let kept = try await hub.history(hub.save("G").id).map { version in
                ["D.BIN", "icons/ICON.PNG"].map { file in
                    String(decoding: hub.folder.read("library/\(version.libraryPath)/\(file)") ?? [], as: UTF8.self)
                }
            }
            #expect(kept == [["part B", "icon B"], ["part 1", "icon"]])
        }

        @Test(arguments: ["write", "rename"], ["NEW.BIN", "D.BIN"])
        func `a game that writes into a folder that is being replaced keeps what it wrote`(
            moment: String, file: String
        ) async throws {
            try await changeElsewhere()
            let place = psp.folder("saves/G")
            play(file, "played") { $0.request == moment && (moment == "write" || $0.path == place) }
            let report = try await psp.sync()
            #expect(report.status == .failed && report.done == [:], "\(report.shown)")
            #expect(report.shown.contains("changed on the device after the plan was made"))
            #expect(psp.read("G/\(file)") == "played")
            #expect(psp.read("G/D.BIN") == (file == "D.BIN" ? "played" : "part 1"))
            #expect(psp.read("G/icons/ICON.PNG") == "icon")
            #expect(try FileManager.default.contentsOfDirectory(atPath: psp.folder("saves")) == ["G"])
            gate.set(nil)
            try await psp.sync(expecting: [.conflict: 1])
            try await psp.rerunIsQuiet()
        }

        @Test func `what a game writes into the new folder is kept when the old one is put back`() async throws {
            try await changeElsewhere()
            let saves = psp.folder("saves")
            let played = Counter()
            // When the old folder is looked at once more after the swap: into it, so that it is put back, and into the new one.
            gate.set { packet in
                let isLastLook =
                    !packet.isAnswer && packet.request == "opendir" && packet.path == "\(saves)/G.saveferry-bak"
                if isLastLook, played.value == 0 {
                    played.increment()
                    for (file, text) in [("G.saveferry-bak/D.BIN", "played"), ("G/D.BIN", "played in the new folder")] {
                        _ = FileManager.default.createFile(atPath: "\(saves)/\(file)", contents: Data(text.utf8))
                    }
                }
                return .pass
            }
            let report = try await psp.sync()
            #expect(played.value == 1 && report.status == .failed, "\(report.shown)")
            #expect(psp.read("G/D.BIN") == "played")
            gate.set(nil)
            try await psp.sync(expecting: [.conflict: 1])
            #expect(try FileManager.default.contentsOfDirectory(atPath: saves) == ["G"])
            #expect(psp.read("G/D.BIN") == "played")
            let kept = try await hub.history(hub.save("G").id).compactMap {
                hub.folder.read("library/\($0.libraryPath)/D.BIN").map { String(decoding: $0, as: UTF8.self) }
            }
            #expect(kept.contains("played in the new folder"))
            try await psp.rerunIsQuiet()
        }

        @Test func `a write of the same size within a tick of the clock is seen before the old folder goes`()
            async throws
        {
            try await changeElsewhere()
            let path = psp.folder("saves/G/D.BIN")
            let place = psp.folder("saves/G")
            let played = Counter()
            gate.set { packet in
                if packet.request == "rename", !packet.isAnswer, packet.path == place, played.value == 0 {
                    played.increment()
                    var info = stat()
                    stat(path, &info)
                    _ = FileManager.default.createFile(atPath: path, contents: Data("played".utf8))
                    var times = [info.st_atim, info.st_mtim]
                    utimensat(AT_FDCWD, path, &times, 0)
                }
                return .pass
            }
            let report = try await psp.sync()
            #expect(played.value == 1)
            #expect(report.status == .failed && report.done == [:], "\(report.shown)")
            #expect(psp.read("G/D.BIN") == "played")
        }

        @Test(arguments: ["NEW.BIN", "D.BIN"])
        func `a swap that is cut off loses neither what is in no version nor what was written at the last moment`(
            late: String
        ) async throws {
            let before = try await addForeignEntries(deep: false)
            try await changeElsewhere()
            let saves = psp.folder("saves")
            gate.set { packet in
                !packet.isAnswer && packet.request == "opendir" && packet.path.hasPrefix("\(saves)/")
                    && packet.path.dropFirst(saves.count).contains("saveferry") ? .cut : .pass
            }
            let report = try await psp.sync()
            #expect(report.failure != nil)
            gate.set(nil)
            let aside = try #require(
                try FileManager.default.contentsOfDirectory(atPath: saves).first { $0.contains("saveferry") })
            try psp.write("\(aside)/\(late)", "at the last moment")
            try await psp.sync(expecting: [.skip: 6])
            #expect(psp.read("G/D.BIN") == "part 2")
            #expect(try await foreignEntries() == before)
            #expect(try FileManager.default.contentsOfDirectory(atPath: saves) == ["G"])
            let kept = try await hub.history(hub.save("G").id).compactMap {
                hub.folder.read("library/\($0.libraryPath)/\(late)").map { String(decoding: $0, as: UTF8.self) }
            }
            #expect(kept.contains("at the last moment"))
            try await psp.rerunIsQuiet()
        }

        @Test func `a removal that a game gets ahead of at the last moment puts the folder back`() async throws {
            try await psp.edit { $0.deletionPolicy = .propagate }
            try await hub.store.deleteSave(hub.save("G").id)
            let place = psp.folder("saves/G")
            play("NEW.BIN", "played") { $0.request == "rename" && $0.path == place }
            let report = try await psp.sync()
            #expect(report.status == .failed && report.done == [:], "\(report.shown)")
            #expect(psp.read("G/NEW.BIN") == "played" && psp.read("G/D.BIN") == "part 1")
            gate.set(nil)
            try await psp.sync(expecting: [.pull: 1])
        }
    }
}
