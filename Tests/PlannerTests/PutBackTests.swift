import Planner
import Testing

/// What is gone from a device and is to be there again.
@Suite struct PutBackTests {
    /// A device with `saves` in folders of platforms below `/saves`.
    static func divided() -> Fixture {
        var fixture = Fixture()
        fixture.directories = [SaveDirectory(id: 1, path: "/saves", platform: .eachSubfolder)]
        return fixture
    }

    /// The save of this number on its own.
    static let first = PutBack(saves: [1])

    @Test func `a save that is gone comes back where it stood, and only when it is asked for`() throws {
        var fixture = Fixture()
        fixture.add("Metroid", "-/x/x", .init(fileExtension: "sav", isGone: true))
        fixture.add("Zelda", "x/x/x")
        #expect(fixture.plan().operations.map(\.isGone) == [true, false])
        #expect(fixture.plan().count(.push) == 0)
        let plan = fixture.plan(puttingBack: PutBack())
        #expect(plan.lines.first == "push Metroid: put back: it was deleted on device")
        #expect(plan.operations.first?.remotePath == "/saves/gba/Metroid.sav")
        #expect(plan.operations.first?.size == 100 && plan.operations.allSatisfy { !$0.isGone })
        #expect(plan.actions("Zelda") == [.noOp])
    }

    @Test func `only the saves that are meant come back`() {
        var fixture = Fixture()
        fixture.directories.append(SaveDirectory(id: 2, path: "/saves/snes", platform: .named("Super Nintendo")))
        fixture.add("Metroid", "-/x/x", .init(isGone: true))
        fixture.add("Zelda", "-/x/x", .init(isGone: true))
        fixture.add("Chrono", "-/x/x", .init(directory: 2, platform: "Super Nintendo", isGone: true))
        func pushed(_ putBack: PutBack) -> [String?] {
            fixture.plan(puttingBack: putBack).operations.filter { $0.action == .push }.map(\.identity?.game)
        }
        #expect(pushed(PutBack(saves: [1])) == ["Metroid"])
        #expect(pushed(PutBack(platform: "super-nintendo")) == ["Chrono"])
        #expect(pushed(PutBack(platform: "gba", saves: [1, 3])) == ["Metroid"])
        #expect(pushed(PutBack()) == ["Metroid", "Zelda", "Chrono"])
    }

    static let standing: [(sides: String, isGone: Bool, putBack: PutBack, action: Action)] = [
        // It was gone, and is not what it was: the player may have begun anew.
        ("y/x/x", true, PutBack(), .conflict),
        // It was never seen to be gone: the player went on, unless the user names this very save.
        ("y/x/x", false, PutBack(), .pull),
        ("y/x/x", false, first, .conflict),
        ("x/x/x", true, PutBack(), .noOp),
        ("x/y/x", false, first, .push),
        ("y/z/x", true, PutBack(), .conflict),
    ]

    @Test(arguments: standing)
    func `another content that stands there is not replaced`(
        sides: String, isGone: Bool, putBack: PutBack, action: Action
    ) {
        var fixture = Fixture()
        fixture.add("Metroid", sides, .init(isGone: isGone))
        let plan = fixture.plan(puttingBack: putBack)
        #expect(plan.actions("Metroid") == [action], "\(sides): \(plan.lines)")
    }

    @Test func `a policy decides what a conflict over a save that is wanted back becomes`() {
        for (policy, action) in [(ConflictPolicy.device, Action.pull), (.server, .push), (.keepBoth, .push)] {
            var fixture = Fixture()
            fixture.conflictPolicy = policy
            fixture.add("Metroid", "y/x/x", .init(isGone: true))
            #expect(fixture.plan(puttingBack: PutBack()).actions("Metroid") == [action])
        }
    }

    @Test func `an untracked save, and one that was deleted on the server, do not come back`() {
        var fixture = Fixture()
        fixture.add("Untracked", "-/x/x", .init(isUntracked: true))
        fixture.add("Deleted", "-/deleted/x", .init(isGone: true))
        #expect(fixture.plan(puttingBack: PutBack()).count(.push) == 0)
    }

