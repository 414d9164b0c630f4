import Planner
import Testing

/// Every world of one save, taken through a plan and what it does: nothing is lost, and the rerun is quiet.
@Suite struct RerunTests {
    /// One save on one device, and all that the library ever had of it.
    struct World: Hashable {
        var device: String
        var server: String
        var baseline: String
        var isGone = false
        var library: Set<String> = []

        var sides: String { "\(device)/\(server)/\(baseline)" }

        /// The contents that exist anywhere.
        var contents: Set<String> { library.union([device, server]).subtracting(["-", "deleted"]) }
    }

    static let worlds: [World] = ["-", "x", "y", "z"].flatMap { device in
        ["-", "deleted", "x", "y", "z"].flatMap { server in
            ["-", "x", "y", "z"].map { baseline in
                // What a device once agreed on, and what the server has, is in the library.
                var world = World(device: device, server: server, baseline: baseline)
                world.library = Set([server, baseline]).subtracting(["-", "deleted"])
                return world
            }
        }
    }

    func plan(_ world: World, _ policy: ConflictPolicy, _ deletions: DeletionPolicy) -> Plan {
        var fixture = Fixture()
        fixture.conflictPolicy = policy
        fixture.deletionPolicy = deletions
        fixture.add("Metroid", world.sides, .init(isGone: world.isGone))
        return fixture.plan()
    }

    /// The world after the step was carried out: what a run and its commits do.
    func carryOut(_ step: Step, in world: World) -> World {
        var after = world
        switch step {
        case .pull:
            after.server = world.device
            after.baseline = world.device
            after.library.insert(world.device)
        case .push(_, let target):
            if case .preserving = target.over { after.library.insert(world.device) }
            after.device = world.server
            after.baseline = world.server
        case .remove:
            after.device = "-"
            after.baseline = "-"
        case .adopt: after.baseline = world.device
        case .markGone: after.isGone = true
        case .retire: after.baseline = "-"
        case .conflict: after.library.insert(world.device)
        case .nothing, .hold, .skip: break
        }
        if after.device != "-" { after.isGone = false }
        return after
    }

    @Test(arguments: ConflictPolicy.allCases, DeletionPolicy.allCases)
    func `a rerun is quiet, or asks the same again`(policy: ConflictPolicy, deletions: DeletionPolicy) {
        for world in Self.worlds {
            let plan = plan(world, policy, deletions)
            guard let operation = plan.only else {
                #expect(plan.operations.isEmpty, "\(world.sides)")
                continue
            }
            let after = carryOut(operation.step, in: world)
            let again = self.plan(after, policy, deletions)
            switch operation.action {
            case .conflict, .hold: #expect(again.lines == plan.lines, "\(world.sides)")
            default:
                #expect(again.operations.allSatisfy { $0.step == .nothing }, "\(world.sides): \(again.lines)")
                #expect(again.bytes == 0)
            }
        }
    }

    @Test(arguments: ConflictPolicy.allCases, DeletionPolicy.allCases)
    func `no content is lost (P1)`(policy: ConflictPolicy, deletions: DeletionPolicy) {
        for world in Self.worlds {
            for operation in plan(world, policy, deletions).operations {
                let after = carryOut(operation.step, in: world)
                #expect(after.contents.isSuperset(of: world.contents), "\(world.sides): \(operation.reason)")
            }
        }
    }

    /// A user plays on two devices, deletes here and there, and syncs in any order.
    @Test(arguments: 0..<40)
    func `two devices come to the same content, and none is lost on the way`(seed: Int) {
        var random = Sequence(seed: UInt64(seed))
        var worlds = [World(device: "-", server: "-", baseline: "-"), World(device: "-", server: "-", baseline: "-")]
        for letter in "abcdefghijklmnopqrst".map(String.init) {
            let index = Int(random.next() % 2)
            switch random.next() % 5 {
            case 0, 1: worlds[index].device = letter
            case 2 where random.next() % 4 == 0: worlds[index].device = "-"
            default: sync(index, &worlds)
            }
        }
        for index in [0, 1, 0, 1] { sync(index, &worlds) }
        for world in worlds { #expect(["-", world.server].contains(world.device), "\(worlds)") }
        let settled = worlds
        for index in [0, 1] { sync(index, &worlds) }
        #expect(worlds == settled)
    }

    /// One run of one device, where the device's content wins a conflict; both share the server and the library.
    func sync(_ index: Int, _ worlds: inout [World]) {
        let before = worlds[index].contents
        for operation in plan(worlds[index], .device, .hold).operations {
            worlds[index] = carryOut(operation.step, in: worlds[index])
        }
        #expect(worlds[index].contents.isSuperset(of: before), "\(worlds)")
        for other in worlds.indices {
            worlds[other].server = worlds[index].server
            worlds[other].library.formUnion(worlds[index].library)
        }
    }

    /// The same numbers for the same seed (xorshift64*).
    struct Sequence {
        private var state: UInt64

        init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }

        mutating func next() -> UInt64 {
            state ^= state >> 12
            state ^= state << 25
            state ^= state >> 27
            return (state &* 0x2545_f491_4f6c_dd1d) >> 33
        }
    }
}
