import Foundation

extension SoakRun {
    /// Looks at everything, fills the report and judges. `isAtRest`: the daemon found nothing more to do.
    func judge(isAtRest: Bool) async throws {
        let last = try await lastPlans()
        let verify = try await ferry.run(["verify"])
        let aftermath = try await Aftermath(ferry, handhelds)
        let writings = await player.all
        let loss = aftermath.loss(writings)
        fill(aftermath, writings, loss)
        (report.lives, report.largestWAL) = (await daemon.lives, await daemon.largestWAL)
        report.stateBytes = ferry.stateBytes()
        let threads = report.lives.flatMap(\.samples).map(\.threads).max() ?? 0
        let growth = report.growth
        report.verdicts = [
            .init("nothing unexpected happened on the way", surprises),
            .init("all devices came in step", isAtRest ? [] : ["not within \(Int(SoakRun.patience)) s"]),
            .init("the last plans have nothing to do", last),
            .init("nothing is lost", loss.lost.map { "\($0)" }),
            .init(
                "hardly anything was written between last look and rename",
                loss.betweenLookAndRename.count <= 1 + writings.count / 1000
                    ? [] : loss.betweenLookAndRename.map { "\($0)" }),
            .init("nothing is torn", aftermath.torn == 0 ? [] : ["\(aftermath.torn) files"]),
            .init("devices hold the server's current contents", aftermath.outOfStep),
            .init("`saveferry verify` finds no difference", verify.status == 0 ? [] : [verify.output]),
            .init(
                "no session is left IN_PROGRESS",
                aftermath.runs.filter { $0.status == "IN_PROGRESS" }.map { "session \($0.id), \($0.deviceName)" }),
            .init("no lease is held", aftermath.leases),
            .init("no temporary file is left on a device", aftermath.leftovers),
            .init("staging is empty", aftermath.staging),
            .init("memory has not grown", growth.map { $0.isMemorySteady ? [] : ["\($0)"] } ?? ["too few samples"]),
            .init(
                "descriptors have not grown",
                growth.map { $0.areDescriptorsSteady ? [] : ["\($0)"] } ?? ["too few samples"]),
            .init(
                "threads are no more than 3, and 3 for each core",
                threads <= 3 + 3 * report.cores ? [] : ["\(threads)"]),
        ]
    }

    /// What is not in step according to a sync by hand.
    private func lastPlans() async throws -> [String] {
        struct Answer: Decodable { let sessions: [Session] }
        struct Session: Decodable { let device: String, status: String, operations: [Operation] }
        struct Operation: Decodable { let action: String, remotePath: String, reason: String }
        let result = try await ferry.run(["sync", "--json"])
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let answer = try decoder.decode(Answer.self, from: Data(result.output.utf8))
        let open = answer.sessions.flatMap { session in
            session.operations.filter { !["no_op", "hold"].contains($0.action) }
                .map { "\(session.device): \($0.action) \($0.remotePath): \($0.reason)" }
                + (session.status == "COMPLETED" ? [] : ["\(session.device): \(session.status)"])
        }
        return open + (result.status == 0 ? [] : ["exit \(result.status): \(result.errorOutput)"])
    }

    private func fill(_ aftermath: Aftermath, _ writings: [Writing], _ loss: Loss) {
        for run in aftermath.runs {
            report.runs[run.status, default: 0] += 1
            (report.pulled, report.pushed) = (report.pulled + run.pulled, report.pushed + run.pushed)
            (report.conflicts, report.bytes) = (report.conflicts + run.conflicts, report.bytes + run.bytes)
            if run.status == "FAILED" { report.failures[Report.kind(run.reason ?? "unknown"), default: 0] += 1 }
        }
        (report.written, report.due) = (writings.count, loss.due)
        (report.beginnings, report.betweenLookAndRename) = (aftermath.beginnings, loss.betweenLookAndRename.count)
        let runs = Dictionary(grouping: aftermath.runs, by: \.deviceName)
        for turn in turns where turn.isReturn {
            let next = turns.first { $0.device == turn.device && !$0.isReturn && $0.at > turn.at }?.at ?? .infinity
            let run = runs[handhelds[turn.device].name]?.first {
                Double($0.startedAt + 1) > turn.at && (turn.trouble == .away || $0.status == "COMPLETED")
            }
            guard let run, Double(run.startedAt) < next else { continue }
            let time = max(0, Double(run.startedAt) - turn.at)
            // Probes tell of nothing else; the other troubles end unseen, and the next attempt is a matter of backing off.
            if turn.trouble == .away { report.noticed.append(time) } else { report.resumed.append(time) }
        }
    }
}
