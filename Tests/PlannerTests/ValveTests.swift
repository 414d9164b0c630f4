import Planner
import Testing

/// The safety limits, SCENARIOS 31 to 35 and 57: nothing is deduced from a directory that looks wrong.
@Suite struct ValveTests {
    /// A device with a healthy second directory, to see that the others go on.
    static func two() -> Fixture {
        var fixture = Fixture()
        fixture.directories.append(
            SaveDirectory(id: 2, path: "/saves/snes", platform: .named("snes"), extensions: ["srm"]))
        fixture.add("Zelda", "y/x/x", .init(directory: 2, platform: "snes"))
        return fixture
    }

    /// `count` tracked saves of which the first `lost` are gone from the device.
    static func tracked(_ count: Int, lost: Int, in fixture: Fixture = Fixture(), sides: String = "x/x/x") -> Fixture {
        var fixture = fixture
        for number in 0..<count { fixture.add("Game \(number)", number < lost ? "-/x/x" : sides) }
        return fixture
    }

    static let failed: [(String, DirectoryListing.State, Valve)] = [
        ("31 missing", .missing, .directoryMissing),
        ("33 unreadable", .unreadable(reason: "permission denied"), .directoryUnreadable),
        ("32 empty though saves are tracked", .listed(.init()), .directoryEmptied),
        ("32 with other folders in it", .listed(.init(folders: [path("lost+found")])), .directoryEmptied),
    ]

    @Test(arguments: failed)
    func `a directory that is not as it was is left alone`(name: String, state: DirectoryListing.State, valve: Valve) {
        var fixture = Self.tracked(200, lost: 200, in: Self.two())
        fixture.add("Changed there", "-/y/x")
        fixture.add("New there", "-/y/-")
        fixture.states[1] = state
        let plan = fixture.plan()
        #expect(plan.halts.map(\.valve) == [valve], "\(name)")
        #expect(plan.halts.first?.directory == "/saves/gba")
        // Neither a deletion nor a push into it, while the other directory goes on.
        #expect(plan.operations.filter { $0.remotePath.hasPrefix("/saves/gba") }.allSatisfy { $0.action == .skip })
        #expect(!plan.operations.contains { $0.step == .markGone })
        #expect(plan.actions("Zelda") == [.pull])
    }

    @Test(arguments: [Valve.directoryMissing, .directoryUnreadable])
    func `what can't be read stays unknown whatever the user says`(valve: Valve) {
        var fixture = Self.tracked(4, lost: 4)
        fixture.states[1] = valve == .directoryMissing ? .missing : .unreadable(reason: "EACCES")
        let plan = fixture.plan(allowing: Set(Valve.allCases))
        #expect(plan.halts.map(\.override) == [nil])
        #expect(plan.operations.allSatisfy { $0.action == .skip })
    }

    @Test func `33 an unreadable subfolder says nothing of what is in it`() {
        var fixture = Fixture()
        fixture.add("Inside", "-/x/x", .init(prefix: "sub/"))
        fixture.add("Inside, changed", "-/y/x", .init(prefix: "sub/deep/"))
        fixture.add("Beside", "x/y/x", .init(prefix: "subway/"))
        fixture.contents[1, default: .init()].unreadable = [
            UnreadableFolder(path: path("sub"), reason: "permission denied")
        ]
        let plan = fixture.plan()
        #expect(plan.actions("Inside") == [.skip] && plan.actions("Inside, changed") == [.skip])
        #expect(plan.actions("Beside") == [.push])
        #expect(plan.halts.map(\.directory) == ["/saves/gba/sub"])
    }

    struct Loss: CustomTestStringConvertible, Sendable {
        let lost: Int
        let of: Int
        let valve: Valve?
        var testDescription: String { "\(lost) of \(of) lost: \(valve?.rawValue ?? "goes on")" }
    }

    static let losses: [Loss] = [
        Loss(lost: 1, of: 1, valve: nil), Loss(lost: 1, of: 2, valve: nil),
        Loss(lost: 2, of: 2, valve: .directoryEmptied),
        Loss(lost: 2, of: 3, valve: nil), Loss(lost: 2, of: 4, valve: nil), Loss(lost: 3, of: 4, valve: .massDeletion),
        Loss(lost: 4, of: 4, valve: .directoryEmptied), Loss(lost: 2, of: 5, valve: nil),
        Loss(lost: 3, of: 5, valve: .massDeletion), Loss(lost: 100, of: 200, valve: nil),
        Loss(lost: 101, of: 200, valve: .massDeletion),
    ]

