/// An operation, and the place whose valves rule over it: where the save stands, or would stand.
struct Draft {
    let operation: Operation
    /// The save directory's number.
    let directory: Int64
    let path: RelativePath
    /// A push that the user asked for by name or by platform, although the save was deleted on the device.
    var isWantedBack = false
    /// Not pushed because its platform's folder is gone, which was not told yet.
    var lacksFolder = false
}

/// The operations of a plan in the making: the safety limits are applied to each as it comes.
struct Drafts {
    private(set) var operations: [Operation] = []
    private(set) var limits: ContentLimits
    /// One for each operation; see ``Step/rank``.
    private var ranks: [UInt8] = []
    private let valves: DirectoryValves
    private let places: Places

    init(_ input: PlanInput, _ valves: DirectoryValves, _ places: Places, capacity: Int) {
        limits = ContentLimits(input)
        self.valves = valves
        self.places = places
        operations.reserveCapacity(capacity)
        ranks.reserveCapacity(capacity)
    }

    mutating func add(_ draft: Draft) {
        append(
            draft.operation.halted(by: valves, in: draft, places) ?? limits.hold(draft.operation, in: draft.directory))
    }

    /// Adds an operation that the safety limits don't concern.
    mutating func append(_ operation: consuming Operation) {
        ranks.append(operation.step.rank)
        operations.append(operation)
    }

    /// Sorts the operations by what is done; those of which the same is done stay in the order in which they came.
    mutating func sortByRank() {
        guard zip(ranks, ranks.dropFirst()).contains(where: >) else { return }
        var starts = Array(repeating: 0, count: Int(Step.lastRank) + 2)
        for rank in ranks { starts[Int(rank) + 1] += 1 }
        for rank in starts.indices.dropFirst() { starts[rank] += starts[rank - 1] }
        var order = Array(repeating: 0, count: ranks.count)
        for (index, rank) in ranks.enumerated() {
            order[starts[Int(rank)]] = index
            starts[Int(rank)] += 1
        }
        arrange(order)
    }

    /// Puts the operation at `order[i]` to place `i`. Each round follows one cycle of the permutation from `start` until it
    /// comes back there.
    ///
    /// The buffer is used only inside the closure, and only to exchange two elements at indices of `operations`. There an
    /// exchange copies nothing, where the array's own would copy the operation's names and texts.
    private mutating func arrange(_ order: [Int]) {
        var order = order
        ranks = []
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

extension Operation {
    /// What stands in the operation's place where the valves of its place closed.
    fileprivate func halted(by valves: DirectoryValves, in draft: Draft, _ places: Places) -> Operation? {
        guard valves.areClosed, step != .nothing,
            let halt = valves.halt(over: places.place(of: draft.path, in: draft.directory)),
            !(draft.isWantedBack && halt.valve.isAboutLoss)
        else { return nil }
        let wish = hasEffect ? ", not done: \(action.rawValue)" : ""
        return replacingStep(.skip(isProblem: false), reason: "halted by \(halt.valve.rawValue)\(wish)")
    }

    /// Whether it moves, removes or keeps a content, and does not only note what was seen.
    private var hasEffect: Bool {
        switch action {
        case .pull, .push, .remove, .conflict: true
        case .noOp, .hold, .skip: false
        }
    }
}

extension Step {
    /// Contents are brought to safety before anything is replaced, and what is left alone comes last.
    fileprivate var rank: UInt8 {
        switch self {
        case .pull: 0
        case .conflict: 1
        case .adopt, .markGone, .retire: 2
        case .push: 3
        case .remove: 4
        case .hold: 5
        case .skip: 6
        case .nothing: Step.lastRank
        }
    }

    fileprivate static let lastRank: UInt8 = 7
}
