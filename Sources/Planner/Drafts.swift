/// What an operation is about.
struct Subject {
    /// The save's key: the device's own where the device has it, which lies nearer in memory than the server's.
    let key: SaveKey
    /// The save directory's number.
    let directory: Int64
    /// Where it stands, or would stand, below it. The valves of that place rule over the operation.
    let path: RelativePath
}

/// An operation, and what it is about: nil for an entry that is no save.
typealias Draft = (operation: Operation, subject: Subject?)

/// The operations of a plan in the making.
struct Drafts {
    var operations: [Operation] = []
    /// One for each operation.
    private(set) var subjects: [Subject?] = []

    init(capacity: Int) {
        operations.reserveCapacity(capacity)
        subjects.reserveCapacity(capacity)
    }

    mutating func add(_ draft: Draft) {
        operations.append(draft.operation)
        subjects.append(draft.subject)
    }

    /// Sorts the operations by what is done, then by platform, game, kind and slot; entries that are no saves come last, by
    /// path.
    mutating func sort() {
        var platforms = PlatformPositions(subjects)
        var lines: [SortedLine] = []
        lines.reserveCapacity(operations.count)
        for index in operations.indices {
            let key = subjects[index]?.key
            lines.append(
                SortedLine(
                    rank: operations[index].step.rank, platform: key.map { platforms.position($0.platform) } ?? .max,
                    game: key?.gameStart, index: index))
        }
        lines.sort { a, b in
            if a.rank != b.rank { return a.rank < b.rank }
            if a.platform != b.platform { return a.platform < b.platform }
            if let game = a.game, let other = b.game, game != other { return game < other }
            if let key = subjects[a.index]?.key, let other = subjects[b.index]?.key, key != other { return key < other }
            return operations[a.index].remotePath < operations[b.index].remotePath
        }
        arrange(lines.map(\.index))
    }

    /// Puts the operation at `order[i]` to place `i`. Each round follows one cycle of the permutation from `start` until it
    /// comes back there.
    ///
    /// The buffer is used only inside the closure, and only to exchange two elements at indices of `operations`. There an
    /// exchange copies nothing, where the array's own would copy the operation's names and texts.
    private mutating func arrange(_ order: [Int]) {
        var order = order
        subjects = []
        operations.withUnsafeMutableBufferPointer { operations in
            for start in operations.indices {
                var place = start
                while order[place] != start {
                    let next = order[place]
                    operations.swapAt(place, next)
                    order[place] = place
                    place = next
                }
                order[place] = place
            }
        }
    }
}

/// What most operations are told apart by. No references: there may be very many lines, operations are costly to move,
/// and their names lie anywhere in memory.
private struct SortedLine {
    let rank: Int
    /// The platform's place among the plan's platforms; the last one where the line is no save.
    let platform: Int
    let game: SortedStart?
    /// The operation's place before it is sorted.
    let index: Int
}

/// The place of each platform among all platforms of a plan, in order.
private struct PlatformPositions {
    private let positions: [String: Int]
    /// The last one asked for: saves of one platform mostly follow each other.
    private var last: (platform: String, position: Int)?

    init(_ subjects: [Subject?]) {
        var platforms: Set<String> = []
        var last: String?
        for subject in subjects {
            guard let platform = subject?.key.platform, platform != last else { continue }
            platforms.insert(platform)
            last = platform
        }
        positions = Dictionary(
            platforms.sorted().enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    }

    mutating func position(_ platform: String) -> Int {
        if let last, last.platform == platform { return last.position }
        let position = positions[platform] ?? .max
        last = (platform, position)
        return position
    }
}

extension Step {
    /// Contents are brought to safety before anything is replaced, and what is left alone comes last.
    fileprivate var rank: Int {
        switch self {
        case .pull: 0
        case .conflict: 1
        case .adopt, .markGone, .retire: 2
        case .push: 3
        case .remove: 4
        case .hold: 5
        case .skip: 6
        case .nothing: 7
        }
    }
}