    @Test(arguments: losses)
    func `34 more than half of four or more is no accident`(loss: Loss) {
        let fixture = Self.tracked(loss.of, lost: loss.lost)
        let plan = fixture.plan()
        #expect(plan.halts.map(\.valve) == [loss.valve].compactMap { $0 })
        #expect(plan.operations.count { $0.step == .markGone } == (loss.valve == nil ? loss.lost : 0))
        // The override lets this one plan pass.
        let allowed = fixture.plan(allowing: Set([loss.valve].compactMap { $0 }))
        #expect(allowed.halts.isEmpty)
        #expect(allowed.operations.count { $0.step == .markGone } == loss.lost)
    }

    @Test func `34 all of twenty changed at once`() {
        #expect(Self.tracked(19, lost: 0, sides: "y/x/x").plan().count(.pull) == 19)
        let twenty = Self.tracked(20, lost: 0, sides: "y/x/x")
        let plan = twenty.plan()
        #expect(plan.halts.map(\.override) == ["--allow mass-change"])
        #expect(plan.count(.pull) == 0 && plan.count(.skip) == 20)
        #expect(twenty.plan(allowing: [.massChange]).count(.pull) == 20)
        var oneInStep = twenty
        oneInStep.add("In step", "x/x/x")
        #expect(oneInStep.plan().halts.isEmpty && oneInStep.plan().count(.pull) == 20)
    }

    /// Tracked saves on a card that is not the remembered one.
    static func onOtherCard(_ count: Int, lost: Int, changed: Int = 0) -> Fixture {
        var fixture = Fixture()
        for number in 0..<count {
            fixture.add("Game \(number)", number < lost ? "-/x/x" : number < lost + changed ? "y/x/x" : "x/x/x")
        }
        fixture.contents[1, default: .init()].folders.append(path("another"))
        fixture.cards[1] = CardIdentity(number: 8, totalBytes: 64_000_000_000)
        fixture.knownCards[1] = CardIdentity(number: 7, totalBytes: 64_000_000_000)
        return fixture
    }

    @Test(arguments: [
        (1, 1, 0), (1, 0, 1), (3, 1, 1), (3, 2, 0), (10, 3, 3), (19, 0, 10),
    ]) func `another card on which most saves are missing or different is left alone`(
        _ count: Int, _ lost: Int, _ changed: Int
    ) {
        var fixture = Self.onOtherCard(count, lost: lost, changed: changed)
        let plan = fixture.plan()
        #expect(plan.halts.map(\.override) == ["--allow card-changed"])
        #expect(plan.operations.allSatisfy { $0.action == .skip || $0.action == .noOp } && plan.cards.isEmpty)
        let allowed = fixture.plan(allowing: [.cardChanged])
        #expect(allowed.halts.isEmpty && allowed.cards == fixture.cards)
        #expect(allowed.count(.pull) == changed && allowed.operations.count { $0.step == .markGone } == lost)
        // On the remembered card the same is an ordinary change.
        fixture.knownCards = fixture.cards
        #expect(fixture.plan().halts.isEmpty && fixture.plan().cards.isEmpty)
    }

    @Test func `a card that was copied, or got another number, goes on and is remembered`() {
        for (count, lost, changed) in [(1, 0, 0), (2, 1, 0), (2, 0, 1), (10, 2, 3), (0, 0, 0)] {
            let fixture = Self.onOtherCard(count, lost: lost, changed: changed)
            #expect(fixture.plan().halts.isEmpty)
            #expect(fixture.plan().cards == fixture.cards)
        }
    }

    @Test func `a card is remembered when it is first seen, and what is not known says nothing`() {
        var fixture = Self.onOtherCard(1, lost: 1)
        fixture.knownCards = [:]
        #expect(fixture.plan().halts.isEmpty && fixture.plan().cards == fixture.cards)
        fixture.knownCards = fixture.cards
        fixture.cards = [:]
        #expect(fixture.plan().halts.isEmpty && fixture.plan().cards.isEmpty)
        #expect(CardIdentity(number: 0, totalBytes: 1) == nil)
    }

    @Test(arguments: [
        (64_000, true), (63_400, true), (64_600, true), (63_000, false), (32_000, false), (128_000, false),
    ])
    func `a file system whose size changes a little is the same card`(_ size: UInt64, _ isSame: Bool) {
        var fixture = Self.onOtherCard(1, lost: 1)
        fixture.knownCards[1] = CardIdentity(number: 8, totalBytes: size * 1_000_000)
        #expect(fixture.plan().halts.isEmpty == isSame)
    }