    @Test(arguments: [
        ("-/x/x", Action.push), ("x/x/x", .noOp), ("y/x/x", .pull), ("-/y/x", .push), ("y/z/x", .conflict),
    ])
    func `what the user restored is there again in the next run, and is then as any other`(
        sides: String, action: Action
    ) {
        for isGone in [false, true] {
            var fixture = Fixture()
            fixture.add("Metroid", sides, .init(isGone: isGone, isWantedBack: true))
            let plan = fixture.plan()
            #expect(plan.actions("Metroid") == [action], "\(sides): \(plan.lines)")
            // One that is there is agreed on anew, so that a later deletion is one.
            if case .noOp = action { #expect(plan.only?.step != .nothing, "\(plan.lines)") }
        }
    }

    @Test func `a restored save does not fill a directory that looks wrong`() {
        var fixture = ValveTests.tracked(5, lost: 5)
        fixture.add("Restored", "-/x/x", .init(isWantedBack: true))
        let plan = fixture.plan()
        #expect(plan.halts.map(\.valve) == [.directoryEmptied] && plan.count(.push) == 0)
    }

    // MARK: Limits

    @Test(arguments: [Valve.directoryEmptied, .massDeletion])
    func `putting all of them back deduces nothing, so no limit closes`(valve: Valve) {
        var fixture = ValveTests.tracked(36, lost: valve == .directoryEmptied ? 36 : 30)
        let halted = fixture.plan().halts
        #expect(halted.map(\.valve) == [valve])
        #expect(halted.first?.remedy(for: "deck") == "saveferry sync deck --put-back")
        // The harmless way first.
        let ways = halted.first?.waysOut(for: "deck") ?? []
        #expect(ways.first?.contains("--put-back") == true && ways.last?.contains("--allow \(valve.rawValue)") == true)
        let plan = fixture.plan(puttingBack: PutBack())
        #expect(plan.halts.isEmpty && plan.count(.push) == (valve == .directoryEmptied ? 36 : 30))
        // One of them comes back alone, and of the others still nothing is concluded.
        let one = fixture.plan(puttingBack: Self.first)
        #expect(one.halts.map(\.valve) == [valve] && one.count(.push) == 1)
        #expect(one.operations.allSatisfy { !$0.isGone })
        // A save that is new there is no more asked for than before.
        fixture.add("New", "-/y/-")
        #expect(fixture.plan(puttingBack: PutBack(saves: [1, 37])).actions("New") == [.skip])
        // One that is deleted on both sides leaves nothing to be asked about.
        fixture.add("Deleted", "-/deleted/x")
        #expect(fixture.plan(puttingBack: PutBack()).halts.isEmpty)
    }

    @Test(arguments: [DirectoryListing.State.missing, .unreadable(reason: "EIO")])
    func `nothing is put into a directory that is not there or can't be read`(state: DirectoryListing.State) {
        var fixture = ValveTests.tracked(5, lost: 5)
        fixture.states[1] = state
        for putBack in [PutBack(), Self.first] {
            let plan = fixture.plan(allowing: Set(Valve.allCases), puttingBack: putBack)
            #expect(plan.halts.count == 1 && plan.count(.push) == 0)
        }
    }

    @Test func `nothing is put onto another card before that is allowed`() {
        let fixture = ValveTests.onOtherCard(10, lost: 10)
        let plan = fixture.plan(puttingBack: PutBack())
        #expect(plan.halts.map(\.valve) == [.cardChanged] && plan.count(.push) == 0)
        #expect(plan.halts.first?.remedy(for: "deck") == "saveferry device reset deck")
        #expect(fixture.plan(allowing: [.cardChanged], puttingBack: PutBack()).count(.push) == 10)
    }

    // MARK: Folders

    @Test func `folders that are missing on the way are made`() throws {
        var fixture = Fixture()
        fixture.add("Metroid", "-/y/x", .init(prefix: "sub/deep/"))
        fixture.contents[1, default: .init()].folders = [path("sub"), path("other")]
        guard case .push(_, let target)? = fixture.plan().only?.step else {
            Issue.record("\(fixture.plan().lines)")
            return
        }
        #expect(target.path == path("sub/deep/Metroid.srm") && target.missingFolders == [path("sub/deep")])
    }

    @Test func `a platform whose folder was removed has no place: told once, and no failure`() {
        var fixture = Self.divided()
        fixture.contents[1] = .init(folders: [path("snes")])
        fixture.add("Metroid", "-/y/x", .init(prefix: "gba/"))
        let plan = fixture.plan()
        #expect(plan.count(.push) == 0 && !plan.hasProblems && plan.halts.isEmpty)
        #expect(plan.operations.filter { $0.action == .skip }.map(\.remotePath) == ["/saves/gba"])
        #expect(plan.actions("Metroid") == [.noOp] && plan.operations[0].isGone)
        // With --put-back the folder is made.
        guard case .push(_, let target)? = fixture.plan(puttingBack: PutBack()).only?.step else {
            Issue.record("not put back")
            return
        }
        #expect(target.missingFolders == [path("gba")])
        // In the next run it is known.
        var again = Self.divided()
        again.contents[1] = .init(folders: [path("snes")])
        again.add("Metroid", "-/y/x", .init(prefix: "gba/", isGone: true))
        #expect(again.plan().operations.map(\.action) == [.noOp])
    }

    @Test func `a platform folder that was renamed in its form is still the platform's`() {
        var fixture = Self.divided()
        fixture.contents[1] = .init(folders: [path("GBA")])
        fixture.add("Metroid", "-/y/x", .init(prefix: "gba/"))
        #expect(fixture.plan().only?.remotePath == "/saves/GBA/Metroid.srm")
    }
}
