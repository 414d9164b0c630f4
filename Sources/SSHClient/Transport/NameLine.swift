import NIOCore

/// Which name is looked up next, a few at a time. Decides only.
///
/// Names that are found quickly come first, then those that nothing is known of, and at the end those that were not found or
/// took long. One place is kept for the first: however many devices sleep, none of those waits for their look-ups.
struct NameLine: Sendable {
    private enum Rank: Comparable { case quick, new, troublesome }

    private struct Memory {
        var rank: Rank
        /// It is not asked for again before this.
        var next: NIODeadline
    }

    private var waiting: [String] = []
    private var underWay: [String: Rank] = [:]
    private var known: [String: Memory] = [:]

    /// From here on a look-up was slow.
    private static let slow: TimeAmount = .seconds(1)
    /// Until a name that was not found is asked for again.
    private static let rest: TimeAmount = .seconds(2)
    /// How many look-ups are under way at most, and how many of them of names that may take long.
    private static let places = (all: 4, slow: 3)

    /// Puts a name into the line, once. Returns false where it was not found a short time ago, and is not to be looked up now.
    mutating func add(_ name: String, at now: NIODeadline) -> Bool {
        guard known[name].map({ $0.next <= now }) ?? true else { return false }
        if !waiting.contains(name), underWay[name] == nil { waiting.append(name) }
        return true
    }

    /// Takes the name that is to be looked up next; nil when there is none, or no place for it.
    mutating func next() -> String? {
        guard underWay.count < NameLine.places.all, let name = waiting.min(by: { rank(of: $0) < rank(of: $1) })
        else { return nil }
        let chosen = rank(of: name)
        guard chosen == .quick || underWay.values.count(where: { $0 != .quick }) < NameLine.places.slow
        else { return nil }
        waiting.removeAll { $0 == name }
        underWay[name] = chosen
        return name
    }

    private func rank(of name: String) -> Rank { known[name]?.rank ?? .new }

    /// A look-up that was begun ended.
    mutating func end(_ name: String, isFound: Bool, after time: TimeAmount, at now: NIODeadline) {
        underWay[name] = nil
        let isQuick = isFound && time < NameLine.slow
        known[name] = Memory(rank: isQuick ? .quick : .troublesome, next: isFound ? now : now + NameLine.rest)
    }
}
