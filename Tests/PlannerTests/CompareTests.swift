import Planner
import Testing

/// The decision table, one named row a case, and the properties that hold for all of it.
@Suite struct CompareTests {
    struct Row: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let device: DeviceSide
        let server: ServerSide
        let agreed: Agreed
        let verdict: Verdict

        init(_ name: String, _ device: DeviceSide, _ server: ServerSide, _ agreed: Agreed, _ verdict: Verdict) {
            testDescription = name
            self.device = device
            self.server = server
            self.agreed = agreed
            self.verdict = verdict
        }
    }

    /// A device's content with the time by its own clock, in seconds since 1970.
    static func here(_ letter: Character, at time: Int64 = 0) -> DeviceSide { .content(digest(letter), modified: time) }
    static func there(_ letter: Character, at time: Int64 = 0) -> ServerSide {
        .content(digest(letter), modified: time)
    }
    static func agreed(_ letter: Character) -> Agreed { .content(digest(letter)) }
    static let imported = Agreed.times(device: 100, server: 200)

    static let table: [Row] = [
        Row("all equal: nothing", here("x"), there("x"), agreed("x"), .unchanged),
        Row("equal, and never synced: adopt", here("x"), there("x"), .never, .adopt),
        Row("equal, and another baseline: adopt", here("y"), there("y"), agreed("x"), .adopt),
        Row("changed on the device: pull", here("y"), there("x"), agreed("x"), .pull(because: .changedOnDevice)),
        Row("changed on the server: push", here("x"), there("y"), agreed("x"), .push(because: .changedOnServer)),
        Row("changed on both: conflict", here("y"), there("z"), agreed("x"), .conflict(because: .bothChanged)),
        Row("different, never synced: conflict", here("y"), there("z"), .never, .conflict(because: .neverAgreed)),
        Row("new on the device: pull", here("y"), .absent, .never, .pull(because: .newOnDevice)),
        Row("lost by the server, as agreed: pull", here("x"), .absent, agreed("x"), .pull(because: .serverLost)),
        Row("lost by the server, and changed: pull", here("y"), .absent, agreed("x"), .pull(because: .serverLost)),
        Row("lost by the server, imported: pull", here("y"), .absent, imported, .pull(because: .serverLost)),
        Row("new on the server: push", .absent, there("y"), .never, .push(because: .newOnServer)),
        Row("deleted on the device: kept", .absent, there("x"), agreed("x"), .deletedOnDevice),
        Row(
            "deleted here, changed there: push", .absent, there("y"), agreed("x"), .push(because: .changedAfterDeletion)
        ),
        Row(
            "deleted on the server: the policy's", here("x"), .deleted(last: digest("x")), agreed("x"), .deletedOnServer
        ),
        Row(
            "deleted there, changed here: it lives again", here("y"), .deleted(last: digest("x")), agreed("x"),
            .pull(because: .changedAfterDeletion)),
        Row("gone on both: retire", .absent, .deleted(last: digest("x")), agreed("x"), .retire),
        Row("gone on both, imported: retire", .absent, .deleted(last: nil), imported, .retire),
        Row("deleted there, never here: nothing", .absent, .deleted(last: digest("x")), .never, .unchanged),
        Row("on neither side: nothing", .absent, .absent, .never, .unchanged),
        Row("on neither side, once agreed: nothing", .absent, .absent, agreed("x"), .unchanged),
        // A device that joins with the very content that was deleted does not bring it back; any other content is new.
        Row("joins with what was deleted", here("x"), .deleted(last: digest("x")), .never, .deletedOnServer),
        Row(
            "joins with other than was deleted", here("y"), .deleted(last: digest("x")), .never,
            .pull(because: .newOnDevice)),
        Row("joins after an empty tombstone", here("y"), .deleted(last: nil), .never, .pull(because: .newOnDevice)),

        Row(
            "imported, only the device newer", here("y", at: 101), there("x", at: 200), imported,
            .pull(because: .changedOnDevice)),
        Row(
            "imported, only the server newer", here("y", at: 100), there("x", at: 201), imported,
            .push(because: .changedOnServer)),
        Row(
            "imported, both newer", here("y", at: 101), there("x", at: 201), imported, .conflict(because: .bothChanged)),
        Row("imported, neither newer", here("y", at: 100), there("x", at: 200), imported, .unchanged),
        Row("imported, a clock went backwards", here("y", at: 1), there("x", at: 200), imported, .unchanged),
        Row(
            "imported, equal contents: adopt whatever the times", here("x", at: 500), there("x", at: 1), imported,
            .adopt),
        Row("imported, gone here, as it was there", .absent, there("x", at: 200), imported, .deletedOnDevice),
        Row(
            "imported, gone here, newer there", .absent, there("x", at: 201), imported,
            .push(because: .changedAfterDeletion)),
        Row(
            "imported, deleted there, as it was here", here("x", at: 100), .deleted(last: nil), imported,
            .deletedOnServer),
        Row(
            "imported, deleted there, newer here", here("x", at: 101), .deleted(last: nil), imported,
            .pull(because: .changedAfterDeletion)),

        Row("untracked, both changed", here("y"), there("z"), .untracked, .untracked),
        Row("untracked, new on the server", .absent, there("z"), .untracked, .untracked),
        Row("untracked, deleted there", here("x"), .deleted(last: digest("x")), .untracked, .untracked),
        Row("untracked, unknown", .unknown(reason: "EIO"), there("z"), .untracked, .untracked),
        Row("unknown, as agreed there", .unknown(reason: "EIO"), there("x"), agreed("x"), .unknown(reason: "EIO")),
        Row("unknown, changed there", .unknown(reason: "EIO"), there("y"), agreed("x"), .unknown(reason: "EIO")),
        Row("unknown, new there", .unknown(reason: "EIO"), there("y"), .never, .unknown(reason: "EIO")),
        Row(
            "unknown, deleted there", .unknown(reason: "EIO"), .deleted(last: nil), agreed("x"), .unknown(reason: "EIO")
        ),
    ]

    @Test(arguments: table)
    func `the decision table`(row: Row) {
        #expect(compare(device: row.device, server: row.server, agreed: row.agreed) == row.verdict)
    }

    static let wantedBack: [Row] = [
        Row("gone here, as agreed there: push", .absent, there("x"), agreed("x"), .push(because: .wantedBack)),
        Row("gone here, changed there: push", .absent, there("y"), agreed("x"), .push(because: .changedAfterDeletion)),
        Row("gone here, imported: push", .absent, there("x", at: 200), imported, .push(because: .wantedBack)),
        Row("another content here: conflict", here("y"), there("x"), agreed("x"), .conflict(because: .wantedBack)),
        Row(
            "another content here, imported: conflict", here("y", at: 101), there("x", at: 200), imported,
            .conflict(because: .wantedBack)),
        Row(
            "as agreed here, changed there: push", here("x"), there("y"), agreed("x"), .push(because: .changedOnServer)),
        Row("in step: nothing", here("x"), there("x"), agreed("x"), .unchanged),
        Row("deleted there: not put back", .absent, .deleted(last: digest("x")), agreed("x"), .retire),
        Row("unknown: nothing is put there", .unknown(reason: "EIO"), there("x"), agreed("x"), .unknown(reason: "EIO")),
        Row("untracked: not put back", .absent, there("x"), .untracked, .untracked),
    ]

    @Test(arguments: wantedBack)
    func `what the user wants back`(row: Row) {
        let verdict = compare(device: row.device, server: row.server, agreed: row.agreed, isWantedBack: true)
        #expect(verdict == row.verdict)
    }

    /// Two contents and three baselines are all there is to tell apart, so every combination can be tried.
    static let letters: [Character] = ["x", "y", "z"]
    static let devices: [DeviceSide] =
        [.absent, .unknown(reason: "?")] + letters.flatMap { [here($0, at: 100), here($0, at: 101)] }
    static let servers: [ServerSide] =
        [.absent, .deleted(last: nil)]
        + letters.flatMap { [.deleted(last: digest($0)), there($0, at: 200), there($0, at: 201)] }
    static let agreements: [Agreed] = [.never, imported, .untracked] + letters.map(agreed)

    func forAll(_ check: (DeviceSide, ServerSide, Agreed, Verdict) -> Void) {
        for device in Self.devices {
            for server in Self.servers {
                for agreed in Self.agreements {
                    check(device, server, agreed, compare(device: device, server: server, agreed: agreed))
                }
            }
        }
    }

    @Test func `content that was never agreed on is not put at risk`() {
        forAll { device, server, agreed, verdict in
            guard case .content(let here, _) = device, case .content(let base) = agreed, here != base else { return }
            if case .content(let there, _) = server, there == here { return }
            switch verdict {
            case .push, .deletedOnServer: Issue.record("\(device), \(server), \(agreed) gave \(verdict)")
            default: break
            }
        }
    }

    @Test func `a device that never took part loses nothing but what was deleted`() {
        forAll { device, server, agreed, verdict in
            guard case .content(let here, _) = device, agreed == .never else { return }
            if case .push = verdict { Issue.record("\(device), \(server) gave \(verdict)") }
            if verdict == .deletedOnServer { #expect(server == .deleted(last: here)) }
        }
    }

    @Test func `sides are adopted exactly when they are equal and the baseline is not`() {
        forAll { device, server, agreed, verdict in
            guard case .content(let here, _) = device, case .content(let there, _) = server, agreed != .untracked
            else {
                #expect(verdict != .adopt)
                return
            }
            #expect(
                (verdict == .adopt) == (here == there && agreed != .content(here)), "\(device), \(server), \(agreed)")
        }
    }

    @Test func `exchanging the sides exchanges pull and push`() {
        for here in Self.letters {
            for there in Self.letters {
                for agreed in Self.agreements.filter({ $0 != Self.imported }) {
                    let one = compare(device: Self.here(here), server: Self.there(there), agreed: agreed)
                    let other = compare(device: Self.here(there), server: Self.there(here), agreed: agreed)
                    switch one {
                    case .pull(because: .changedOnDevice): #expect(other == .push(because: .changedOnServer))
                    case .push(because: .changedOnServer): #expect(other == .pull(because: .changedOnDevice))
                    default: #expect(one == other)
                    }
                }
            }
        }
    }

    @Test func `times matter only where nothing but times is known`() {
        forAll { device, server, agreed, verdict in
            guard agreed != Self.imported else { return }
            let early: DeviceSide =
                if case .content(let here, _) = device { .content(here, modified: -1) } else { device }
            let late: ServerSide =
                if case .content(let there, _) = server { .content(there, modified: .max) } else { server }
            #expect(compare(device: early, server: late, agreed: agreed) == verdict)
        }
    }

    @Test func `unknown gives no action, and untracked gives nothing at all`() {
        forAll { device, _, agreed, verdict in
            if agreed == .untracked {
                #expect(verdict == .untracked)
            } else if case .unknown(let reason) = device {
                #expect(verdict == .unknown(reason: reason))
            }
        }
    }
}
