/// What one run against one device will do. A value: making it changes nothing anywhere.
public struct Plan: Hashable, Sendable {
    /// The device's name.
    public let device: String
    /// Seconds since 1970 by the server's clock.
    public let generatedAt: Int64
    /// Pulls, conflicts and agreements first, then pushes and removals, then what is left alone; each by platform and game.
    public let operations: [Operation]
    /// The safety limits that closed, in the order of the directories.
    public let halts: [Halt]
    /// Cards that are seen for the first time and are to be remembered, by the save directory's number.
    public let cards: [Int64: CardIdentity]

    /// How many operations of each action there are.
    public func count(_ action: Action) -> Int {
        operations.reduce(0) { $0 + ($1.action == action ? 1 : 0) }
    }

    /// Bytes that pulls and pushes move.
    public var bytes: UInt64 {
        operations.reduce(0) { $0 + ($1.action.movesContent ? $1.size : 0) }
    }

    /// Whether a line names a problem that makes the run fail in part.
    public var hasProblems: Bool {
        operations.contains { $0.step == .skip(isProblem: true) }
    }
}
