import Foundation
import Orchestrator
import Planner
import Store

/// Decides what is worth telling, from the events of runs and from the room on the disks: once when it begins, not each time
/// that it is found again.
struct NoticeRules: Sendable {
    /// Runs in a row that a device may fail before that is told.
    var failingAfter: Int
    /// Below what a file system is low on room.
    var diskLimit: DiskLimit
    private var devices: [String: DeviceState] = [:]
    private var lowDisks: Set<String> = []

    /// What is known of a device since the program's start, or from the runs on record.
    private struct DeviceState {
        /// Failed runs since the last one that went through.
        var failures = 0
        /// Whether that was told.
        var isFailing = false
        /// The refused host key that was told of, in the words of the failure.
        var refusedKey: String?
        /// Directories that are halted and told of, each with the limit that halted it.
        var halts: Set<[String]> = []
        /// Of the run that is under way.
        var conflicts: [SaveIdentity] = []
    }

    init(failingAfter: Int, diskLimit: DiskLimit) {
        self.failingAfter = failingAfter
        self.diskLimit = diskLimit
    }

    /// Takes over what the runs on record say of a device, newest first, so that a restart repeats nothing of it: a streak
    /// that is as long as it must be to be told of, a host key that the newest run was refused for, and the halts of the newest
    /// run that got to its end.
    mutating func resume(_ device: String, from sessions: [SessionSummary]) {
        let failed = sessions.prefix { $0.status != .completed }.filter { $0.status == .failed || $0.totals.failed > 0 }
        var state = DeviceState()
        state.failures = failed.count
        state.isFailing = failed.count >= failingAfter
        state.refusedKey = sessions.first { [.completed, .halted, .failed].contains($0.status) }?.error
        let whole = sessions.first { $0.error == nil && $0.status != .inProgress }
        state.halts = Set(whole?.halts.map { [$0.directory, $0.code] } ?? [])
        devices[device] = state
    }

    /// What an event gives cause to tell, in this order.
    ///
    /// - Parameter failures: at a run's end, how many failed in a row by the record, with this one; nil where it doesn't say.
    mutating func notices(after event: Event, failures: Int? = nil) -> [Notice] {
        var state = devices[event.device] ?? DeviceState()
        defer { devices[event.device] = state }
        switch event.kind {
        case .started, .progress: return []
        case .conflict(let identity, _):
            state.conflicts.append(identity)
            return []
        case .completed(let totals, let halts):
            let problem =
                totals.failed == 0
                ? nil
                : "\(totals.failed) \(totals.failed == 1 ? "operation" : "operations") failed; the rest went through"
            state.refusedKey = nil
            let notices = conflicts(&state, event) + halted(halts, &state, event)
            // A halt has a notice of its own, and a device of which something is halted does not work again.
            guard problem != nil || halts.isEmpty else { return notices }
            return notices + streak(problem.map { ($0, "partial") }, failures, &state, event)
        case .error(let failure):
            var notices = conflicts(&state, event)
            guard failure.code != .busy, failure.code != .interrupted else { return notices }
            if failure.code == .hostKey { notices += refusedKey(failure, &state, event) }
            return notices + streak((failure.description, failure.code.rawValue), failures, &state, event)
        }
    }

    private func conflicts(_ state: inout DeviceState, _ event: Event) -> [Notice] {
        let saves = state.conflicts.map(\.shown)
        state.conflicts = []
        guard !saves.isEmpty else { return [] }
        let shown = saves.prefix(Notice.mostShown).joined(separator: ", ")
        let more = saves.count > Notice.mostShown ? ", and \(saves.count - Notice.mostShown) more" : ""
        return [
            Notice(
                .conflictOpened, device: event.device,
                title: "\(saves.count) new \(saves.count == 1 ? "conflict" : "conflicts") on \(event.shownDevice)",
                message: "\(shown)\(more)\nBoth sides are kept. Decide with `saveferry conflicts`.",
                facts: event.facts(["saves": .list(Array(saves.prefix(100))), "count": .number(Int64(saves.count))]),
                date: event.date)
        ]
    }

