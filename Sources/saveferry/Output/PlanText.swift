import Orchestrator
import Planner
import Store

/// A plan, or a run, as people read it.
enum PlanText {
    /// The plan's lines that do or say something; saves that are in step are only counted unless `all` is set.
    static func text(_ plan: Plan, all: Bool, outcomes: [OperationOutcome]? = nil) -> String {
        var table = Table(
            ("ACTION", .left), ("PLATFORM", .left), ("GAME", .left), ("SLOT", .left), ("SIZE", .right),
            ("REASON", .left))
        for (index, operation) in plan.operations.enumerated() where all || !operation.isQuiet {
            var (action, reason) = (operation.action.rawValue, operation.reason)
            if let outcome = outcomes?[index], outcome.status == .failed, let error = outcome.error {
                reason = "FAILED: \(error)"
                // Nobody decided to skip it.
                if operation.action == .skip { action = "-" }
            } else if outcomes?[index].status == .cancelled {
                reason = "not done: the run ended before"
            }
            table.add(
                action, operation.identity?.platform ?? "-",
                operation.identity?.game ?? operation.remotePath, operation.identity?.slot ?? "-",
                Formats.size(operation.size), reason)
        }
        var lines = ["\(plan.device): \(summary(plan, outcomes))"]
        if !table.isEmpty { lines.append(table.text) }
        for halt in plan.halts {
            let told = ["HALTED \(halt.directory): \(halt.message)"] + halt.waysOut(for: plan.device)
            lines.append(told.joined(separator: " "))
        }
        return lines.joined(separator: "\n")
    }

    /// For a plan what is to be done, for a run what was.
    private static func summary(_ plan: Plan, _ outcomes: [OperationOutcome]?) -> String {
        let words: [(action: Action, plan: String, run: String)] = [
            (.pull, "to pull", "pulled"), (.push, "to push", "pushed"), (.remove, "to remove", "removed"),
            (.conflict, "in conflict", "in conflict"), (.hold, "held", "held"), (.skip, "skipped", "skipped"),
            (.noOp, "in step", "in step"),
        ]
        let done = outcomes.map { outcomes in
            zip(plan.operations, outcomes).filter { $1.status == .completed }.map(\.0)
        }
        let counted = done ?? plan.operations
        var parts = words.map { word in
            (counted.count { $0.action == word.action && !$0.isGone }, done == nil ? word.plan : word.run)
        }
        parts.append((counted.count { $0.isGone }, "deleted on device"))
        parts.append((outcomes?.count { $0.status == .failed } ?? 0, "failed"))
        parts.append((outcomes?.count { $0.status == .cancelled } ?? 0, "not done"))
        let shown = parts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        let bytes = counted.reduce(0) { $0 + ($1.action.movesContent ? $1.size : 0) }
        let moved = bytes > 0 ? " (\(Formats.size(bytes)))" : ""
        return (shown.isEmpty ? "no saves" : shown.joined(separator: ", ")) + moved
    }
}
