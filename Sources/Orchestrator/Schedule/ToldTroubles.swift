import Planner
import Store

/// What the log was told of one device's runs that got to their end: what a safety limit keeps from being synced, and which operations
/// fail. Decides what is news.
struct ToldTroubles: Sendable {
    private var halts: [Halt] = []
    private var failures: [Failure: String] = [:]

    /// An operation that failed.
    struct Failure: Hashable, Comparable, Sendable {
        /// Which save, or which path where it is none, safe to print.
        let what: String
        let action: Action

        static func < (a: Failure, b: Failure) -> Bool { (a.what, a.action.rawValue) < (b.what, b.action.rawValue) }
    }

    /// What is worth a line in the log.
    enum News: Hashable, Sendable {
        case halted(Halt)
        /// Nothing halts this directory any more.
        case haltEnded(directory: String)
        case failed(Failure, reason: String)
        /// So many more operations failed.
        case moreFailed(Int)
    }

    /// How many operations that fail are told of one by one after a run.
    static let mostTold = 10

    /// What a run is news in, compared with the last one: halts that begin, then those that end, then operations that fail, or
    /// fail for another reason.
    mutating func news(of report: SessionReport) -> [News] {
        let now = report.plan?.halts ?? []
        let begun = now.filter { halt in !halts.contains { $0.isSame(as: halt) } }.map(News.halted)
        let directories = Set(now.map(\.directory))
        let ended = Set(halts.map(\.directory)).subtracting(directories).sorted().map(News.haltEnded)
        halts = now

        let failing = Dictionary(
            zip(report.plan?.operations ?? [], report.outcomes).filter { $1.status == .failed }.map {
                operation, outcome in
                let what = operation.identity?.shown ?? operation.remotePath
                return (Failure(what: what, action: operation.action), outcome.error ?? operation.reason)
            }, uniquingKeysWith: { first, _ in first })
        let new = failing.filter { failures[$0.key] != $0.value }.sorted { $0.key < $1.key }
        failures = failing
        let told = new.prefix(ToldTroubles.mostTold).map { News.failed($0.key, reason: $0.value) }
        let more = new.count - told.count
        return begun + ended + told + (more > 0 ? [.moreFailed(more)] : [])
    }
}

extension Halt {
    /// Whether it is the same limit for the same directory, whatever it counted.
    fileprivate func isSame(as other: Halt) -> Bool { valve == other.valve && directory == other.directory }
}
