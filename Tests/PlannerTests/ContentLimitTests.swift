import Planner
import Testing

/// The limits on single saves: what a content may not take the place of without the user's word.
@Suite struct ContentLimitTests {
    struct Row: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let sides: String
        let policy: ConflictPolicy
        let valve: Valve?
        let save: Fixture.Save

        init(_ name: String, _ sides: String, _ valve: Valve?, _ save: Fixture.Save = .init()) {
            self.init(name, sides, .ask, valve, save)
        }

        init(_ name: String, _ sides: String, _ policy: ConflictPolicy, _ valve: Valve?, _ save: Fixture.Save = .init())
        {
            (testDescription, self.sides, self.policy, self.valve, self.save) = (name, sides, policy, valve, save)
        }
    }

    /// The device's time is the newer one here, so that `newest` takes its content.
    static let newer: Int64 = 1_700_002_000

    /// The save "Metroid", where `0` is blank.
    static let rows: [Row] =
        [
            Row("blank on the device", "0/x/x", .blankSave),
            Row("blank on the server, plain push", "x/0/x", .blankSave),
            Row("blank on the server, the policy says server", "x/0/-", .server, .blankSave),
            Row("blank on the server, and newer", "x/0/-", .newest, .blankSave),
            Row("blank on the server, both are kept", "x/0/-", .keepBoth, .blankSave),
            Row("blank on the server, both changed", "y/0/x", .server, .blankSave),
            Row("blank on the device, the policy says device", "0/x/-", .device, .blankSave),
            Row("blank on the device, and newer", "0/x/-", .newest, .blankSave, .init(deviceTime: newer)),
            Row("blank on the device after a deletion", "0/deleted/x", .blankSave),
            Row("blank on a device that never took part, after a deletion", "0/deleted/-", .blankSave),
            Row("a blank version that the user restored", "x/0/x", nil, .init(isRestored: true)),
            Row("restored, where a policy decides", "y/0/x", .server, .blankSave, .init(isRestored: true)),
            Row("played over a blank one on the device", "0/x/0", nil),
            Row("played over a blank one on the server", "x/0/0", nil),
            Row("a blank one loses to the server's by policy", "0/x/-", .server, nil),
            Row("a blank one loses to the device's by policy", "x/0/-", .device, nil),
            Row("changed on the device after a deletion", "y/deleted/x", nil),
        ]
        + [
            Row("cut off on the device", "y/x/x", .truncatedSave, cutOff(.onDevice)),
            Row("cut off on the server, plain push", "x/y/x", .truncatedSave, cutOff(.onServer)),
            Row("cut off on the device after a deletion", "y/deleted/x", .truncatedSave, cutOff(.onDevice)),
            Row("cut off on the device, by policy", "y/z/x", .device, .truncatedSave, cutOff(.onDevice)),
            Row("cut off on the server, by policy", "y/z/-", .server, .truncatedSave, cutOff(.onServer)),
            Row("cut off on the server, both are kept", "y/z/-", .keepBoth, .truncatedSave, cutOff(.onServer)),
            Row("cut off on the device, the server's wins", "y/z/-", .server, nil, cutOff(.onDevice)),
            Row("cut off on the server, the device's wins", "y/z/-", .device, nil, cutOff(.onServer)),
        ]
        + ConflictPolicy.allCases.filter { $0 != .ask }.flatMap { policy in
            [
                Row("less than half, \(policy)", "y/z/x", policy, .sizeChanged, sizes(499, 1_000, policy)),
                Row("more than twice, \(policy)", "y/z/-", policy, .sizeChanged, sizes(2_001, 1_000, policy)),
                Row("half, \(policy)", "y/z/x", policy, nil, sizes(500, 1_000, policy)),
                Row("twice, \(policy)", "y/z/-", policy, nil, sizes(2_000, 1_000, policy)),
            ]
        }
        + [
            Row("another size is no reason where nobody else changed it", "y/x/x", nil, sizes(10, 1_000)),
            Row("another size is no reason for a plain push", "x/y/x", nil, sizes(10, 1_000)),
            Row("an image of another chip on the device", "y/x/x", .sizeChanged, sizes(256, 8_192)),
            Row("an image of another chip on the server", "x/y/x", .sizeChanged, sizes(256, 8_192)),
            Row("a chip of twice the size is found out while playing", "y/x/x", nil, sizes(131_072, 65_536)),
            Row("clocks of two emulators, the device's", "y/x/x", .sizeChanged, clock(8, 48)),
            Row("clocks of two emulators, the server's", "x/y/x", .sizeChanged, clock(8, 48)),
            Row("clocks of one emulator", "y/x/x", nil, clock(48, 48)),
            Row("a clock where the device's was removed", "-/y/x", .sizeChanged, clock(8, 48)),
            Row("a clock of the same form where the device's was removed", "-/y/x", nil, clock(48, 48)),
            Row("a clock where none was", "-/y/-", nil, clock(8, 48)),
        ]

    private static func cutOff(_ truncation: DeviceContent.Truncation) -> Fixture.Save {
        Fixture.Save(
            deviceSize: truncation == .onDevice ? 12_288 : 20_000,
            serverSize: truncation == .onServer ? 12_288 : 20_000,
            truncation: truncation)
    }

    private static func sizes(_ device: UInt64, _ server: UInt64, _ policy: ConflictPolicy = .ask) -> Fixture.Save {
        Fixture.Save(
            deviceTime: policy == .newest ? newer : Fixture.deviceTime, deviceSize: device, serverSize: server)
    }

    private static func clock(_ device: UInt64, _ server: UInt64) -> Fixture.Save {
        Fixture.Save(fileExtension: "rtc", slot: "rtc", deviceSize: device, serverSize: server)
    }

    @Test(arguments: rows)
    func `a content that the player would miss is not replaced without a word`(row: Row) {
        var fixture = Fixture()
        fixture.conflictPolicy = row.policy
        fixture.add("Metroid", row.sides, row.save)
        let plan = fixture.plan()
        #expect(plan.halts.map(\.valve) == [row.valve].compactMap { $0 }, "\(plan.lines)")
        #expect(plan.actions("Metroid").first?.movesContent == (row.valve == nil), "\(plan.lines)")
        guard let valve = row.valve else { return }
        #expect(plan.actions("Metroid") == [.hold])
        #expect(plan.only?.reason.hasSuffix("; allow it with --allow \(valve.rawValue)") == true, "\(plan.lines)")
        #expect(plan.halts.first?.message.contains("/saves/gba/Metroid.") == true)
        // Another limit's word does not let it pass, its own does.
        #expect(fixture.plan(allowing: Set(Valve.allCases).subtracting([valve])).actions("Metroid") == [.hold])
        let allowed = fixture.plan(allowing: [valve])
        #expect(allowed.halts.isEmpty && allowed.actions("Metroid").first?.movesContent == true, "\(allowed.lines)")
    }

    @Test func `what the user decided in a conflict goes to the device without a word, and nothing else does`() {
        for (sides, save) in [
            ("x/0/x", Fixture.Save()), ("x/y/x", Self.cutOff(.onServer)), ("x/y/x", Self.clock(8, 48)),
        ] {
            var fixture = Fixture()
            fixture.add("Metroid", sides, save)
            #expect(fixture.plan().count(.hold) == 1)
            // The version's number is ten times the save's.
            fixture.decisions = [1: [10]]
            #expect(fixture.plan().count(.push) == 1 && fixture.plan().halts.isEmpty)
            fixture.decisions = [1: [11], 2: [10]]
            #expect(fixture.plan().count(.hold) == 1)
        }
    }

    @Test func `each limit that something met is told once for a directory, with all that it held`() {
        var fixture = Fixture()
        fixture.add("Blank", "0/x/x")
        fixture.add("Blank there", "x/0/x")
        fixture.add("Cut off", "y/x/x", Self.cutOff(.onDevice))
        fixture.add("In step", "x/x/x")
        let halts = fixture.plan().halts
        #expect(halts.map(\.valve) == [.blankSave, .truncatedSave])
        let held = "/saves/gba/Blank there.srm, /saves/gba/Blank.srm. Where a policy chose, "
        #expect(halts.first?.message.contains(held) == true && halts.first?.message.hasSuffix(".") == true)
    }
}
