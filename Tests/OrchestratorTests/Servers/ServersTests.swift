import Foundation
import Orchestrator
import Planner
import Store
import TestSupport
import Testing

/// Whole runs with real saves against SSH servers of other makers. They are not on every machine and take their time: only
/// `make servers` runs these.
@Suite(.serialized, .enabled(if: triesServers), .timeLimit(.minutes(15))) struct ServersTests {
    static let files = (0..<8).map { "Game \($0).srm" } + [long]
    /// As long as a file system allows.
    static let long = String(repeating: "Long ", count: 50) + "N.srm"
    static let folder = "ULUS10041"

    /// Tells by every line what it is of.
    static func text(_ name: String, _ version: Int) -> String {
        String(repeating: "version \(version) of \(name)\n", count: 30 + 200 * version)
    }

    private static func configure(_ port: Int) -> (inout DeviceSettings, TemporaryFolder) -> Void {
        { settings, folder in
            settings.port = port
            settings.directories = [
                SaveDirectory(id: 0, path: folder("saves"), platform: .named("gba"), extensions: ["srm"]),
                SaveDirectory(id: 0, path: folder("psp"), platform: .named("psp"), layout: .folders),
                SaveDirectory(id: 0, path: folder("snes"), platform: .named("snes"), extensions: ["srm"]),
            ]
            for path in ["psp", "snes"] {
                try? FileManager.default.createDirectory(atPath: folder(path), withIntermediateDirectories: true)
            }
        }
    }

    private func server(_ kind: String) async throws -> DeviceServer {
        // What is changed beneath a cache is a test of its own.
        kind.hasPrefix("rclone") ? try await .rclone(cacheTime: "1ms") : try await .start(kind)
    }

    @Test(arguments: DeviceServer.reachable)
    func `saves are pulled, pushed, replaced and kept apart, and nothing is left behind`(_ kind: String) async throws {
        let hub = try await Hub()
        let server = try await server(kind)
        let openSSH = try await OpenSSHServer()
        let pocket = try await Handheld("pocket", of: hub, server: openSSH, configure: Self.configure(server.port))
        let other = try await Handheld("other", of: hub, server: openSSH, configure: Self.configure(openSSH.port))
        var expected: [String: String] = [:]
        for file in Self.files { expected["saves/\(file)"] = Self.text(file, 0) }
        for file in ["DATA.BIN", "PARAM.SFO", "icons/ICON0.PNG"] {
            expected["psp/\(Self.folder)/\(file)"] = Self.text(file, 0)
        }
        func isRight(_ handheld: Handheld, _ when: String) {
            for (path, text) in expected {
                let has = handheld.folder.read(path) == Array(text.utf8)
                #expect(has, "\(path) of \(handheld.name) \(when)")
            }
            let folders: Set = ["saves", "psp", "snes", "psp/\(Self.folder)", "psp/\(Self.folder)/icons"]
            #expect(Set(handheld.folder.everything()) == Set(expected.keys).union(folders), "\(handheld.name) \(when)")
        }
        for (path, text) in expected {
            try pocket.folder.write(text, to: path)
            try pocket.folder.setTime(1_700_000_000, of: path)
        }
        try await pocket.sync(expecting: [.pull: 10])
        try await other.sync(expecting: [.push: 10])
        isRight(other, "after all was pulled and pushed")
        try await pocket.rerunIsQuiet()

        // Over what is there, and new.
        func play(_ path: String, _ version: Int) throws {
            expected[path] = Self.text(path, version)
            try other.folder.write(Self.text(path, version), to: path)
            try other.folder.setTime(1_700_000_000 + version * 100, of: path)
        }
        for file in Self.files.prefix(6) + [Self.long] { try play("saves/\(file)", 1) }
        try play("psp/\(Self.folder)/DATA.BIN", 1)
        for number in 0..<4 { try play("saves/New \(number).srm", 2) }
        try await other.sync(expecting: [.pull: 12])
        try await pocket.sync(expecting: [.push: 12])
        isRight(pocket, "after it was pushed to")
        try await pocket.rerunIsQuiet()

        // Both have played.
        try play("saves/Game 7.srm", 3)
        try pocket.write("Game 7.srm", Self.text("elsewhere", 1))
        try await other.sync(expecting: [.pull: 1])
        try await pocket.sync(expecting: [.conflict: 1])
        #expect(pocket.read("Game 7.srm") == Self.text("elsewhere", 1))
        #expect(
            try await hub.contents("Game 7").sorted()
                == [Self.text("elsewhere", 1), Self.text("saves/Game 7.srm", 3), Self.text("Game 7.srm", 0)].sorted())
        let conflict = try #require(try await hub.store.conflicts().first)
        _ = try await hub.store.resolveConflict(conflict.id, keep: .server)
        try await pocket.sync(expecting: [.push: 1])
        isRight(pocket, "after the conflict")
        try await pocket.rerunIsQuiet()
    }

    // MARK: What single servers do

    @Test func `a server that lists from a cache: said once, the rest goes on, and doctor finds it`() async throws {
        let lines = LogLines()
        let hub = try await Hub(logger: lines.logger)
        let server = try await DeviceServer.start("rclone serve sftp")
        let openSSH = try await OpenSSHServer()
        let pocket = try await Handheld("pocket", of: hub, server: openSSH, configure: Self.configure(server.port))
        for file in ["Grown", "Cut", "Still"] { try pocket.write("\(file).srm", Self.text(file, 1)) }
        try pocket.folder.setTime(1_600_000_000, of: "saves")
        // It shows this from now on.
        _ = try await pocket.plan()
        try pocket.write("Grown.srm", Self.text("Grown", 2))
        try pocket.write("Cut.srm", Self.text("Cut", 0))
        let report = try await pocket.sync()
        #expect(report.done == [.pull: 1], "\(report.shown)")
        #expect(try await hub.content("Still") == Self.text("Still", 1))
        #expect(try await hub.store.saves().count == 1)
        #expect(lines.all.count { $0.contains("old listing") } == 1)
        let findings = await hub.orchestrator.examine(try await pocket.device, writeTest: true)
        #expect(findings.contains { $0.result == .warning && $0.detail.contains("lists from a cache") }, "\(findings)")
    }

    @Test func `doctor finds a cache also where the directory was changed just before, and only there`() async throws {
        let hub = try await Hub()
        let openSSH = try await OpenSSHServer()
        let rclone = try await DeviceServer.start("rclone serve sftp")
        for port in [rclone.port, openSSH.port] {
            let pocket = try await Handheld("pocket\(port)", of: hub, server: openSSH) { settings, _ in
                settings.port = port
            }
            try pocket.write("Metroid.srm", "x")
            let findings = await hub.orchestrator.examine(try await pocket.device, writeTest: true)
            #expect(findings.contains { $0.check.hasSuffix(": writing") })
            let isFound = findings.contains { $0.result == .warning && $0.detail.contains("lists from a cache") }
            #expect(isFound == (port == rclone.port), "\(findings)")
        }
    }

    @Test(arguments: ["MySecureShell", "ProFTPD's mod_sftp"])
    func `a link is not replaced, and what it leads to is not removed, where the server follows links`(_ kind: String)
        async throws
    {
        let hub = try await Hub()
        let server = try await DeviceServer.start(kind)
        let openSSH = try await OpenSSHServer()
        let pocket = try await Handheld("pocket", of: hub, server: openSSH, configure: Self.configure(server.port))
        let other = try await Handheld("other", of: hub, server: openSSH, configure: Self.configure(openSSH.port))
        try pocket.write("Linked.srm", Self.text("Linked", 0))
        try pocket.folder.write(Self.text("DATA", 0), to: "psp/\(Self.folder)/DATA.BIN")
        for file in ["DATA.BIN", "PART.BIN", "icons/ICON.PNG"] {
            try pocket.folder.write(Self.text(file, 0), to: "psp/Links inside/\(file)")
        }
        try pocket.folder.write(Self.text("DATA", 0), to: "psp/A link beside/DATA.BIN")
        try await pocket.sync(expecting: [.pull: 4])
        try await other.sync(expecting: [.push: 4])
        // The same contents, now elsewhere.
        let files = FileManager.default
        try files.createDirectory(atPath: pocket.folder("elsewhere"), withIntermediateDirectories: true)
        var links = ["saves/Linked.srm", "psp/\(Self.folder)", "psp/Links inside/PART.BIN", "psp/Links inside/icons"]
        for path in links {
            let place = pocket.folder("elsewhere/" + (path.split(separator: "/").last ?? ""))
            try files.moveItem(atPath: pocket.folder(path), toPath: place)
            try files.createSymbolicLink(atPath: pocket.folder(path), withDestinationPath: place)
        }
        // And what is in no version.
        try pocket.folder.write("more", to: "elsewhere/MORE.BIN")
        links.append("psp/A link beside/MORE.BIN")
        try files.createSymbolicLink(
            atPath: pocket.folder("psp/A link beside/MORE.BIN"),
            withDestinationPath: pocket.folder("elsewhere/MORE.BIN"))
        try other.folder.write(Self.text("DATA", 1), to: "psp/A link beside/DATA.BIN")
        try other.write("Linked.srm", Self.text("Linked", 1))
        try other.folder.write(Self.text("DATA", 1), to: "psp/\(Self.folder)/DATA.BIN")
        try other.folder.write(Self.text("DATA", 1), to: "psp/Links inside/DATA.BIN")
        try await other.sync(expecting: [.pull: 4])
        func isLeftAlone(_ when: String) {
            for path in links {
                let leadsTo = try? files.destinationOfSymbolicLink(atPath: pocket.folder(path))
                #expect(leadsTo != nil, "\(path) \(when)")
            }
            let elsewhere = [
                ("Linked.srm", "Linked"), ("\(Self.folder)/DATA.BIN", "DATA"), ("PART.BIN", "PART.BIN"),
                ("icons/ICON.PNG", "icons/ICON.PNG"),
            ]
            for (path, text) in elsewhere {
                #expect(pocket.folder.read("elsewhere/\(path)") == Array(Self.text(text, 0).utf8), "\(path) \(when)")
            }
            #expect(pocket.folder.read("elsewhere/MORE.BIN") == Array("more".utf8), "\(when)")
            #expect(pocket.folder.read("psp/Links inside/DATA.BIN") == Array(Self.text("DATA.BIN", 0).utf8), "\(when)")
        }
        _ = try await pocket.sync(allowing: [.massDeletion, .directoryEmptied])
        isLeftAlone("after another content was to be put there")
        try await pocket.edit { $0.deletionPolicy = .propagate }
        for save in try await hub.store.saves() { try await hub.store.deleteSave(save.id) }
        _ = try await pocket.sync(allowing: [.massDeletion, .directoryEmptied])
        isLeftAlone("after they were to be removed")
    }

    @Test(arguments: ["MySecureShell", "ProFTPD's mod_sftp"])
    func `a link that leads nowhere has a new save's place, and is told as a link`(_ kind: String) async throws {
        let hub = try await Hub()
        let server = try await DeviceServer.start(kind)
        let openSSH = try await OpenSSHServer()
        let pocket = try await Handheld("pocket", of: hub, server: openSSH, configure: Self.configure(server.port))
        let other = try await Handheld("other", of: hub, server: openSSH, configure: Self.configure(openSSH.port))
        try pocket.write("There.srm", Self.text("There", 0))
        try await pocket.sync(expecting: [.pull: 1])
        try FileManager.default.createSymbolicLink(
            atPath: pocket.folder("saves/New.srm"), withDestinationPath: "nowhere")
        try other.write("New.srm", Self.text("New", 0))
        try await other.sync(expecting: [.pull: 1, .push: 1])
        let report = try await pocket.sync()
        #expect(report.shown.contains("symbolic link"), "\(report.shown)")
        #expect(pocket.folder.read("saves/nowhere") == nil)
    }

    @Test(arguments: ["MySecureShell", "ProFTPD's mod_sftp"])
    func `folders of platforms that are links are listed once, also where the server shows them as folders`(
        _ kind: String
    ) async throws {
        let hub = try await Hub()
        let server = try await DeviceServer.start(kind)
        let pocket = try await Handheld(of: hub, server: try await OpenSSHServer()) { settings, folder in
            settings.port = server.port
            settings.directories = [SaveDirectory(id: 0, path: folder("saves"), platform: .eachSubfolder)]
        }
        try pocket.write("gb/Tetris.srm", "Tetris")
        try pocket.write(".store/gba/Metroid.srm", "Metroid")
        try pocket.folder.write("Chrono", to: "elsewhere/snes/Chrono.srm")
        for (link, target) in [
            ("gba", ".store/gba"), ("gameboy", "gb"), ("snes", "../elsewhere/snes"), ("loop", "."), ("nes", "nowhere"),
        ] {
            try FileManager.default.createSymbolicLink(
                atPath: pocket.folder("saves/\(link)"), withDestinationPath: target)
        }
        let report = try await pocket.sync()
        #expect(report.moved == [.pull: 2], "\(report.shown)")
        #expect(report.shown.contains("outside of the save directory; not followed"), "\(report.shown)")
        #expect(try await hub.store.saves().map(\.identity.game).sorted() == ["Metroid", "Tetris"])
        try await pocket.rerunIsQuiet()
    }

    @Test(arguments: ["close", "abort"])
    func `a server that hangs up when it is to run a command gets the run without one`(_ answer: String) async throws {
        let hub = try await Hub()
        let server = try await AsyncSSHServer(toCommands: answer)
        let openSSH = try await OpenSSHServer()
        for number in 0..<4 {
            let pocket = try await Handheld(
                "pocket\(number)", of: hub, server: openSSH, configure: Self.configure(server.port))
            try pocket.write("Large \(number).srm", String(repeating: "large...", count: 160_000))
            try pocket.write("Small \(number).srm", "small")
            _ = try await pocket.sync()
            hub.clock.advance(seconds: 10)
            _ = try await pocket.sync()
            try pocket.folder.setTime(1_700_000_000, of: "saves/Large \(number).srm")
            try pocket.write("Small \(number).srm", "smaller")
            let report = try await pocket.sync()
            #expect(report.failure == nil, "\(report.shown)")
            #expect(try await hub.content("Small \(number)") == "smaller")
            #expect(try await pocket.device.speedUpsFailedAt != nil)
        }
    }

    @Test func `a server that gives one handle to several files shows five directories apart`() async throws {
        let hub = try await Hub()
        let server = try await DeviceServer.start("Erlang's ssh")
        let openSSH = try await OpenSSHServer()
        let platforms = ["gba", "snes", "nes", "gb", "gbc"]
        let pocket = try await Handheld("pocket", of: hub, server: openSSH) { settings, folder in
            settings.port = server.port
            settings.directories = platforms.map {
                SaveDirectory(id: 0, path: folder($0), platform: .named($0), extensions: ["srm"])
            }
        }
        for platform in platforms {
            for game in 0..<4 {
                try pocket.folder.write(Self.text("\(platform) \(game)", 1), to: "\(platform)/\(platform) \(game).srm")
            }
        }
        try await pocket.sync(expecting: [.pull: 20])
        for platform in platforms {
            for game in 0..<4 {
                let content = try await hub.content("\(platform) \(game)")
                #expect(content == Self.text("\(platform) \(game)", 1))
            }
        }
        try await pocket.rerunIsQuiet()
    }
}
