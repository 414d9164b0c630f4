import Planner
import Testing

/// The decisions of SCENARIOS 1 to 22, as far as they are made without a device, by their numbers.
@Suite struct PlanTests {
    struct Row: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let sides: String
        let action: Action
        let reason: String
        let policy: DeletionPolicy

        init(_ name: String, _ sides: String, _ action: Action, _ reason: String, _ policy: DeletionPolicy = .hold) {
            testDescription = name
            self.sides = sides
            self.action = action
            self.reason = reason
            self.policy = policy
        }
    }

    static let decisions: [Row] = [
        Row("1 in step", "x/x/x", .noOp, "in step"),
        Row("2 changed on the device", "y/x/x", .pull, "changed on device"),
        Row("3 changed on the server", "x/y/x", .push, "changed on server"),
        Row("4 changed on both sides is one conflict", "y/z/x", .conflict, "changed on both sides"),
        Row("5 changed to the same on both", "y/y/x", .noOp, "both sides are equal"),
        Row("6 new on the device", "y/-/-", .pull, "new on device"),
        Row("7 new on the server", "-/y/-", .push, "new on server"),
        Row("8 different and never synced", "y/z/-", .conflict, "different on both sides, never synced before"),
        Row("9 equal and never synced", "y/y/-", .noOp, "both sides are equal"),
        Row("10 deleted on the device", "-/x/x", .noOp, "deleted on device; kept on the server, not put back"),
        Row("11 deleted on the server, held", "x/deleted/x", .hold, "deleted on the server; stays on the device"),
        Row(
            "11 deleted on the server, propagated", "x/deleted/x", .remove,
            "deleted on the server; its content stays in the library", .propagate),
        Row("12 gone on both", "-/deleted/x", .noOp, "gone on both sides"),
        Row("13 deleted here, changed there", "-/y/x", .push, "changed on server after it was deleted on device"),
        Row(
            "14 deleted there, changed here", "y/deleted/x", .pull,
            "changed on device after it was deleted on the server"),
        Row(
            "14 deleted there, changed here, propagated", "y/deleted/x", .pull,
            "changed on device after it was deleted on the server", .propagate),
        Row("the server lost it", "y/-/x", .pull, "the server has no content for it"),
    ]

    @Test(arguments: decisions)
    func `one save gives one operation`(row: Row) {
        var fixture = Fixture()
        fixture.deletionPolicy = row.policy
        fixture.add("Metroid", row.sides)
        let plan = fixture.plan()
        #expect(plan.lines == ["\(row.action.rawValue) Metroid: \(row.reason)"])
        #expect(plan.halts.isEmpty)
    }

    @Test func `1 in step needs no read and rewrites no row`() {
        var fixture = Fixture()
        fixture.add("Metroid", "x/x/x")
        #expect(fixture.surveyed.isEmpty)
        #expect(fixture.plan().only?.step == .nothing)
    }

    @Test func `10 a deletion on the device is marked once`() {
        var fixture = Fixture()
        fixture.add("Metroid", "-/x/x")
        #expect(fixture.plan().only?.step == .markGone)
        var again = Fixture()
        again.add("Metroid", "-/x/x", .init(isGone: true))
        #expect(again.plan().only?.step == .nothing)
    }

    @Test func `12 gone on both sides retires the row`() {
        var fixture = Fixture()
        fixture.add("Metroid", "-/deleted/x")
        #expect(fixture.plan().only?.step == .retire)
    }

    @Test func `15 a database from an old backup overwrites nothing`() {
        var fixture = Fixture()
        fixture.add("Never heard of", "y/-/-")
        fixture.add("Equal", "y/y/x")
        fixture.add("Equal, row lost", "y/y/-")
        fixture.add("Unequal", "y/z/x")
        fixture.add("Unequal, row lost", "y/z/-")
        let plan = fixture.plan()
        #expect(plan.count(.push) == 0 && plan.count(.remove) == 0)
        #expect(plan.actions("Equal") == [.noOp] && plan.actions("Equal, row lost") == [.noOp])
        #expect(plan.actions("Unequal") == [.conflict] && plan.actions("Unequal, row lost") == [.conflict])
    }

    @Test func `16 parts of a folder that changed on different sides are one conflict`() {
        var fixture = Fixture.folders
        // What both sides agreed on is the folder's content before the device changed its first part.
        fixture.stand(path("ULUS1/a.bin"), "y")
        fixture.stand(path("ULUS1/b.bin"), "x")
        fixture.addFolder("ULUS1", server: "z", baseline: "x")
        let plan = fixture.plan()
        #expect(plan.lines == ["conflict ULUS1: changed on both sides"])
        guard case .conflict(let save, let content, _)? = plan.only?.step else { return }
        #expect(save.files.count == 2 && content.entries.count == 2)
    }

    @Test(arguments: ["x/y/x", "y/x/x", "y/z/x", "y/z/-"])
    func `17 a folder and a file block each other`(sides: String) {
        var fixture = Fixture()
        fixture.add("Metroid", sides, .init(serverShape: .folder))
        for policy in ConflictPolicy.allCases {
            fixture.conflictPolicy = policy
            #expect(fixture.plan().lines == ["hold Metroid: blocked: a file on the device, a folder on the server"])
        }
    }

    @Test func `17 the place of a folder that is gone never gets a file`() {
        var fixture = Fixture.folders
        fixture.stand(path("ULUS2/a.bin"), "x")
        fixture.addFolder("ULUS1", server: "y", baseline: "x", shape: .file)
        #expect(fixture.plan().actions("ULUS1") == [.hold])
    }

    @Test func `18 two devices that both changed are a pull and then a conflict`() {
        var first = Fixture()
        first.add("Metroid", "y/x/x")
        #expect(first.plan().lines == ["pull Metroid: changed on device"])
        var second = Fixture()
        second.add("Metroid", "z/y/x")
        #expect(second.plan().lines == ["conflict Metroid: changed on both sides"])
    }

    @Test(arguments: ["y/z/x", "-/z/-", "x/deleted/x", "-/deleted/x", "y/-/x"])
    func `19 an untracked save is left alone`(sides: String) {
        var fixture = Fixture()
        fixture.deletionPolicy = .propagate
        fixture.add("Metroid", sides, .init(isUntracked: true))
        #expect(fixture.plan().lines == ["no_op Metroid: untracked"])
        #expect(fixture.plan().only?.step == .nothing)
        #expect(fixture.surveyed.isEmpty)
    }

    @Test func `20 a save with nothing but archival versions is never pushed`() {
        var fixture = Fixture()
        let identity = SaveIdentity(owner: "anna", platform: "gba", game: "Metroid", kind: .save)
        fixture.add(server: ServerSave(id: 1, identity: identity, content: .absent))
        #expect(fixture.plan().operations.isEmpty)
        // And what stands on the device is as new as if the server had nothing.
        fixture.stand(path("Metroid.srm"), "y")
        #expect(fixture.plan().lines == ["pull Metroid: new on device"])
    }

    @Test func `21 the same bytes in two slots are two saves`() {
        var fixture = Fixture()
        fixture.add("Metroid", "y/-/-")
        fixture.add("Metroid", "y/-/-", .init(fileExtension: "rtc"))
        let plan = fixture.plan()
        #expect(plan.operations.map(\.identity?.slot) == ["main", "rtc"])
        #expect(plan.count(.pull) == 2)
    }

    @Test func `22 the same content under another stamp renews the row and moves nothing`() {
        var fixture = Fixture()
        fixture.add("Metroid", "x/x/x")
        // A zip that was packed again has other bytes and another stamp, and the same canonical hash.
        fixture.contents[1]?.files = [ListedFile(path: path("Metroid.srm"), stamp: Stamp(size: 77, modified: 1))]
        let plan = fixture.plan()
        #expect(plan.lines == ["no_op Metroid: in step"])
        guard case .adopt? = plan.only?.step else { return #expect(Bool(false), "\(plan.lines)") }
        #expect(plan.bytes == 0)
    }

    @Test func `contents are brought to safety before anything is replaced`() {
        var fixture = Fixture()
        fixture.deletionPolicy = .propagate
        for (game, sides) in [
            ("A removed", "x/deleted/x"), ("B pushed", "x/y/x"), ("C in step", "x/x/x"), ("D adopted", "y/y/x"),
            ("E conflict", "y/z/x"), ("F pulled", "y/x/x"), ("G pulled", "y/-/-"), ("H pushed", "-/y/-"),
        ] {
            fixture.add(game, sides)
        }
        let order = fixture.plan().operations.map { $0.identity?.game.first }
        #expect(order == ["F", "G", "E", "D", "B", "H", "A", "C"])
    }

    @Test func `the same input gives the same plan`() {
        var fixture = Fixture()
        for number in 0..<50 { fixture.add("Game \(number)", ["y/x/x", "x/y/x", "y/z/x", "-/y/-"][number % 4]) }
        let plan = fixture.plan()
        for _ in 0..<5 { #expect(fixture.plan() == plan) }
        #expect(plan.bytes == UInt64(plan.count(.pull) + plan.count(.push)) * 100)
    }
}
