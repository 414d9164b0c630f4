import TestSupport
import Testing

/// One random story: players play and delete, the user restores, deletes and decides, devices sync, in any order.
/// After each sync the world must be what the oracle says, and nothing that ever stood on either side may be lost.
struct ModelRun {
    let seed: UInt64
    private let world: any World
    private var random: SplitMix64
    private var oracle = Oracle(devices: Scale.devices, games: Scale.games)
    private var nextContent = 0
    /// Counts writes, so that no two give a file the same time by chance.
    private var writes = 0
    private var story: [String] = []
    /// Seconds on the server's monotonic clock.
    private var now = 0
    private var stamps = Array(
        repeating: [KnownStamp?](repeating: nil, count: Scale.games), count: Scale.devices)

    /// What syncs can know of a file's stamp: since when it was listed, and whether a later write must move it.
    private struct KnownStamp {
        var firstListed: Int
        var isSettled = false
    }

    init(seed: UInt64, world: any World) {
        self.seed = seed
        self.world = world
        random = SplitMix64(seed: seed)
    }

    /// Plays `steps` steps. Throws what went differently, with the story so far.
    mutating func play(steps: Int) async throws {
        for _ in 0..<steps {
            try await step()
            await Task.yield()
        }
        for device in 0..<Scale.devices { try await sync(device) }
    }

