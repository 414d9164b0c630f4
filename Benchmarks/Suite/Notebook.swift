import Foundation

/// What was measured so far, and what is not to be measured.
struct Notebook: Sendable {
    struct Settings: Codable, Sendable {
        /// Timed runs of each command.
        var runs = 5
        /// Seconds after which a command gets no further run. It is left out where one takes three times that long.
        var patienceSeconds = 30.0
        var isQuick = false
        /// Milliseconds; nil means those that the workload names.
        var roundTrips: [Int]?

        /// The round trips to measure of those that a workload names, the shortest first.
        func chosen(_ workload: Workload) -> [Int] {
            let all = workload.roundTrips
            return (roundTrips?.filter(all.contains) ?? (isQuick ? workload.quickRoundTrips : all)).sorted()
        }

        /// A command that would take longer than this is left out.
        var longestSeconds: Double { patienceSeconds * 3 }

        /// Longer than this no command may take.
        var limitSeconds: Double { max(patienceSeconds * 20, 300) }
    }

    let settings: Settings
    /// Peers that are not installed.
    let missing: Set<String>
    /// In the order in which they began.
    private(set) var measurements: [Measurement] = []
    private(set) var checks: [Check] = []

    init(_ settings: Settings, missing: Set<String>) {
        self.settings = settings
        self.missing = missing
    }

    /// One line of the results, found again by its place.
    typealias Entry = Int

    /// Begins the line of a peer in a workload.
    mutating func begin(
        _ workload: String, _ title: String, _ server: Laboratory.Server, _ roundTrip: Int, _ peer: String
    ) -> Entry {
        let key = Measurement.Key(
            workload: workload, server: server, roundTripMilliseconds: roundTrip, peer: peer)
        measurements.append(Measurement(key: key, title: title))
        return measurements.count - 1
    }

    /// The same, with the reason beside it where this peer is not to be tried here.
    mutating func begin(_ workload: Workload, _ roundTrip: Int, _ peer: any Peer) -> Entry {
        let entry = begin(workload.name, workload.title, workload.server, roundTrip, peer.name)
        measurements[entry].remark =
            missing.contains(peer.name) ? "missing" : hopeless(measurements[entry].key, peer, workload.data)
        return entry
    }

    /// Why it is known before that this would fail, or take too long.
    private func hopeless(_ key: Measurement.Key, _ peer: any Peer, _ data: DataSet) -> String? {
        let least = Double(data.count * key.roundTripMilliseconds) / 1000
        if peer.isSequential, least > settings.longestSeconds { return "left out, more than \(Format.seconds(least))" }
        let before = measurements.last {
            $0.key.workload == key.workload && $0.key.peer == key.peer
                && $0.key.roundTripMilliseconds < key.roundTripMilliseconds
        }
        guard let before else { return nil }
        guard let wall = before.wall else { return before.remark }
        guard before.key.roundTripMilliseconds > 0 else { return nil }
        let expected = wall * Double(key.roundTripMilliseconds) / Double(before.key.roundTripMilliseconds)
        return expected > settings.longestSeconds ? "left out, about \(Format.seconds(expected))" : nil
    }

    /// Whether a command is to run once more.
    func wantsMore(_ entry: Entry) -> Bool {
        let measurement = measurements[entry]
        let spent = measurement.samples.map(\.wallSeconds).reduce(0, +)
        return measurement.remark == nil && measurement.samples.count < settings.runs
            && spent < settings.patienceSeconds
    }

    mutating func add(_ sample: Sample, to entry: Entry) { measurements[entry].samples.append(sample) }

    /// There will be no further run.
    mutating func fail(_ entry: Entry, _ error: any Error) {
        measurements[entry].remark = "failed: \(error)".split(separator: "\n").joined(separator: " ")
    }

    /// Something that must hold.
    struct Check: Codable, Sendable {
        let what: String
        let holds: Bool
    }

    mutating func check(_ what: String, _ holds: Bool) { checks.append(Check(what: what, holds: holds)) }
}
