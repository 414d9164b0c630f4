import Planner
import Testing

@testable import Store

/// What is loaded of the server's side for one device.
@Suite struct ScopeTests {
    let home: Home

    init() async throws { home = try await Home() }

    private func device(_ name: String, _ platform: SaveDirectory.PlatformRule) async throws -> Device {
        var settings = Home.settings(name)
        settings.directories = [SaveDirectory(id: 0, path: "/saves", platform: platform, extensions: ["srm"])]
        return try await home.store.addDevice(settings)
    }

    private func pull(_ game: String, _ platform: String, from device: Device) async throws {
        let identity = Home.identity(game, platform: platform)
        let version = try await home.stored([("\(game).srm", game)], as: identity)
        _ = try await home.commitPull(
            PullCommit(
                operation: nil, device: device.id, over: nil, identity: identity, directory: device.directories[0].id,
                path: try #require(RelativePath("\(game).srm")), shape: .file, content: Home.content(version),
                version: version))
    }

    private func games(_ device: Device, of platforms: Set<String>? = nil) async throws -> [String] {
        let scope = try await home.store.syncScope(for: device, of: platforms)
        return ["Metroid", "Zelda", "Tetris", "Kirby"].filter { game in
            ["gba", "Game Boy"].contains { scope.server(Home.identity(game, platform: $0).key) != nil }
        }
    }

    @Test func `a device's platforms are loaded, and what was agreed on with it`() async throws {
        let (gba, boy) = (try await device("gba", .named("GBA")), try await device("boy", .named("game_boy")))
        let cards = try await device("cards", .eachSubfolder)
        try await pull("Metroid", "gba", from: gba)
        try await pull("Zelda", "gba", from: boy)
        try await pull("Tetris", "Game Boy", from: boy)
        try await pull("Kirby", "Game Boy", from: gba)
        #expect(try await games(gba) == ["Metroid", "Zelda", "Kirby"])
        #expect(try await games(boy) == ["Zelda", "Tetris", "Kirby"])
        // Where the platforms are not known before it is listed, those that it had.
        #expect(try await games(cards) == [])
        #expect(try await games(cards, of: ["gameboy"]) == ["Tetris", "Kirby"])
        #expect(try await games(cards, of: ["gba", "gameboy"]) == ["Metroid", "Zelda", "Tetris", "Kirby"])
        let scope = try await home.store.syncScope(for: gba)
        #expect(scope.covers(["gba"]) && !scope.covers(["gba", "gameboy"]))
        #expect(try await home.store.syncScope(for: try await device("other", .named("psp"))).covers(["psp"]))
    }

    @Test func `a device with platform folders gets the saves of a platform that it shows for the first time`()
        async throws
    {
        let cards = try await device("cards", .eachSubfolder)
        try await pull("Metroid", "gba", from: cards)
        try await pull("Tetris", "Game Boy", from: try await device("boy", .named("Game Boy")))
        #expect(try await games(cards) == ["Metroid"])
        let shown = DirectoryListing(
            directory: cards.directories[0],
            state: .listed(.init(folders: ["gba", "GAME BOY"].compactMap { RelativePath($0) })))
        #expect(!(try await home.store.syncScope(for: cards).covers(shown.platforms)))
        #expect(try await games(cards, of: shown.platforms) == ["Metroid", "Tetris"])
    }
}
