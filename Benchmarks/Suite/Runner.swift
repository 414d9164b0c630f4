import Foundation
import TestSupport

/// Lets every peer do every workload in turns, and collects what was measured.
actor Runner {
    struct Settings: Codable, Sendable {
        /// Timed runs of each command.
        var runs = 5
        /// Seconds after which a command gets no further run. It is left out where it would take four times that long.
        var patienceSeconds = 20.0
        /// Milliseconds; nil means those that the workload names.
        var roundTrips: [Int]?

        /// The round trips to measure of those that a workload names.
        func chosen(_ named: [Int]) -> [Int] { (roundTrips.map { $0.filter(named.contains) } ?? named).sorted() }

        /// Longer than this no command may take.
        var limitSeconds: Double { max(patienceSeconds * 20, 300) }
    }

    let laboratory: Laboratory
    let settings: Settings
    let ferry: SaveFerry
    private let peers: [any Peer]
    private let missing: Set<String>
    /// In the order in which they began.
    private(set) var measurements: [Measurement] = []
    private(set) var checks: [Check] = []
    /// What the peers brought to their places once, to be compared again and again.
    private var standing: [DataSet: [String: Errand]] = [:]
    private var rounds = 0
    private var changed: [DataSet: Int] = [:]

    init(_ laboratory: Laboratory, ferry: SaveFerry, peers: [any Peer], missing: Set<String>, settings: Settings) {
        self.laboratory = laboratory
        self.ferry = ferry
        self.peers = [ferry] + peers
        self.missing = missing
        self.settings = settings
    }

    /// Measures one workload at each of its round trips, the shortest first.
    func run(_ workload: Workload) async throws {
        for roundTrip in settings.chosen(workload.roundTrips) {
            let link = try await laboratory.link(workload.server, roundTrip)
            switch workload.action {
            case .pull, .push: try await runFirst(workload, link)
            case .noOp, .changes: try await runAgain(workload, link)
            }
        }
    }

    // MARK: First pull and first push

    private func runFirst(_ workload: Workload, _ link: Link) async throws {
        let full = try await laboratory.source(workload.data)
        let entries = begin(workload, link)
        var used: [String] = []
        for _ in 0..<settings.runs {
            for (peer, entry) in entries where wantsMore(entry) {
                let state = try await laboratory.freshFolder()
                let empty = try await laboratory.freshFolder()
                let isPush = workload.action == .push
                let errand = Errand(
                    action: workload.action, data: workload.data, remote: isPush ? empty : full,
                    local: isPush ? full : empty, state: state, link: link)
                await attempt(entry) {
                    try await peer.prepare(errand)
                    let sample = try await self.time(peer.command(errand), over: link)
                    try await peer.verify(errand, changes: 0, changed: nil)
                    return sample
                }
                used += [state, empty]
                // Large files are many gigabytes; small ones wait, because new ones are slow while old ones go.
                if workload.data.count < 100 { try await discard(&used, workload.data) }
            }
        }
        try await discard(&used, workload.data)
    }

    private func discard(_ folders: inout [String], _ data: DataSet) async throws {
        for folder in folders { try await laboratory.discard(folder, files: data.count) }
        folders = []
    }

    // MARK: Again, with nothing or little changed

    private func runAgain(_ workload: Workload, _ link: Link) async throws {
        let entries = begin(workload, link)
        let places = try await places(workload, entries.map(\.peer))
        let source = try await laboratory.source(workload.data)
        let home = places[ferry.name].map(ferry.home)
        let before = try await home?.rows()
        for _ in 0..<settings.runs where entries.contains(where: { wantsMore($0.entry) }) {
            var last: String?
            if workload.changes > 0 {
                for (peer, _) in entries { if let errand = places[peer.name] { try await peer.settle(errand) } }
                rounds += 1
                last = try workload.data.change(workload.changes, in: source, round: rounds)
                changed[workload.data, default: 0] += workload.changes
            }
            for (peer, entry) in entries where wantsMore(entry) {
                guard let errand = places[peer.name]?.with(workload.action, over: link) else { continue }
                let changes = changed[workload.data] ?? 0
                await attempt(entry) {
                    try await peer.prepare(errand)
                    let sample = try await self.time(peer.command(errand), over: link)
                    try await peer.verify(errand, changes: changes, changed: last)
                    return sample
                }
            }
        }
        if workload.action == .noOp, let before, let after = try await home?.rows() {
            check("\(workload.title), \(link.roundTrip) ms: SaveFerry rewrote no row", before == after)
        }
    }

    /// Brings the files to each peer's place, or what changed there since, so that all begin with the same. Not timed.
    private func places(_ workload: Workload, _ peers: [any Peer]) async throws -> [String: Errand] {
        let link = try await laboratory.link(workload.server, 0)
        let source = try await laboratory.source(workload.data)
        var places = standing[workload.data] ?? [:]
        for peer in peers {
            let first: Errand
            if let place = places[peer.name] {
                first = place.with(peer.can(.changes) ? .changes : .pull, over: link)
            } else {
                first = Errand(
                    action: .pull, data: workload.data, remote: source, local: try await laboratory.freshFolder(),
                    state: try await laboratory.freshFolder(), link: link)
            }
            do {
                try await peer.prepare(first)
                _ = try await time(peer.command(first), over: nil)
                try await peer.settle(first)
                places[peer.name] = first
            } catch {
                note("\(peer.name) could not begin: \(error)")
            }
        }
        standing[workload.data] = places
        return places
    }

    // MARK: Measurements

    /// One line of the results, found again by its place.
    typealias Entry = Int

    /// A measurement for each peer that can do this; those that won't be tried say why.
    private func begin(_ workload: Workload, _ link: Link) -> [(peer: any Peer, entry: Entry)] {
        var entries: [(peer: any Peer, entry: Entry)] = []
        for peer in peers where peer.can(workload.action) && !workload.without.contains(peer.name) {
            let entry = begin(workload.name, workload.title, workload.server, link.roundTrip, peer.name)
            if missing.contains(peer.name) {
                measurements[entry].remark = "missing"
            } else if let reason = hopeless(measurements[entry].key, peer, workload.data) {
                measurements[entry].remark = reason
                note(measurements[entry].line)
            } else {
                entries.append((peer, entry))
            }
        }
        return entries
    }

    func begin(
        _ workload: String, _ title: String, _ server: Laboratory.Server, _ roundTrip: Int, _ peer: String
    ) -> Entry {
        let key = Measurement.Key(
            workload: workload, server: server, roundTripMilliseconds: roundTrip, peer: peer)
        measurements.append(Measurement(key: key, title: title))
        return measurements.count - 1
    }

    /// Why it is known before that this would fail, or take too long.
    private func hopeless(_ key: Measurement.Key, _ peer: any Peer, _ data: DataSet) -> String? {
        let limit = settings.patienceSeconds * 4
        let least = Double(data.count * key.roundTripMilliseconds) / 1000
        if peer.isSequential, least > limit { return "left out, more than \(Format.seconds(least))" }
        let before = measurements.last {
            $0.key.workload == key.workload && $0.key.peer == key.peer
                && $0.key.roundTripMilliseconds < key.roundTripMilliseconds
        }
        guard let before else { return nil }
        guard let wall = before.wall else { return before.remark }
        guard before.key.roundTripMilliseconds > 0 else { return nil }
        let expected = wall * Double(key.roundTripMilliseconds) / Double(before.key.roundTripMilliseconds)
        return expected > limit ? "left out, about \(Format.seconds(expected))" : nil
    }

    /// Whether a command is to run once more.
    func wantsMore(_ entry: Entry) -> Bool {
        let measurement = measurements[entry]
        let spent = measurement.samples.map(\.wallSeconds).reduce(0, +)
        return measurement.remark == nil && measurement.samples.count < settings.runs
            && spent < settings.patienceSeconds
    }

    /// Adds a sample, or says why there is none.
    func attempt(_ entry: Entry, _ work: () async throws -> Sample) async {
        do {
            measurements[entry].samples.append(try await work())
        } catch {
            measurements[entry].remark = "failed: \(error)".split(separator: "\n").joined(separator: " ")
        }
        note(measurements[entry].line)
    }

    func time(_ invocation: Invocation, over link: Link?) async throws -> Sample {
        try await laboratory.rest()
        return try await Stopwatch.time(invocation, over: link, limit: settings.limitSeconds)
    }

    /// Something that must hold.
    struct Check: Codable, Sendable {
        let what: String
        let holds: Bool
    }

    func check(_ what: String, _ holds: Bool) {
        checks.append(Check(what: what, holds: holds))
        if !holds { note("NOT TRUE: \(what)") }
    }

    /// Progress, for whoever waits.
    nonisolated func note(_ line: String) { FileHandle.standardError.write(Data("\(line)\n".utf8)) }
}
