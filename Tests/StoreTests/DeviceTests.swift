import Planner
import TestSupport
import Testing

@testable import Store

/// Devices as the user configures them.
@Suite struct DeviceTests {
    /// Everything that can be set, and nothing as it is by default.
    static let full = DeviceSettings(
        name: "Retroid_5.pro-x", host: "fe80::1%wlan0", port: 2222, user: "u0_a1",
        authentication: .passwordFile(path: "/run/secret"), owner: "anna", isEnabled: false,
        directories: [
            SaveDirectory(id: 0, path: "/sd/saves", platform: .eachSubfolder, extensions: ["srm"], acceptsNew: false),
            SaveDirectory(id: 0, path: "~/PSP", platform: .named("psp"), layout: .folders),
            SaveDirectory(id: 0, path: "/sd/saves", platform: .eachSubfolder, kind: .state),
        ], conflictPolicy: .keepBoth, deletionPolicy: .propagate, schedule: "*/5 * * * *", runsCommands: false,
        allowsEmptyPassword: true)

    /// Without the numbers that the store gives.
    static func bare(_ directories: [SaveDirectory]) -> [SaveDirectory] {
        directories.map {
            SaveDirectory(
                id: 0, path: $0.path, platform: $0.platform, kind: $0.kind, layout: $0.layout,
                extensions: $0.extensions,
                acceptsNew: $0.acceptsNew)
        }
    }

