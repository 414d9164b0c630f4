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
        #expect(CardIdentity(number: 0, totalBytes: 0) == nil)
    }

    /// Eight saves on a card whose server gives no number: the remembered card has 64 MiB.
    static func withoutNumber(_ megabytes: UInt64, changed: Int) -> Fixture {
        var fixture = onOtherCard(8, lost: 0, changed: changed)
        fixture.knownCards[1] = CardIdentity(number: 0, totalBytes: 64 << 20)
        fixture.cards[1] = CardIdentity(number: 0, totalBytes: megabytes << 20)
        return fixture
    }

    @Test func `where the server gives no number, the size tells cards apart`() {
        let other = Self.withoutNumber(128, changed: 8)
        #expect(other.plan().halts.map(\.override) == ["--allow card-changed"])
        #expect(other.plan().count(.pull) == 0 && other.plan().count(.skip) == 8 && other.plan().cards.isEmpty)
        #expect(other.plan(allowing: [.cardChanged]).count(.pull) == 8)
        #expect(other.plan(allowing: [.cardChanged]).cards == other.cards)
        // The same size, and one that was only copied, are no reason to ask.
        #expect(Self.withoutNumber(64, changed: 8).plan().count(.pull) == 8)
        let copied = Self.withoutNumber(128, changed: 3)
        #expect(copied.plan().halts.isEmpty && copied.plan().count(.pull) == 3 && copied.plan().cards == copied.cards)
    }

    @Test(arguments: [
        // What the server says now, what is known, whether it is another card, whether it is remembered.
        ((0, 64), (7, 64), false, false), ((7, 64), (0, 64), false, true), ((0, 128), (7, 64), true, false),
        ((7, 128), (0, 64), true, false), ((7, 0), (7, 64), false, false), ((8, 0), (7, 64), true, false),
        ((7, 0), (0, 64), false, false), ((0, 64), (7, 0), false, false),
    ])
    func `a card of which less is known than before is compared by what is known`(
        _ now: (UInt64, UInt64), _ known: (UInt64, UInt64), _ isOther: Bool, _ isRemembered: Bool
    ) {
        var fixture = Self.onOtherCard(8, lost: 0, changed: 8)
        fixture.cards[1] = CardIdentity(number: now.0, totalBytes: now.1 << 20)
        fixture.knownCards[1] = CardIdentity(number: known.0, totalBytes: known.1 << 20)
        #expect(fixture.plan().halts.isEmpty != isOther)
        #expect(fixture.plan().cards == (isRemembered ? fixture.cards : [:]))
    }

    private static let day: Int64 = 86_400
    /// The last run, by the server's clock, an hour before this one.
    private static let lastRun: Int64 = 1_750_000_000 - 3_600

    /// Eight saves of which those at `times` changed, in seconds by the device's clock; `agreed` is when it had what was agreed.
    static func changed(at times: [Int64], agreed: [Int64], lastRun: Int64? = lastRun) -> Fixture {
        var fixture = Fixture()
        fixture.lastRun = lastRun
        for (number, time) in times.enumerated() {
            fixture.add("Game \(number)", "y/x/x", .init(deviceTime: time, agreedTime: agreed[number % agreed.count]))
        }
        for number in times.count..<8 { fixture.add("Game \(number)", "x/x/x") }
        return fixture
    }

    @Test func `most saves changed at once, with older times that no clock gives them in between, is another card`() {
        let times = (0..<8).map { Fixture.deviceTime - 30 * Self.day - $0 * 7 * Self.day }
        let swapped = Self.changed(at: times, agreed: [Fixture.deviceTime])
        #expect(swapped.plan().halts.map(\.override) == ["--allow card-changed"])
        #expect(swapped.plan().count(.pull) == 0 && swapped.plan().count(.skip) == 8)
        #expect(swapped.plan(allowing: [.cardChanged]).count(.pull) == 8)
        // Some times are older and some newer where both cards were played.
        let mixed = times.enumerated().map { $0 % 2 == 0 ? $1 : $1 + 365 * Self.day }
        #expect(Self.changed(at: mixed, agreed: [Fixture.deviceTime]).plan().halts.map(\.valve) == [.cardChanged])
        // Half of them is not most, and three are too few to say anything.
        #expect(Self.changed(at: Array(times.prefix(4)), agreed: [Fixture.deviceTime]).plan().count(.pull) == 4)
    }

    struct Clock: CustomTestStringConvertible, Sendable {
        let testDescription: String
        /// When eight saves were written since the last run.
        let times: [Int64]
        /// Under which times they were agreed on.
        let agreed: [Int64]
        var lastRun: Int64?
    }

    /// P3: each of these is one evening, or one holiday, of play.
    static let clocks: [Clock] = {
        let minutes = (0..<8).map { Int64($0) * 600 }
        let weeks = (0..<8).map { Int64($0) * 7 * day }
        let (now, years) = (Fixture.deviceTime, 3 * 365 * day)
        return [
            Clock(testDescription: "right", times: minutes.map { now + $0 }, agreed: [now - day]),
            Clock(testDescription: "right, after a holiday", times: weeks.map { now + $0 }, agreed: [now - day]),
            Clock(testDescription: "in 1970 at every start", times: minutes, agreed: minutes.map { $0 + 3_600 }),
            Clock(
                testDescription: "in 1970 at every start, set once by the network",
                times: minutes.enumerated().map { $0 % 2 == 0 ? $1 : now + $1 }, agreed: [now - day]),
            Clock(
                testDescription: "in 1970 now, with times from a device in 2099",
                times: minutes.enumerated().map { $0 % 2 == 0 ? $1 : now + $1 }, agreed: [4_070_908_800]),
            Clock(testDescription: "set back by years", times: minutes.map { now - years + $0 }, agreed: [now - day]),
            Clock(
                testDescription: "set back by years, and two months without a run",
                times: weeks.map { now - years + $0 }, agreed: [now - day], lastRun: 1_750_000_000 - 60 * day),
            Clock(
                testDescription: "in 2099 and then right", times: minutes.map { now + $0 }, agreed: [4_070_908_800]),
            Clock(testDescription: "another time zone", times: minutes.map { now - 14 * 3_600 + $0 }, agreed: [now]),
            Clock(testDescription: "none at all", times: Array(repeating: 0, count: 8), agreed: [now]),
        ]
    }()

    @Test(arguments: clocks)
    func `most saves changed at once is an evening of play, whatever the device's clock says`(clock: Clock) {
        let plan = Self.changed(
            at: clock.times, agreed: clock.agreed, lastRun: clock.lastRun ?? Self.lastRun
        ).plan()
        #expect(plan.halts.isEmpty && plan.count(.pull) == 8, "\(plan.lines)")
    }

    @Test func `saves that wait for an answer since long are no sign of another card`() {
        // Clocks beside the games that another emulator keeps in another form are held, run after run.
        var fixture = Fixture()
        fixture.lastRun = Self.lastRun
        for number in 0..<8 {
            let time = Fixture.deviceTime + Int64(number) * 7 * Self.day
            fixture.add(
                "Game \(number)", "y/x/x",
                .init(
                    fileExtension: "rtc", slot: "rtc", deviceTime: time, agreedTime: time - Self.day, deviceSize: 8,
                    serverSize: 48))
        }
        #expect(fixture.plan().count(.hold) == 8)
        #expect(fixture.plan().halts.map(\.valve) == [.sizeChanged])
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

    @Test func `57 a blank save in a directory that is halted anyway is told once`() {
        var fixture = Self.tracked(10, lost: 7)
        fixture.add("Blank now", "0/x/x")
        #expect(fixture.plan().halts.map(\.valve) == [.massDeletion])
        #expect(fixture.plan().lines.contains("skip Blank now: halted by mass-deletion, not done: pull"))
        // What would only have been noted was not left undone.
        fixture.add("Equal", "x/x/-")
        fixture.add("Held", "x/deleted/x")
        for game in ["Game 0", "Equal", "Held"] {
            #expect(fixture.plan().lines.contains("skip \(game): halted by mass-deletion"), "\(fixture.plan().lines)")
        }
        #expect(fixture.plan(allowing: [.massDeletion]).halts.map(\.valve) == [.blankSave])
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

    /// A tracked folder save whose folder holds only what `contents` says.
    static func emptied(_ contents: DirectoryListing.Contents, server: Character = "x") -> Fixture {
        var fixture = Fixture.folders
        fixture.stand(path("Other/a.bin"), "o")
        fixture.addFolder("G", server: server, baseline: "x")
        fixture.contents[1]?.folders = [path("G")] + contents.folders
        fixture.contents[1]?.skipped = contents.skipped
        fixture.contents[1]?.unreadable = contents.unreadable
        return fixture
    }

    @Test func `a folder save whose files are all gone is deleted on the device, as if its folder were gone`() {
        // A folder that is empty itself is nothing, either.
        for contents in [.init(), .init(folders: [path("G/sub"), path("G/sub/sub")])] as [DirectoryListing.Contents] {
            let plan = Self.emptied(contents).plan()
            #expect(
                plan.lines.contains("no_op G: deleted on device; kept on the server, not put back"), "\(plan.lines)")
            #expect(Self.emptied(contents, server: "y").plan().actions("G") == [.push])
        }
        // More than half of them at once is no accident here either.
        var fixture = Fixture.folders
        for number in 0..<4 { fixture.addFolder("G\(number)", server: "x", baseline: "x") }
        fixture.stand(path("Other/a.bin"), "o")
        fixture.contents[1]?.folders = (0..<4).map { path("G\($0)") }
        #expect(fixture.plan().halts.map(\.valve) == [.massDeletion])
    }

    @Test func `a file where the folder of a save was says nothing of the save`() {
        for server in ["x", "y"] {
            var fixture = Fixture()
            fixture.add("Metroid", "-/\(server)/x", .init(prefix: "sub/"))
            fixture.contents[1, default: .init()].files = [
                ListedFile(path: path("sub"), stamp: Stamp(size: 1, modified: 1))
            ]
            let lines = fixture.plan().lines
            #expect(lines.contains("skip Metroid: left alone: sub is a file there, and no folder"), "\(lines)")
        }
    }

    @Test func `a folder save in whose folder something else than files stands says nothing`() {
        let link = SkippedEntry(path: path("G/link"), reason: "a symbolic link")
        let nameless = SkippedEntry([1], in: path("G"), reason: "the name contains a control character")
        let unreadable = UnreadableFolder(path: path("G/sub"), reason: "permission denied")
        for (contents, reason) in [
            (
                .init(folders: [path("G/sub")], skipped: [SkippedEntry(path: path("G/sub/link"), reason: "a link")]),
                "its folder is there, but no file that could be the save's"
            ),
            (.init(skipped: [link]), "its folder is there, but no file that could be the save's"),
            (.init(skipped: [nameless]), "its folder is there, but no file that could be the save's"),
            (.init(folders: [path("G/sub")], unreadable: [unreadable]), "permission denied"),
        ] as [(DirectoryListing.Contents, String)] {
            for server in ["x", "y"] as [Character] {
                let plan = Self.emptied(contents, server: server).plan()
                #expect(plan.lines.contains("skip G: left alone: \(reason)"), "\(plan.lines)")
            }
        }
    }

    @Test(arguments: ["", "sub/", "\u{200d}sub/"], ["Metroid", "Met\u{200d}roid", "Metroid\\x0a"])
    func `what became a link, or lies behind one, is not deleted`(prefix: String, game: String) {
        for server in ["x", "y"] {
            var fixture = Fixture()
            fixture.add(game, "-/\(server)/x", .init(prefix: prefix))
            let link = prefix.isEmpty ? game + ".srm" : String(prefix.dropLast())
            fixture.contents[1, default: .init()].skipped = [
                SkippedEntry(path: path(link), reason: "a symbolic link")
            ]
            #expect(fixture.plan().actions(game) == [.skip], "\(fixture.plan().lines)")
            #expect(fixture.plan().count(.push) == 0)
        }
    }
}
