import TestSupport

/// What happens and when: decided by a seed alone, whatever the program and the servers make of it.
struct Story {
    /// How large it is.
    struct Scale: Codable, Sendable {
        var devices = 20
        /// Devices with one owner, which share their saves.
        var devicesPerOwner = 4
        /// Games of each owner at the beginning.
        var games = 60
        var seconds = 3600.0
    }

    /// Something that happens, in seconds after the beginning.
    struct Beat: Equatable, Sendable {
        let at: Double
        let happening: Happening
    }

    private let scale: Scale
    private var random: SplitMix64
    private var now = 0.0
    /// What each device suffers from, and until when.
    private var troubles: [Int: (what: Trouble, until: Double)] = [:]
    private var restarts: [Beat] = []
    /// Games of each owner so far.
    private var games: [Int]

    init(seed: UInt64, scale: Scale) {
        self.scale = scale
        random = SplitMix64(seed: seed)
        games = Array(repeating: scale.games, count: (scale.devices - 1) / scale.devicesPerOwner + 1)
        // All in the first part, so that one life of the daemon is long enough to show growth.
        let count = max(2, Int(scale.seconds / 600))
        for number in 1...count {
            let part = Double(number) - Double.random(in: 0..<0.5, using: &random)
            restarts.append(
                Beat(
                    at: 0.4 * scale.seconds * part / Double(count),
                    happening: .daemonEnds(number % 2 == 0 ? .terminated : .killed)))
        }
    }

    /// The games that stand on a device at the beginning: each on one device of its owner.
    func firstGames(of device: Int) -> [Int] {
        (0..<scale.games).filter { $0 % scale.devicesPerOwner == device % scale.devicesPerOwner }
    }

    /// The size of a save.
    mutating func size() -> Int {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<80: Int.random(in: 64...(16 << 10), using: &random)
        case 80..<98: Int.random(in: (16 << 10)...(128 << 10), using: &random)
        default: Int.random(in: (256 << 10)...(2 << 20), using: &random)
        }
    }

    /// What happens next; nil after the end.
    mutating func next() -> Beat? {
        now += Double.random(in: 0.1..<0.6, using: &random)
        guard now < scale.seconds else { return nil }
        if let restart = restarts.first, restart.at <= now {
            restarts.removeFirst()
            return Beat(at: now, happening: restart.happening)
        }
        if let (device, trouble) = troubles.filter({ $0.value.until <= now }).min(by: { $0.key < $1.key }) {
            troubles[device] = nil
            let isTrusted = trouble.what == .otherKey && Bool.random(using: &random)
            return Beat(at: now, happening: .recovers(device: device, isTrusted: isTrusted))
        }
        return Beat(at: now, happening: something())
    }

    private mutating func something() -> Happening {
        let device = Int.random(in: 0..<scale.devices, using: &random)
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<14: return trouble(device) ?? plays(device)
        case 14..<20: return troubles[device] == nil ? .isCut(device: device) : plays(device)
        case 20: return .daemonReads
        case 21..<28: return .command(errand(device))
        case 28..<32: return canPlay(device) ? .deletes(device: device, game: game(device)) : plays(device)
        default: return plays(device)
        }
    }

    private mutating func trouble(_ device: Int) -> Happening? {
        guard troubles[device] == nil, troubles.count < scale.devices * 2 / 5 else { return nil }
        // A card is changed rarely; everything else happens every day.
        let common: [Trouble] = [.away, .frozen, .silent, .locked, .otherKey]
        let isRare = Int.random(in: 0..<12, using: &random) == 0
        let what = (isRare ? [.cardMissing, .cardEmptied] : common).randomElement(using: &random) ?? .away
        troubles[device] = (what, now + Double.random(in: 3...45, using: &random))
        return .falls(device: device, into: what)
    }

    private mutating func errand(_ device: Int) -> Errand {
        switch Int.random(in: 0..<16, using: &random) {
        case 0..<5: .sync(device: device)
        case 5..<7: .status
        case 7: .saves
        case 8: .retention
        case 9: .verify
        case 10..<13: .resolve(keep: "server")
        case 13..<15: .resolve(keep: "device")
        default: .resolve(keep: "both")
        }
    }

    private func canPlay(_ device: Int) -> Bool { troubles[device]?.what.allowsPlaying ?? true }

    /// On this device, or on the next one that somebody can play on.
    private mutating func plays(_ wanted: Int) -> Happening {
        let device = (0..<scale.devices).lazy.map { [scale] in (wanted + $0) % scale.devices }.first(where: canPlay)
        let chosen = device ?? wanted
        let isNew = Int.random(in: 0..<40, using: &random) == 0
        let owner = chosen / scale.devicesPerOwner
        if isNew { games[owner] += 1 }
        return .plays(
            device: chosen, game: isNew ? games[owner] - 1 : game(chosen), size: size(),
            isAtomic: Int.random(in: 0..<3, using: &random) > 0)
    }

    /// Mostly one of the few games that are played these days: the same ones on all devices of an owner.
    private mutating func game(_ device: Int) -> Int {
        let all = games[device / scale.devicesPerOwner]
        return Int.random(in: 0..<10, using: &random) < 7
            ? Int.random(in: 0..<min(all, 8), using: &random) : Int.random(in: 0..<all, using: &random)
    }
}
