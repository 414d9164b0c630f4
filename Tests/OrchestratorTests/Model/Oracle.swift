/// What must come of syncs, said as simply as possible and without looking at how the planner says it: for one device
/// and one game, did the player change it there, and did the server's change, since the two last agreed?
struct Oracle {
    enum Server: Equatable {
        case never
        case holds(Int)
        case deleted(last: Int)
    }

    /// One device's part in one game.
    struct Pair: Equatable {
        var device: Int?
        var agreed: Int?
        /// The device's content of the open conflict.
        var conflict: Int?
        /// The user restored what was agreed on, which is there again after the next sync.
        var isWanted = false
        /// The player wrote without moving size or time.
        var isHidden = false
    }

    /// What a sync may do to one game; two are possible only where a write hides behind an unchanged stamp.
    struct Outcome: Equatable {
        var server: Server
        var pair: Pair
    }

    var servers: [Server]
    /// By device, then by game.
    var pairs: [[Pair]]
    /// Contents that must be retrievable from now on, by game.
    var kept: [Set<Int>]

    init(devices: Int, games: Int) {
        servers = Array(repeating: .never, count: games)
        pairs = Array(repeating: Array(repeating: Pair(), count: games), count: devices)
        kept = Array(repeating: [], count: games)
    }

    /// What a sync of `device` may come to for `game`. `propagates`: deletions on the server reach the device.
    func outcomes(device: Int, game: Int, propagates: Bool) -> [Outcome] {
        let pair = pairs[device][game]
        let seen = outcome(servers[game], pair, propagates)
        let hasReasonToRead: Bool =
            switch servers[game] {
            case .holds(let content): content != pair.agreed || pair.isWanted
            case .deleted: propagates
            case .never: true
            }
        guard pair.isHidden, !hasReasonToRead else { return [seen] }
        return [seen, Outcome(server: servers[game], pair: pair)]
    }

    private func outcome(_ server: Server, _ pair: Pair, _ propagates: Bool) -> Outcome {
        var result = Outcome(server: server, pair: pair)
        result.pair.isHidden = false
        func agree(on content: Int) {
            result.server = .holds(content)
            result.pair = Pair(device: content, agreed: content)
        }
        let deviceChanged = pair.device != pair.agreed
        switch (pair.device, server) {
        case (nil, .never):
            break
        case (let here?, .never):
            agree(on: here)
        case (let here?, .holds(let there)) where here == there:
            agree(on: here)
        case (let here?, .holds(let there)):
            if pair.agreed == there {
                agree(on: here)
            } else if !deviceChanged {
                agree(on: there)
            } else {
                result.pair.conflict = here
            }
        case (nil, .holds(let there)):
            // Deleted by the player: stays so until the server has something new, or the user wants it back.
            if pair.agreed != there || pair.isWanted { agree(on: there) }
        case (let here?, .deleted(let last)):
            if here == pair.agreed || (pair.agreed == nil && here == last) {
                if propagates { result.pair = Pair(device: nil, agreed: nil, conflict: pair.conflict) }
            } else {
                agree(on: here)
            }
        case (nil, .deleted):
            result.pair.agreed = nil
            result.pair.isWanted = false
        }
        return result
    }
}