    @Test func `a device is read back as it was added`() async throws {
        let home = try await Home()
        for settings in [Self.full, Home.settings()] {
            let device = try await home.store.addDevice(settings)
            #expect(try await home.store.device(named: settings.name) == device)
            #expect(Self.bare(device.directories) == Self.bare(settings.directories))
            #expect(device.settings.authentication == settings.authentication && device.settings.port == settings.port)
            #expect(device.settings.conflictPolicy == settings.conflictPolicy && device.hostKeys.isEmpty)
            #expect(
                device.settings.deletionPolicy == settings.deletionPolicy
                    && device.settings.schedule == settings.schedule)
            #expect(
                device.settings.runsCommands == settings.runsCommands
                    && device.settings.allowsEmptyPassword == settings.allowsEmptyPassword)
        }
        #expect(try await home.store.devices().map(\.settings.name) == ["Retroid_5.pro-x", "deck"])
    }

    @Test func `a list of states that was stored for all of them stands for all of them`() async throws {
        let home = try await Home()
        var settings = Home.settings()
        // As it was stored by versions that knew states up to the ninth.
        let stored = ["state", "state.auto", "auto"] + (0...9).map { "state\($0)" } + (0...9).map { "st\($0)" }
        settings.directories = [
            SaveDirectory(id: 0, path: "/states", platform: .eachSubfolder, kind: .state, extensions: stored),
            SaveDirectory(id: 0, path: "/few", platform: .named("gba"), kind: .state, extensions: ["state", "state1"]),
        ]
        let directories = try await home.store.addDevice(settings).directories
        #expect(directories[0].hasDefaultExtensions)
        #expect(directories[0].extensions.contains("state#"))
        #expect(directories[1].extensions == ["state", "state1"])
    }

    @Test func `what a device can't do is remembered until its settings change`() async throws {
        let home = try await Home()
        let device = try await home.store.addDevice(Home.settings())
        #expect(device.speedUpsFailedAt == nil)
        try await home.store.recordFailedSpeedUp(of: device.id, at: 1_700_000_000)
        #expect(try await home.store.device(named: "deck").speedUpsFailedAt == 1_700_000_000)
        #expect(try await home.store.updateDevice(device.id, device.settings).speedUpsFailedAt == nil)
    }

    struct Wrong: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let change: @Sendable (inout DeviceSettings) -> Void
    }

    static let wrong: [Wrong] = [
        Wrong(testDescription: "no name") { $0.name = "" },
        Wrong(testDescription: "a slash in the name") { $0.name = "../deck" },
        Wrong(testDescription: "a hidden name") { $0.name = ".deck" },
        Wrong(testDescription: "a space in the name") { $0.name = "my deck" },
        Wrong(testDescription: "an accent in the name") { $0.name = "d\u{e9}ck" },
        Wrong(testDescription: "a long name") { $0.name = String(repeating: "x", count: 65) },
        Wrong(testDescription: "no host") { $0.host = "" },
        Wrong(testDescription: "a space in the host") { $0.host = "deck lan" },
        Wrong(testDescription: "port 0") { $0.port = 0 },
        Wrong(testDescription: "port 65536") { $0.port = 65_536 },
        Wrong(testDescription: "no user") { $0.user = "" },
        Wrong(testDescription: "no owner") { $0.owner = "" },
        Wrong(testDescription: "no directory") { $0.directories = [] },
        Wrong(testDescription: "a directory without a path") {
            $0.directories = [SaveDirectory(id: 0, path: "", platform: .eachSubfolder)]
        },
        Wrong(testDescription: "NUL in a path") {
            $0.directories = [SaveDirectory(id: 0, path: "/a\u{0}b", platform: .eachSubfolder)]
        },
        Wrong(testDescription: "a directory twice") { $0.directories += $0.directories },
    ]

    @Test(arguments: wrong)
    func `wrong settings are refused in words`(row: Wrong) async throws {
        let home = try await Home()
        let device = try await home.device()
        var settings = Home.settings("other")
        row.change(&settings)
        let added = try await #require(throws: StoreError.self) { try await home.store.addDevice(settings) }
        #expect(added.code == .invalid && !added.what.isEmpty)
        let updated = try await #require(throws: StoreError.self) {
            try await home.store.updateDevice(device.id, settings)
        }
        #expect(updated.code == .invalid)
        #expect(try await home.store.devices() == [device])
    }

    @Test func `a name is taken once`() async throws {
        let home = try await Home()
        let deck = try await home.device()
        let phone = try await home.device("phone")
        let again = try await #require(throws: StoreError.self) { try await home.device() }
        #expect(again.code == .alreadyExists && again.what.contains("deck"))
        let renamed = try await #require(throws: StoreError.self) {
            try await home.store.updateDevice(phone.id, Home.settings("deck"))
        }
        #expect(renamed.code == .alreadyExists)
        #expect(try await home.store.devices() == [deck, phone])
        #expect(try await home.store.updateDevice(deck.id, Home.settings("steamdeck")).settings.name == "steamdeck")
    }

    @Test func `owners that differ only by case are one person`() async throws {
        let home = try await Home()
        let deck = try await home.device(owner: "anna")
        for owner in ["Anna", "ANNA"] {
            let error = try await #require(throws: StoreError.self) { try await home.device("phone", owner: owner) }
            #expect(error.code == .invalid && error.advice.contains("anna"))
        }
        _ = try await home.device("phone", owner: "anna")
        _ = try await home.device("tablet", owner: "bob")
        // The only device of an owner without saves may be spelled anew.
        try await home.store.removeDevice(home.store.device(named: "phone").id)
        #expect(try await home.store.updateDevice(deck.id, Home.settings(owner: "Anna")).settings.owner == "Anna")
        try await home.pull("x", from: home.store.device(named: "deck"))
        await #expect(throws: StoreError.self) {
            try await home.store.updateDevice(deck.id, Home.settings(owner: "anna"))
        }
    }

    @Test func `a device that is gone can't be changed`() async throws {
        let home = try await Home()
        let device = try await home.device()
        try await home.store.removeDevice(device.id)
        let error = try await #require(throws: StoreError.self) {
            try await home.store.updateDevice(device.id, Home.settings())
        }
        #expect(error.code == .notFound)
        let unknown = try await #require(throws: StoreError.self) { try await home.store.device(named: "deck") }
        #expect(unknown.code == .notFound && unknown.advice.contains("device add"))
    }

    @Test func `changed settings keep directories, agreements and pins`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let save = try await home.pull("x", from: device)
        let pin = PinnedHostKey(algorithm: "ssh-ed25519", fingerprint: "SHA256:abc")
        try await home.store.pinHostKeys(
            [pin, PinnedHostKey(algorithm: nil, fingerprint: "SHA256:xyz")], for: device.id)
        var settings = Home.settings()
        settings.host = "192.0.2.1"
        settings.directories = [
            SaveDirectory(id: 0, path: "/new", platform: .named("snes"), extensions: ["srm"]),
            SaveDirectory(id: 0, path: "/saves/gba", platform: .named("gba"), extensions: ["sav"]),
        ]
        let changed = try await home.store.updateDevice(device.id, settings)
        #expect(changed.directories.map(\.path) == ["/new", "/saves/gba"])
        #expect(changed.directories[1].id == device.directories[0].id && changed.directories[1].extensions == ["sav"])
        #expect(changed.hostKeys.map(\.fingerprint) == ["SHA256:abc", "SHA256:xyz"] && changed.hostKeys[0] == pin)
        let row = try await home.store.syncScope(for: changed).baseline(save)
        #expect(row?.directory == device.directories[0].id && row?.entries.count == 1)
        try await home.store.pinHostKeys([pin], for: device.id)
        #expect(try await home.store.device(named: "deck").hostKeys == [pin])
    }

    @Test func `a directory that is no longer configured leaves the agreement without a place`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let save = try await home.pull("x", from: device)
        var settings = Home.settings()
        settings.directories = [SaveDirectory(id: 0, path: "/elsewhere", platform: .named("snes"))]
        let changed = try await home.store.updateDevice(device.id, settings)
        let row = try #require(try await home.store.syncScope(for: changed).baseline(save))
        #expect(row.directory == nil && row.digest != nil)
        // One of its platform has the place again; the stamps of another place prove nothing there.
        settings.directories.append(SaveDirectory(id: 0, path: "/moved", platform: .named("gba")))
        let moved = try await home.store.updateDevice(device.id, settings)
        let found = try #require(try await home.store.syncScope(for: moved).baseline(save))
        #expect(found.directory == moved.directories[1].id && found.path == row.path && found.digest == row.digest)
        #expect(found.entries.isEmpty)
    }

    @Test(arguments: [("/saves/gba", "/saves/gba/"), ("/saves/gba", "/saves//./gba"), ("~/saves", "saves")])
    func `a directory can't be named twice by writing it differently`(one: String, other: String) async throws {
        let home = try await Home()
        var settings = Home.settings()
        settings.directories = [one, other].map { SaveDirectory(id: 0, path: $0, platform: .named("gba")) }
        let error = try await #require(throws: StoreError.self) { try await home.store.addDevice(settings) }
        #expect(error.code == .invalid && error.what.contains("names a directory twice"))
    }

    @Test func `a reset forgets what was agreed on and the cards, and keeps places, untracked saves and versions`()
        async throws
    {
        let home = try await Home()
        let device = try await home.device()
        let other = try await home.device("other")
        let save = try await home.pull("x", from: device)
        let untracked = try await home.pull("x", of: "Zelda", from: device)
        try await home.pull("x", from: other)
        try await home.store.setUntracked(true, device: device, save: home.save(untracked))
        try await home.store.commitGone([save], device: device.id)
        let card = try #require(CardIdentity(number: 7, totalBytes: 8))
        try await home.store.rememberCards([device.directories[0].id: card])
        let history = try await home.store.history(of: save)
        let kept = try await home.store.syncScope(for: other).baseline(save)
        #expect(try await home.store.agreementCounts(device: device.id) == (1, 1))

        try await home.store.resetDevice(device.id)
        #expect(try await home.store.agreementCounts(device: device.id) == (0, 0))
        let scope = try await home.store.syncScope(for: device)
        let row = try #require(scope.baseline(save))
        #expect(row.agreement == .forgotten && row.entries.isEmpty && !row.isGone)
        #expect(row.directory == device.directories[0].id && row.path.text == "Metroid.srm")
        #expect(scope.baseline(untracked)?.isUntracked == true && scope.baseline(untracked)?.digest != nil)
        #expect(try await home.store.syncScope(for: other).baseline(save) == kept)
        #expect(try await home.store.history(of: save) == history)
        #expect(try await home.store.status().first { $0.device.id == device.id }?.trackedSaves == 0)
        let query = "SELECT count(*) FROM save_directories WHERE card_number IS NOT NULL"
        let cards = try await Command.run("sqlite3", ["-readonly", home.folder("state/saveferry.db"), query])
        #expect(cards.output == "0\n")
    }

    @Test func `a removed device leaves its saves, versions and runs`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let save = try await home.pull("x", from: device)
        try await home.pull("y", from: device)
        try await home.conflict("z", on: device, save: save)
        let session = try await home.store.beginSession(device: device, trigger: .onDemand, operations: [])
        try await home.store.removeDevice(device.id)
        #expect(try await home.store.devices().isEmpty)
        #expect(try await home.store.conflicts().isEmpty)
        #expect(try await home.store.saves().map(\.id) == [save])
        let history = try await home.store.history(of: save)
        #expect(history.count == 3 && history.allSatisfy { $0.source == "deck" })
        #expect(try await home.store.session(session.id).session.deviceName == "deck")
        // A device of that name is a new one: nothing was agreed on with it.
        let again = try await home.device()
        #expect(try await home.store.syncScope(for: again).baseline(save) == nil)
        #expect(try await home.store.syncScope(for: again).server(Home.identity().key) != nil)
    }
}
