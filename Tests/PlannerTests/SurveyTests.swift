import Planner
import Testing

/// What must be read before anything can be decided, and when a stamp may stand for its content.
@Suite struct SurveyTests {
    struct Row: CustomTestStringConvertible, Sendable {
        let testDescription: String
        var sides = "x/x/x"
        var deletions = DeletionPolicy.hold
        /// What the recorded row says differently from the fixture's, which has the listed stamps, settled.
        var recorded: @Sendable (Baseline) -> Baseline = { $0 }
        let isRead: Bool
    }

    static func recorded(
        _ old: Baseline, directory: Int64? = 1, path: RelativePath? = nil, entries: [EntryBaseline]? = nil,
        agreement: Baseline.Agreement? = nil, isGone: Bool = false
    ) -> Baseline {
        Baseline(
            saveID: old.saveID, directory: directory, path: path ?? old.path, shape: old.shape,
            agreement: agreement ?? old.agreement, entries: entries ?? old.entries, isUntracked: old.isUntracked,
            isGone: isGone)
    }

    static func entry(
        _ old: Baseline, size: UInt64 = 100, modified: Int64 = Fixture.deviceTime, _ state: StampState = .settled
    )
        -> [EntryBaseline]
    {
        [EntryBaseline(path: old.path, stamp: Stamp(size: size, modified: modified), state: state)]
    }

    static let moment = Moment(boot: "a", nanoseconds: 0)

    static let table: [Row] = [
        Row(testDescription: "in step and settled", isRead: false),
        Row(testDescription: "new on the device", sides: "x/-/-", isRead: true),
        Row(testDescription: "never synced", sides: "x/y/-", isRead: true),
        Row(testDescription: "changed on the device", sides: "y/x/x", isRead: true),
        Row(
            testDescription: "only the time moved", recorded: { recorded($0, entries: entry($0, modified: 1)) },
            isRead: true),
        Row(
            testDescription: "only the size moved", recorded: { recorded($0, entries: entry($0, size: 99)) },
            isRead: true),
        Row(
            testDescription: "39 unsettled",
            recorded: { recorded($0, entries: entry($0, .unsettled(firstListed: moment))) },
            isRead: true),
        Row(testDescription: "39 something would be put over it", sides: "x/y/x", isRead: true),
        Row(testDescription: "the server lost it", sides: "x/-/x", isRead: true),
        Row(testDescription: "deleted on the server, held", sides: "x/deleted/x", isRead: false),
        Row(
            testDescription: "deleted on the server, to be removed", sides: "x/deleted/x", deletions: .propagate,
            isRead: true),
        Row(
            testDescription: "23 the name changed its case", recorded: { recorded($0, path: path("METROID.SRM")) },
            isRead: true),
        Row(testDescription: "it stands in another directory", recorded: { recorded($0, directory: 2) }, isRead: true),
        Row(
            testDescription: "its directory was not configured", recorded: { recorded($0, directory: nil) },
            isRead: true),
        Row(testDescription: "the row has no stamps yet", recorded: { recorded($0, entries: []) }, isRead: true),
        Row(
            testDescription: "an imported row",
            recorded: { recorded($0, agreement: .times(device: Fixture.deviceTime, server: 0)) }, isRead: true),
        // Else the row would say for ever that it is gone, and no limit would count it.
        Row(testDescription: "it was gone and is back", recorded: { recorded($0, isGone: true) }, isRead: true),
    ]

    @Test(arguments: table)
    func `what must be read`(row: Row) throws {
        var fixture = Fixture()
        fixture.deletionPolicy = row.deletions
        fixture.add("Metroid", row.sides)
        let baselines = [fixture.scope.baseline(1)].compactMap { $0 }.map(row.recorded)
        let scope = SyncScopeIndex(
            owner: "anna", saves: fixture.servers, baselines: baselines, directories: fixture.directories)
        let pairing = Pairing(listings: fixture.listings, scope: scope)
        let read = survey(pairing, deletions: row.deletions)
        #expect(!read.isEmpty == row.isRead)
    }

    @Test func `saves are read in order of their keys`() {
        var fixture = Fixture()
        for game in ["Zelda", "advance wars", "Metroid"] { fixture.add(game, "y/x/x") }
        #expect(fixture.surveyed.map(\.identity.game) == ["advance wars", "Metroid", "Zelda"])
    }

