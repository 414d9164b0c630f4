import Planner
import TestSupport
import Testing

/// A run loads the saves of the platforms that matter to it, and plans what it would plan if it knew all.
@Suite struct NarrowScopeTests {
    private static let platforms = ["gba", "GBA", "snes", "Game Boy", "game_boy", "psp"]
    private static let games = ["Metroid", "METROID", "Zelda", "Émile", "E\u{301}mile", "Tetris"]
    private static let sides = ["x", "y", "-", "deleted"]

    /// Any device, any server, any agreements between the two, also for platforms that the device has no place for.
    private func fixture(_ numbers: inout SplitMix64) -> Fixture {
        var fixture = Fixture()
        fixture.directories = [
            SaveDirectory(id: 1, path: "/saves/gba", platform: .named("gba"), extensions: ["srm"]),
            SaveDirectory(id: 2, path: "/roms", platform: .eachSubfolder, extensions: ["srm"]),
        ]
        if Bool.random(using: &numbers) { fixture.directories.removeFirst() }
        fixture.deletionPolicy = Bool.random(using: &numbers) ? .hold : .propagate
        if Int.random(in: 0..<8, using: &numbers) == 0 { fixture.states[2] = .missing }
        for platform in Self.platforms where Bool.random(using: &numbers) {
            fixture.contents[2, default: .init()].folders.append(path(platform))
        }
        var servers: Set<SaveKey> = []
        for _ in 0..<Int.random(in: 0..<24, using: &numbers) {
            let platform = Self.platforms.randomElement(using: &numbers) ?? ""
            let game = Self.games.randomElement(using: &numbers) ?? ""
            guard servers.insert(SaveIdentity(owner: "anna", platform: platform, game: game, kind: .save).key).inserted
            else { continue }
            let device = ["x", "z", "-", "-"].randomElement(using: &numbers) ?? "-"
            let server = Self.sides.randomElement(using: &numbers) ?? "-"
            let agreed = ["x", "-", "-"].randomElement(using: &numbers) ?? "-"
            var save = Fixture.Save(directory: 2, platform: platform, prefix: "\(platform)/")
            save.isGone = Int.random(in: 0..<6, using: &numbers) == 0
            save.isUntracked = Int.random(in: 0..<6, using: &numbers) == 0
            fixture.add(game, "\(device)/\(server)/\(agreed)", save)
        }
        return fixture
    }

    @Test func `what a run loads gives the plan that all of the server's side gives`() {
        var numbers = SplitMix64(seed: 20)
        var left = 0
        for _ in 0..<2_000 {
            let fixture = fixture(&numbers)
            // Compares the two.
            _ = fixture.plan()
            left += fixture.leftOut
        }
        #expect(left > 500, "so many saves were not needed: \(left)")
    }
}

extension Fixture {
    /// How many of the server's saves a run does not load.
    fileprivate var leftOut: Int {
        let narrow = narrowScope
        return servers.count { narrow.server($0.identity.key) == nil }
    }
}
