#if DEBUG
    import Foundation
    import Planner
    import Store
    import TestSupport

    /// Every content that ever stood in a save's place, by device-independent path (`saves/A.srm`, `psp/A`).
    typealias EverWritten = [String: Set<Content>]

    /// The bytes of a save: its files by their path in it, "" for a save of one file.
    struct Content: Hashable {
        let files: [String: [UInt8]]
    }

    /// What happened before the run that is to fail: two handhelds and a server that have everything between them.
    struct FaultStory {
        let folder: TemporaryFolder
        let port: Int

        /// Plays it in the folder's `now`.
        func play() async throws -> EverWritten {
            var ever: EverWritten = [:]
            let home = folder("now")
            try folder.write(SSHKeys.shared.privateText("user"), to: "now/keys/id_ed25519")
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o600], ofItemAtPath: folder("now/keys/id_ed25519"))
            let hub = try await FaultHub(home: home)
            defer { hub.close() }
            for name in ["pocket", "other"] { try await add(name, to: hub, home) }

            for game in ["Still", "Also Still", "Changed", "Over", "Large Over", "Doomed", "Both", "Gone", "Retired"] {
                try write("saves/\(game).srm", "\(game) 1", by: "pocket", &ever)
            }
            for game in ["STILL", "PULLED", "PUSHED", "DOOMED"] {
                try write("psp/\(game)", ["DATA.BIN": "\(game) 1", "icons/ICON.PNG": "\(game) icon"], "pocket", &ever)
            }
            try await sync(hub, "pocket")
            try await sync(hub, "other")

            for game in ["Over", "Both", "Gift"] { try write("saves/\(game).srm", "\(game) 2", by: "other", &ever) }
            for game in ["Large Over", "Large Gift"] {
                try write("saves/\(game).srm", large(game), by: "other", &ever)
            }
            try write("saves/Same.srm", "the same on both", by: "other", &ever)
            try write("psp/PUSHED", ["DATA.BIN": "PUSHED 2", "icons/NEW.PNG": "PUSHED icon 2"], "other", &ever)
            try write("psp/GIFT", ["DATA.BIN": "GIFT", "deep/er/FILE.BIN": "GIFT too"], "other", &ever)
            try await sync(hub, "other")
            for game in ["Doomed", "Retired", "DOOMED"] {
                guard let save = try await hub.store.findSaves(game).first(where: { $0.identity.game == game }) else {
                    throw Broken("\(game) is not there")
                }
                try await hub.store.deleteSave(save.id)
            }

            try write("saves/Changed.srm", "Changed 2", by: "pocket", &ever)
            try write("saves/Both.srm", "Both 3", by: "pocket", &ever)
            try write("saves/Same.srm", "the same on both", by: "pocket", &ever)
            try write("saves/New.srm", "New", by: "pocket", &ever)
            try write("saves/Large New.srm", large("New"), by: "pocket", &ever)
            try write("psp/PULLED", ["DATA.BIN": "PULLED 2", "icons/NEW.PNG": "PULLED icon"], "pocket", &ever)
            try write("psp/NEW", ["DATA.BIN": "NEW", "icons/ICON.PNG": large("NEW")], "pocket", &ever)
            for game in ["Gone", "Retired"] {
                try FileManager.default.removeItem(atPath: path("pocket", "saves/\(game).srm"))
            }
            try addForeignEntries(to: "psp/PUSHED")
            try addForeignEntries(to: "psp/PULLED")
            return ever
        }

        /// What no version holds, in a folder save: links, a name that can't be carried, and an empty folder. Their names are
        /// the save's own.
        private func addForeignEntries(to save: String) throws {
            let folder = path("pocket", save)
            let name = (save as NSString).lastPathComponent
            for link in ["LINK \(name)", "icons/LINK \(name)"] {
                try FileManager.default.createSymbolicLink(atPath: "\(folder)/\(link)", withDestinationPath: "nowhere")
            }
            try FileManager.default.createDirectory(
                atPath: "\(folder)/empty \(name)", withIntermediateDirectories: false)
            guard mkfifo("\(folder)/odd\u{1}\(name)", 0o600) == 0 else { throw Broken("no FIFO can be made") }
        }

        private func add(_ name: String, to hub: FaultHub, _ home: String) async throws {
            for directory in ["saves", "psp"] {
                try FileManager.default.createDirectory(
                    atPath: path(name, directory), withIntermediateDirectories: true)
            }
            let device = try await hub.store.addDevice(
                DeviceSettings(
                    name: name, host: "127.0.0.1", port: port, user: OpenSSHServer.user,
                    directories: [
                        SaveDirectory(id: 0, path: path(name, "saves"), platform: .named("gba")),
                        SaveDirectory(id: 0, path: path(name, "psp"), platform: .named("psp"), layout: .folders),
                    ], deletionPolicy: name == "pocket" ? .propagate : .hold))
            let pin = try await SSHKeys.shared.fingerprint("host_ed25519")
            try await hub.store.pinHostKeys([PinnedHostKey(algorithm: "ssh-ed25519", fingerprint: pin)], for: device.id)
        }

        private func sync(_ hub: FaultHub, _ device: String) async throws {
            try await hub.sync(device).mustBeWhole("the story's run of \(device)")
        }

        private func path(_ device: String, _ path: String) -> String { folder("now/\(device)/\(path)") }

        /// More than one packet, and more than is kept in memory.
        private func large(_ game: String) -> String {
            String(repeating: "\(game) large ", count: 300_000 / (game.count + 7))
        }

        private func write(_ save: String, _ text: String, by device: String, _ ever: inout EverWritten) throws {
            try folder.write(text, to: "now/\(device)/\(save)")
            try touch(device, save)
            ever[save, default: []].insert(Content(files: ["": Array(text.utf8)]))
        }

        private func write(
            _ save: String, _ files: [String: String], _ device: String, _ ever: inout EverWritten
        ) throws {
            try? FileManager.default.removeItem(atPath: path(device, save))
            for (name, text) in files {
                try folder.write(text, to: "now/\(device)/\(save)/\(name)")
                try touch(device, "\(save)/\(name)")
            }
            ever[save, default: []].insert(Content(files: files.mapValues { Array($0.utf8) }))
        }

        private func touch(_ device: String, _ file: String) throws {
            try folder.setTime(1_700_000_000 + Int(clock.next()), of: "now/\(device)/\(file)")
        }

        private let clock = Counter()

        /// Gives every write a time of its own.
        private final class Counter {
            private var value = 0
            func next() -> Int {
                value += 10
                return value
            }
        }
    }
#endif