    /// One notice for each directory that is newly halted; what the run was not halted by any more is forgotten.
    private func halted(_ halts: [Halt], _ state: inout DeviceState, _ event: Event) -> [Notice] {
        let known = state.halts
        state.halts = Set(halts.map { [$0.directory, $0.valve.rawValue] })
        return halts.filter { !known.contains([$0.directory, $0.valve.rawValue]) }.map { halt in
            let directory = FileName.escaped(halt.directory)
            let ways = halt.waysOut(for: event.shownDevice)
            let advice = ways.isEmpty ? "Check the device's card and the path." : ways.joined(separator: "\n")
            return Notice(
                .valveHalted, device: event.device,
                title: "\(event.shownDevice): \(directory) halted (\(halt.valve.rawValue))",
                message: "\(halt.message)\n\(advice)",
                facts: event.facts(["code": .text(halt.valve.rawValue), "directory": .text(directory)]),
                date: event.date)
        }
    }

    private func refusedKey(_ failure: DeviceFailure, _ state: inout DeviceState, _ event: Event) -> [Notice] {
        guard state.refusedKey != failure.description else { return [] }
        state.refusedKey = failure.description
        return [
            Notice(
                .hostKeyChanged, device: event.device, title: "\(event.shownDevice): its host key is not trusted",
                message: "\(failure.description)\nSee `saveferry device trust \(event.shownDevice)`.",
                facts: event.facts(["error": .text(failure.description)]), date: event.date)
        ]
    }

    /// Counts runs that fail in a row; `problem` is nil for one that went through.
    private func streak(
        _ problem: (text: String, code: String)?, _ recorded: Int?, _ state: inout DeviceState, _ event: Event
    ) -> [Notice] {
        guard let problem else {
            let (failures, wasFailing) = (state.failures, state.isFailing)
            (state.failures, state.isFailing) = (0, false)
            guard wasFailing else { return [] }
            return [
                Notice(
                    .deviceFailing, device: event.device, title: "\(event.shownDevice) works again",
                    message: "A run went through, after \(failures) that failed.",
                    facts: event.facts(["failing": .flag(false), "runs": .number(Int64(failures))]), date: event.date)
            ]
        }
        state.failures = recorded ?? state.failures + 1
        // Another process may have ended the streak that was told of.
        if recorded == 1 { state.isFailing = false }
        guard state.failures >= failingAfter, !state.isFailing else { return [] }
        state.isFailing = true
        return [
            Notice(
                .deviceFailing, device: event.device,
                title: "\(event.shownDevice) failed \(state.failures) \(state.failures == 1 ? "run" : "runs in a row")",
                message: "\(problem.text)\nSee `saveferry doctor \(event.shownDevice)`.",
                facts: event.facts([
                    "failing": .flag(true), "runs": .number(Int64(state.failures)), "code": .text(problem.code),
                    "error": .text(problem.text),
                ]), date: event.date)
        ]
    }

    /// What the room on the disks gives cause to tell. One that was low counts as fine again a tenth above the limit.
    mutating func notices(after rooms: [DiskRoom], at date: Date) -> [Notice] {
        rooms.compactMap { room in
            let limit = diskLimit.bytes(of: room.total)
            guard room.free < limit else {
                if Double(room.free) >= Double(limit) * 1.1 { lowDisks.remove(room.path) }
                return nil
            }
            guard lowDisks.insert(room.path).inserted else { return nil }
            let free = byteCount(room.free)
            return Notice(
                .diskLow, title: "\(free) left for \(room.path)",
                message: "Less than \(byteCount(limit)) of \(byteCount(room.total)) is free. Make room, or keep fewer "
                    + "old versions (`saveferry retention --help`).",
                facts: [
                    "path": .text(room.path), "free_bytes": .number(Int64(clamping: room.free)),
                    "limit_bytes": .number(Int64(clamping: limit)), "total_bytes": .number(Int64(clamping: room.total)),
                ], date: date)
        }
    }
}

extension Event {
    fileprivate var shownDevice: String { FileName.escaped(device) }

    /// With the session's number, where there is one.
    fileprivate func facts(_ facts: [String: Notice.Fact]) -> [String: Notice.Fact] {
        guard let session else { return facts }
        return facts.merging(["session": .number(session)]) { $1 }
    }
}

/// `1.4 GiB`.
private func byteCount(_ bytes: UInt64) -> String {
    let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
    for (name, size) in units where bytes >= size {
        return String(format: "%.1f %@", Double(bytes) / Double(size), name)
    }
    return "\(bytes) B"
}