    @Test func `saves that are known to be gone count for no limit`() {
        var fixture = Self.tracked(3, lost: 0)
        for number in 0..<10 { fixture.add("Long gone \(number)", "-/x/x", .init(isGone: true)) }
        #expect(fixture.plan().halts.isEmpty)
    }

    @Test func `imported rows have no content that could have changed`() {
        var fixture = Fixture()
        for number in 0..<30 {
            let file = path("Game \(number).srm")
            fixture.add("Game \(number)", "y/y/-")
            fixture.add(
                Baseline(
                    saveID: Int64(number + 1), directory: 1, path: file, shape: .file,
                    agreement: .times(device: 1, server: 1), entries: []))
        }
        #expect(fixture.plan().halts.isEmpty)
        #expect(fixture.plan().count(.noOp) == 30)
    }

    @Test func `57 a blank save does not beat a real one`() {
        var fixture = Fixture()
        fixture.add("Blank now", "0/x/x")
        fixture.add("Blank before", "0/-/-")
        fixture.add("Real again", "y/0/0")
        let plan = fixture.plan()
        #expect(plan.actions("Blank now") == [.hold])
        #expect(plan.actions("Blank before") == [.pull] && plan.actions("Real again") == [.pull])
        #expect(plan.halts.map(\.override) == ["--allow blank-save"])
        #expect(plan.halts.first?.message.contains("/saves/gba/Blank now.srm") == true)
        #expect(fixture.plan(allowing: [.blankSave]).actions("Blank now") == [.pull])
    }

    @Test func `35 a tracked file that no longer matches the extensions is not a deletion`() {
        var fixture = Self.tracked(10, lost: 0, sides: "x/y/x")
        fixture.directories = [SaveDirectory(id: 1, path: "/saves/gba", platform: .named("gba"), extensions: ["sav"])]
        let plan = fixture.plan()
        #expect(plan.halts.isEmpty)
        #expect(plan.operations.map(\.step) == Array(repeating: .skip(isProblem: false), count: 10))
    }

    /// One save in each of six platform folders: no folder alone has enough of them for a limit.
    static func platforms(lost: Int) -> Fixture {
        var fixture = Fixture()
        fixture.directories = [SaveDirectory(id: 1, path: "/saves", platform: .eachSubfolder, extensions: ["srm"])]
        let platforms = ["gb", "gba", "gbc", "nes", "psx", "snes"]
        for (number, platform) in platforms.enumerated() {
            let sides = number < lost ? "-/y/x" : "x/x/x"
            fixture.add("Game", sides, .init(platform: platform, prefix: platform + "/"))
        }
        fixture.contents[1, default: .init()].folders = platforms.map(path)
        return fixture
    }

    @Test(arguments: [(3, nil), (4, Valve.massDeletion), (6, .directoryEmptied)])
    func `34 platform folders together are one directory`(lost: Int, valve: Valve?) {
        let plan = Self.platforms(lost: lost).plan()
        #expect(plan.halts.map(\.valve) == [valve].compactMap { $0 })
        #expect(plan.count(.push) == (valve == nil ? lost : 0), "\(plan.lines)")
    }

    @Test func `34 one platform folder that looks wrong leaves the others alone`() {
        var fixture = Self.platforms(lost: 0)
        for number in 0..<4 { fixture.add("Game \(number)", "-/x/x", .init(platform: "md", prefix: "md/")) }
        fixture.add("Changed", "y/x/x", .init(platform: "gba", prefix: "gba/"))
        let plan = fixture.plan()
        #expect(plan.halts.map(\.directory) == ["/saves/md"] && plan.halts.map(\.valve) == [.directoryEmptied])
        #expect(plan.count(.pull) == 1 && plan.count(.skip) == 4)
    }

    @Test(arguments: ["", "sub/"])
    func `what became a link, or lies behind one, is not deleted`(prefix: String) {
        var fixture = Fixture()
        fixture.add("Metroid", "-/y/x", .init(prefix: prefix))
        fixture.contents[1, default: .init()].skipped = ["Metroid.srm", "sub"].map {
            SkippedEntry(shownPath: $0, reason: "a symbolic link")
        }
        #expect(fixture.plan().actions("Metroid") == [.skip])
        #expect(fixture.plan().count(.push) == 0)
    }
}
