import Foundation
import TestSupport

/// Lets every peer do every workload in turns, and collects what was measured.
actor Runner {
    let laboratory: Laboratory
    let ferry: SaveFerry
    private let peers: [any Peer]
    var notebook: Notebook
    /// What the peers brought to their places once, to be compared again and again.
    private var standing: [DataSet: [String: Errand]] = [:]
    private var rounds = 0
    private var changed: [DataSet: Int] = [:]

    init(_ laboratory: Laboratory, ferry: SaveFerry, peers: [any Peer], notebook: Notebook) {
        self.laboratory = laboratory
        self.ferry = ferry
        self.peers = [ferry] + peers
        self.notebook = notebook
    }

    /// Measures one workload at each of its round trips, the shortest first.
    func run(_ workload: Workload) async throws {
        var places: [String: Errand]?
        for roundTrip in notebook.settings.chosen(workload) {
            let link = try await laboratory.link(workload.server, roundTrip)
            let turns = begin(workload, link)
            switch workload.action {
            case .pull, .push: try await runFirst(workload, link, turns)
            case .noOp, .changes, .touches:
                let ready = if let places { places } else { try await self.places(workload, turns.map(\.peer)) }
                places = ready
                try await runAgain(workload, link, turns, ready)
            }
        }
    }

    // MARK: First pull and first push

    private func runFirst(_ workload: Workload, _ link: Link, _ turns: [Turn]) async throws {
        let full = try await laboratory.source(workload.data)
        var used: [String] = []
        for _ in 0..<notebook.settings.runs {
            for (peer, entry) in turns where notebook.wantsMore(entry) {
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

    private func runAgain(
        _ workload: Workload, _ link: Link, _ turns: [Turn], _ places: [String: Errand]
    ) async throws {
        let source = try await laboratory.source(workload.data)
        let home = places[ferry.name].map(ferry.home)
        let before = try await home?.rows()
        for _ in 0..<notebook.settings.runs where turns.contains(where: { notebook.wantsMore($0.entry) }) {
            var last: String?
            if workload.action != .noOp {
                for (peer, _) in turns { if let errand = places[peer.name] { try await peer.settle(errand) } }
                rounds += 1
            }
            if workload.action == .touches { try workload.data.touch(in: source, round: rounds) }
            if workload.changes > 0 {
                last = try workload.data.change(workload.changes, in: source, round: rounds)
                changed[workload.data, default: 0] += workload.changes
            }
            for (peer, entry) in turns where notebook.wantsMore(entry) {
                guard let errand = places[peer.name]?.with(workload.action, over: link) else {
                    notebook.fail(entry, BenchError("the first pull failed"))
                    continue
                }
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

    // MARK: Turns

    /// A peer, and where its results go.
    private typealias Turn = (peer: any Peer, entry: Notebook.Entry)

    /// Those that can do this and are to be tried.
    private func begin(_ workload: Workload, _ link: Link) -> [Turn] {
        var turns: [Turn] = []
        for peer in peers where peer.can(workload.action) && !workload.without.contains(peer.name) {
            let entry = notebook.begin(workload, link.roundTrip, peer)
            if notebook.wantsMore(entry) {
                turns.append((peer, entry))
            } else {
                note(notebook.measurements[entry].line)
            }
        }
        return turns
    }

    /// Adds a sample, or says why there is none.
    func attempt(_ entry: Notebook.Entry, _ work: () async throws -> Sample) async {
        do { notebook.add(try await work(), to: entry) } catch { notebook.fail(entry, error) }
        note(notebook.measurements[entry].line)
    }

    func time(_ invocation: Invocation, over link: Link?) async throws -> Sample {
        try await laboratory.rest()
        let stopwatch = Stopwatch(program: "\(laboratory.programs)/stopwatch")
        return try await stopwatch.time(invocation, over: link, limit: notebook.settings.limitSeconds)
    }

    func check(_ what: String, _ holds: Bool) {
        notebook.check(what, holds)
        if !holds { note("NOT TRUE: \(what)") }
    }

    /// Progress, for whoever waits.
    nonisolated func note(_ line: String) { FileHandle.standardError.write(Data("\(line)\n".utf8)) }
}
