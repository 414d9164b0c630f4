import Planner
import Testing

/// What the conflict policies do with a save that both sides changed.
@Suite struct PolicyTests {
    struct Row: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let policy: ConflictPolicy
        var deviceTime = Fixture.deviceTime
        var serverTime = Fixture.serverTime
        let action: Action
        /// What is done with the device's content before it is replaced.
        var preserved: PushTarget.Preservation?
    }

    static let now: Int64 = 1_750_000_000
    static let day: Int64 = 86_400

    static let table: [Row] = [
        Row(testDescription: "ask", policy: .ask, action: .conflict),
        Row(testDescription: "the device wins", policy: .device, action: .pull),
        Row(testDescription: "the server wins", policy: .server, action: .push, preserved: .archived),
        Row(testDescription: "both are kept", policy: .keepBoth, action: .push, preserved: .slot("main-deck")),
        Row(testDescription: "newest is the device's", policy: .newest, deviceTime: 1_700_002_000, action: .pull),
        Row(testDescription: "newest is the server's", policy: .newest, action: .push, preserved: .archived),
        Row(testDescription: "newest, equal times", policy: .newest, deviceTime: Fixture.serverTime, action: .conflict),
        Row(testDescription: "newest, the device is in 1970", policy: .newest, deviceTime: 100, action: .conflict),
        Row(
            testDescription: "newest, the device is in 2099", policy: .newest, deviceTime: 4_070_908_800,
            action: .conflict),
        Row(testDescription: "newest, the server's time is none", policy: .newest, serverTime: 0, action: .conflict),
        Row(
            testDescription: "newest, an hour ahead is a time zone", policy: .newest, deviceTime: now + 3_600,
            action: .pull),
        Row(
            testDescription: "newest, two days ahead is no clock", policy: .newest, deviceTime: now + 2 * day,
            action: .conflict),
    ]

    @Test(arguments: table, ["y/z/x", "y/z/-"])
    func `the policy decides a conflict`(row: Row, sides: String) {
        var fixture = Fixture()
        fixture.now = Self.now
        fixture.conflictPolicy = row.policy
        fixture.add("Metroid", sides, .init(deviceTime: row.deviceTime, serverTime: row.serverTime))
        let plan = fixture.plan()
        #expect(plan.only?.action == row.action, "\(plan.lines)")
        // Whatever a policy decides against is kept (P1).
        if case .push(_, let target)? = plan.only?.step {
            guard case .preserving(_, let content, as: let preserved) = target.over else {
                Issue.record("\(row.testDescription) keeps nothing")
                return
            }
            #expect(preserved == row.preserved)
            #expect(content.digest == digest("y"))
        }
    }

    @Test(arguments: ConflictPolicy.allCases)
    func `a policy changes nothing but conflicts`(policy: ConflictPolicy) {
        for sides in [
            "x/x/x", "y/x/x", "x/y/x", "y/y/x", "y/-/-", "-/y/-", "-/x/x", "-/y/x", "x/deleted/x", "y/deleted/x",
        ] {
            var asking = Fixture()
            asking.add("Metroid", sides)
            var deciding = asking
            deciding.conflictPolicy = policy
            #expect(deciding.plan() == asking.plan(), "\(sides)")
        }
    }

    @Test func `a clock that can't be trusted is named as the reason`() {
        var fixture = Fixture()
        fixture.conflictPolicy = .newest
        fixture.add("Metroid", "y/z/x", .init(deviceTime: 100))
        #expect(
            fixture.plan().lines == ["conflict Metroid: changed on both sides; the times can't tell which is newer"])
    }

    @Test func `blank content does not win by being newest`() {
        var fixture = Fixture()
        fixture.conflictPolicy = .newest
        fixture.add("Metroid", "0/z/x", .init(deviceTime: 1_700_002_000))
        #expect(fixture.plan().actions("Metroid") == [.hold])
    }

    @Test func `deletions are held or propagated, and never without the content that was agreed on`() {
        for (policy, action) in [(DeletionPolicy.hold, Action.hold), (.propagate, .remove)] {
            var fixture = Fixture()
            fixture.deletionPolicy = policy
            fixture.add("Metroid", "x/deleted/x")
            #expect(fixture.plan().only?.action == action)
            // What is removed is read first, even under a settled stamp.
            #expect(fixture.surveyed.count == (policy == .propagate ? 1 : 0))
        }
    }
}