    private mutating func step() async throws {
        let device = Int.random(in: 0..<Scale.devices, using: &random)
        let game = Int.random(in: 0..<Scale.games, using: &random)
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<30: try await write(device, game)
        case 30..<40: try await remove(device, game)
        case 40..<45: try await delete(game)
        case 45..<52: try await restore(game)
        case 52..<62: try await resolve(device, game)
        case 62..<70: try await wait()
        default: try await sync(device)
        }
    }

    // MARK: What players and users do

    private mutating func write(_ device: Int, _ game: Int) async throws {
        // Mostly something new; sometimes what another device or an older version has.
        let old = oracle.kept[game].sorted()
        let content: Int
        if !old.isEmpty, Int.random(in: 0..<4, using: &random) == 0 {
            content = old[Int.random(in: 0..<old.count, using: &random)]
        } else {
            nextContent += 1
            content = nextContent
        }
        let pair = oracle.pairs[device][game]
        writes += 1
        // A write within the tick of the device's clock, or by a device whose clock stands still.
        let keepsStamp = pair.device != nil && Int.random(in: 0..<6, using: &random) == 0
        // Clocks of handhelds: right, stuck in 1970, far ahead, going backwards.
        let clocks = [1_790_000_000 + writes * 2, writes * 2, 4_000_000_000 + writes * 2, 1_000_000_000 - writes * 2]
        let time = clocks[Int.random(in: 0..<clocks.count, using: &random)]
        note("device \(device) writes game \(game) = \(content)\(keepsStamp ? " without moving its stamp" : "")")
        try await world.write(content, device: device, game: game, time: keepsStamp ? nil : time)
        let isSettled = stamps[device][game]?.isSettled == true
        if !keepsStamp { stamps[device][game] = nil }
        oracle.pairs[device][game].device = content
        oracle.pairs[device][game].isHidden = keepsStamp && isSettled && content != pair.agreed
    }

    private mutating func remove(_ device: Int, _ game: Int) async throws {
        guard oracle.pairs[device][game].device != nil else { return }
        note("device \(device) deletes game \(game)")
        try await world.remove(device: device, game: game)
        oracle.pairs[device][game].device = nil
        oracle.pairs[device][game].isHidden = false
        stamps[device][game] = nil
    }

    private mutating func delete(_ game: Int) async throws {
        guard case .holds(let content) = oracle.servers[game] else { return }
        note("the server deletes game \(game)")
        try await world.delete(game: game)
        oracle.servers[game] = .deleted(last: content)
    }

    private mutating func restore(_ game: Int) async throws {
        let contents = oracle.kept[game].sorted()
        guard !contents.isEmpty else { return }
        let content = contents[Int.random(in: 0..<contents.count, using: &random)]
        note("the server restores game \(game) = \(content)")
        try await world.restore(content, game: game)
        oracle.servers[game] = .holds(content)
        for device in oracle.pairs.indices where oracle.pairs[device][game].agreed == content {
            oracle.pairs[device][game].isWanted = true
        }
    }

    private mutating func resolve(_ device: Int, _ game: Int) async throws {
        guard let content = oracle.pairs[device][game].conflict else { return }
        let keepDevice = Bool.random(using: &random)
        note(
            "the conflict of device \(device) over game \(game) is decided for the \(keepDevice ? "device" : "server")")
        try await world.resolve(device: device, game: game, keepDevice: keepDevice)
        oracle.pairs[device][game].conflict = nil
        oracle.pairs[device][game].agreed = content
        oracle.pairs[device][game].isWanted = false
        if keepDevice { oracle.servers[game] = .holds(content) }
    }

    private mutating func wait() async throws {
        let seconds = Int.random(in: 1...4, using: &random)
        note("\(seconds) s go by")
        try await world.wait(seconds: seconds)
        now += seconds
    }

    // MARK: Syncs

    private mutating func sync(_ device: Int) async throws {
        note("device \(device) syncs")
        let before = oracle.pairs[device]
        _ = try await world.sync(device: device)
        for game in 0..<Scale.games {
            let allowed = oracle.outcomes(device: device, game: game, propagates: Scale.propagates(device))
            let found = try await found(device, game)
            guard let outcome = allowed.first(where: { same($0, found) }) else {
                throw Difference("game \(game): the world has \(found); expected one of \(allowed)", self)
            }
            oracle.servers[game] = outcome.server
            oracle.pairs[device][game] = outcome.pair
            if case .holds(let content) = outcome.server { oracle.kept[game].insert(content) }
            if let conflict = outcome.pair.conflict { oracle.kept[game].insert(conflict) }
            let old = before[game].device
            if let old, outcome.pair.device != old { oracle.kept[game].insert(old) }
            listed(device, game, isReplaced: outcome.pair.device != old)
            let lost = oracle.kept[game].subtracting(try await world.library(game: game))
            guard lost.isEmpty else { throw Difference("game \(game): the contents \(lost.sorted()) are lost", self) }
        }
        let isDecided = oracle.pairs[device].allSatisfy { !$0.isHidden }
        if isDecided, Int.random(in: 0..<3, using: &random) == 0 {
            let moved = try await world.sync(device: device)
            guard moved == 0 else { throw Difference("a second sync moved \(moved) saves", self) }
        }
    }

    private mutating func listed(_ device: Int, _ game: Int, isReplaced: Bool) {
        guard oracle.pairs[device][game].device != nil else {
            stamps[device][game] = nil
            return
        }
        guard let known = stamps[device][game], !isReplaced else {
            stamps[device][game] = KnownStamp(firstListed: now)
            return
        }
        stamps[device][game]?.isSettled = known.isSettled || now - known.firstListed >= 3
    }

    /// What the world shows of one game after a sync; the agreement itself can't be seen.
    private func found(_ device: Int, _ game: Int) async throws -> (server: Oracle.Server, device: Int?, conflict: Bool)
    {
        (
            try await world.serverContent(game: game), try await world.deviceContent(device: device, game: game),
            try await world.hasConflict(device: device, game: game)
        )
    }

    private func same(_ outcome: Oracle.Outcome, _ found: (server: Oracle.Server, device: Int?, conflict: Bool)) -> Bool
    {
        outcome.server == found.server && outcome.pair.device == found.device
            && (outcome.pair.conflict != nil) == found.conflict
    }

    private mutating func note(_ line: String) { story.append(line) }

    struct Difference: Error, CustomStringConvertible {
        let description: String

        init(_ what: String, _ run: ModelRun) {
            description = "seed \(run.seed): \(what)\n" + run.story.joined(separator: "\n")
        }
    }
}
