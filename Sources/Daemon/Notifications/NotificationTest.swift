import Foundation
import Orchestrator

/// A try of every target: one test notice each, once.
public struct NotificationTest: Sendable {
    private let kind: Notice.Kind?

    /// What became of one target's notice.
    public struct Outcome: Hashable, Sendable {
        /// The target's name, without what may be secret.
        public let target: String
        /// What became of it.
        public let result: Result
        /// Why, and what to do; empty where it arrived.
        public let detail: String

        /// What became of it.
        public enum Result: String, Sendable {
            case arrived, failed
            /// It is not a kind that the target is set up for.
            case leftOut = "left-out"
        }
    }

    /// A try with this kind; nil takes the first one that each target is set up for.
    public init(kind: Notice.Kind?) { self.kind = kind }

    /// One outcome a target, in their order.
    public func run(_ targets: [NotificationTarget], at date: Date) async -> [Outcome] {
        let web = WebClient()
        let delivery = Delivery(web: web)
        let outcomes = await targets.concurrentMap(atMost: 8) { target in
            guard let kind = kind ?? Notice.Kind.allCases.first(where: target.events.contains),
                target.events.contains(kind)
            else { return Outcome(target: target.name, result: .leftOut, detail: "its events leave this kind out") }
            switch await delivery.attempt(.test(kind, date: date), to: target.place) {
            case .delivered: return Outcome(target: target.name, result: .arrived, detail: "")
            case .failed(let why, _), .refused(let why):
                return Outcome(target: target.name, result: .failed, detail: why)
            }
        }
        await web.shutDown()
        return outcomes
    }
}
