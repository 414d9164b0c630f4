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
            var reason = operation.reason
            if let outcome = outcomes?[index], outcome.status == .failed, let error = outcome.error {
                reason = "FAILED: \(error)"
            } else if outcomes?[index].status == .cancelled {
                reason = "not done: the run ended before"
            }
            table.add(
                operation.action.rawValue, operation.identity?.platform ?? "-",
                operation.identity?.game ?? operation.remotePath, operation.identity?.slot ?? "-",
                Formats.size(operation.size), reason)
        }
        var lines = ["\(plan.device): \(summary(plan))"]
        if !table.isEmpty { lines.append(table.text) }
        for halt in plan.halts {
            lines.append("HALTED \(halt.directory): \(halt.message)" + (halt.override.map { " Override: \($0)" } ?? ""))
        }
        return lines.joined(separator: "\n")
    }

    private static func summary(_ plan: Plan) -> String {
        let parts: [(Action, String)] = [
            (.pull, "to pull"), (.push, "to push"), (.remove, "to remove"), (.conflict, "in conflict"),
            (.hold, "held"), (.skip, "skipped"), (.noOp, "in step"),
        ]
        let counted = parts.map { (plan.count($0.0), $0.1) }.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        let moved = plan.bytes > 0 ? " (\(Formats.size(plan.bytes)))" : ""
        return (counted.isEmpty ? "no saves" : counted.joined(separator: ", ")) + moved
    }
}