    @Test func `what will probably be pushed is counted without a listing`() {
        var fixture = Fixture()
        fixture.add("never synced", "-/x/-")
        fixture.add("changed on the server", "x/y/x")
        fixture.add("in step", "x/x/x")
        fixture.add("deleted", "x/deleted/x")
        fixture.add("untracked", "-/x/-", .init(isUntracked: true))
        fixture.add("of another platform", "-/x/-", .init(platform: "snes"))
        #expect(fixture.scope.likelyPushes(to: fixture.directories) == 2)
        #expect(fixture.scope.likelyPushes(to: []) == 0)
        let unknown = SaveDirectory(id: 2, path: "/saves", platform: .eachSubfolder)
        let readOnly = SaveDirectory(id: 3, path: "/old", platform: .named("gba"), acceptsNew: false)
        #expect(fixture.scope.likelyPushes(to: [unknown, readOnly]) == 0)
    }

    @Test
    func `a server that tells no times: read in every run, also where an earlier version took the stamp for settled`() {
        var fixture = Fixture()
        fixture.add("Metroid", "x/x/x", .init(deviceTime: 0))
        #expect(fixture.surveyed.map(\.identity.game) == ["Metroid"])
    }

    struct Reading: CustomTestStringConvertible, Sendable {
        let testDescription: String
        var stamp = Stamp(size: 1, modified: 1)
        /// The recorded state under the same stamp, or nil when there is none.
        var recorded: StampState?
        var recordedStamp = Stamp(size: 1, modified: 1)
        let listed: Moment
        let began: Moment
        let state: StampState
    }

    /// Seconds after boot `a`, or another one.
    static func at(_ seconds: Double, boot: String = "a") -> Moment {
        Moment(boot: boot, nanoseconds: Int64(seconds * 1_000_000_000))
    }

    static let readings: [Reading] = [
        Reading(
            testDescription: "read at once", listed: at(10), began: at(10.1), state: .unsettled(firstListed: at(10))),
        Reading(
            testDescription: "read just too early", listed: at(10), began: at(12.999),
            state: .unsettled(firstListed: at(10))),
        Reading(testDescription: "read 3 s after it was listed", listed: at(10), began: at(13), state: .settled),
        Reading(
            testDescription: "known for long, read at once", recorded: .unsettled(firstListed: at(1)), listed: at(100),
            began: at(100), state: .settled),
        Reading(
            testDescription: "known for 2 s, read at once", recorded: .unsettled(firstListed: at(98)), listed: at(100),
            began: at(100), state: .unsettled(firstListed: at(98))),
        Reading(
            testDescription: "settled before, and the same stamp", recorded: .settled, listed: at(1), began: at(1),
            state: .settled),
        Reading(
            testDescription: "settled before, and another stamp", recorded: .settled,
            recordedStamp: Stamp(size: 1, modified: 2), listed: at(1), began: at(1),
            state: .unsettled(firstListed: at(1))),
        Reading(
            testDescription: "known since before a restart", recorded: .unsettled(firstListed: at(1, boot: "b")),
            listed: at(100), began: at(100), state: .unsettled(firstListed: at(100))),
        Reading(
            testDescription: "restarted with a longer uptime", recorded: .unsettled(firstListed: at(1, boot: "b")),
            listed: at(100), began: at(103), state: .settled),
        Reading(
            testDescription: "no time, known for long", stamp: Stamp(size: 1, modified: 0),
            recorded: .unsettled(firstListed: at(1)), recordedStamp: Stamp(size: 1, modified: 0), listed: at(100),
            began: at(100), state: .unsettled(firstListed: at(1))),
        Reading(
            testDescription: "no time, taken for settled before", stamp: Stamp(size: 1, modified: 0),
            recorded: .settled, recordedStamp: Stamp(size: 1, modified: 0), listed: at(100), began: at(100),
            state: .unsettled(firstListed: at(100))),
        // A monotonic clock does not go backwards, but a record of one may be wrong.
        Reading(
            testDescription: "first listed in the future", recorded: .unsettled(firstListed: at(200)), listed: at(100),
            began: at(100), state: .unsettled(firstListed: at(100))),
    ]

    @Test(arguments: readings)
    func `when a stamp is settled`(row: Reading) {
        let stamp = row.stamp
        let previous = row.recorded.map {
            EntryBaseline(path: path("Metroid.srm"), stamp: row.recordedStamp, state: $0)
        }
        let state = StampState.afterRead(of: stamp, previous: previous, listed: row.listed, readBegan: row.began)
        #expect(state == row.state)
    }
}
