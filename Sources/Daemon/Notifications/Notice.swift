import Foundation
import Planner

/// Something that the user is told of, in no service's form yet.
public struct Notice: Hashable, Sendable {
    /// What happened.
    public let kind: Kind
    /// The device's name; nil for what concerns the server.
    public let device: String?
    /// One short line, safe to print.
    public let title: String
    /// One or several lines: what happened and what to do, safe to print.
    public let message: String
    /// The same for programs, by names in snake_case.
    public let facts: [String: Fact]
    /// When it happened.
    public let date: Date

    /// What happened.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        case conflictOpened = "conflict-opened"
        case deviceFailing = "device-failing"
        case hostKeyChanged = "host-key-changed"
        case valveHalted = "valve-halted"
        case diskLow = "disk-low"
    }

    /// One value for programs.
    public enum Fact: Hashable, Sendable {
        case text(String), number(Int64), flag(Bool), list([String])
    }

    /// A notice; see the properties.
    public init(
        _ kind: Kind, device: String? = nil, title: String, message: String, facts: [String: Fact] = [:], date: Date
    ) {
        self.kind = kind
        self.device = device
        self.title = title
        self.message = message
        self.facts = facts
        self.date = date
    }

    /// One that shows what a notice of this kind looks like, and says so.
    public static func test(_ kind: Kind, date: Date) -> Notice {
        Notice(
            kind, title: "SaveFerry: a test", message: "If you read this, notices of \(kind.rawValue) arrive here.",
            facts: ["test": .flag(true)], date: date)
    }

    /// Several that a rate limit held back, as one of the first one's kind: its own words, then the others' titles.
    ///
    /// Precondition: there is at least one.
    static func summary(of notices: [Notice]) -> Notice {
        guard notices.count > 1, let first = notices.first else { return notices[0] }
        let others = notices.dropFirst()
        let shown = others.prefix(mostShown).map { "- \($0.title)" }
        let more = others.count > mostShown ? ["- and \(others.count - mostShown) more"] : []
        return Notice(
            first.kind, device: first.device, title: "\(first.title), and \(others.count) more",
            message: ([first.message, "", "Also:"] + shown + more).joined(separator: "\n"),
            facts: first.facts.merging(["also": .list(others.map(\.title))]) { $1 }, date: first.date)
    }

    /// How many names or titles a message lists.
    static let mostShown = 10
}

extension Notice.Kind {
    /// What `events` takes in the settings.
    public static var expectation: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
