import Foundation
import Planner

/// How long planning takes when nothing changed, and how that grows: `plan-benchmark [SAVES]... [--runs K] [--scattered]`.
@main
struct PlanBenchmark {
    static func main() {
        var counts: [Int] = []
        var runs = 7
        var isScattered = false
        var arguments = CommandLine.arguments.dropFirst()
        while let argument = arguments.popFirst() {
            if argument == "--runs", let number = arguments.popFirst().flatMap({ Int($0) }), number > 0 {
                runs = number
            } else if argument == "--scattered" {
                isScattered = true
            } else if let number = Int(argument), (1...100_000).contains(number) {
                counts.append(number)
            } else {
                print("usage: plan-benchmark [SAVES (1 to 100000)]... [--runs K] [--scattered]")
                exit(2)
            }
        }
        if counts.isEmpty { counts = [1_000, 10_000, 100_000] }

        print("medians of \(runs) runs, in ms")
        print(row(["saves", "index", "pairing", "survey", "plan", "planning", "us a save"]))
        for count in counts {
            let shelf = Shelf(count: count, isScattered: isScattered)
            let steps = (0..<runs).map { _ in PlanSteps(shelf) }
            let parts = [\PlanSteps.index, \.pairing, \.survey, \.plan, \.planning].map { step in
                median(steps.map { milliseconds($0[keyPath: step]) })
            }
            print(row(["\(count)"] + parts.map(rounded) + [rounded(parts[4] * 1_000 / Double(count))]))
        }
        print("peak memory: \(peakMemory() / 1_024) MiB")
    }

    private static func row(_ cells: [String]) -> String {
        cells.map { String(repeating: " ", count: max(0, 10 - $0.count)) + $0 }.joined()
    }

    private static func rounded(_ number: Double) -> String { String(format: "%.2f", number) }

    private static func median(_ numbers: [Double]) -> Double {
        let sorted = numbers.sorted()
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }

    private static func milliseconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) * 1e3 + Double(duration.components.attoseconds) / 1e15
    }

    /// KiB that the process held at most (getrusage(2)).
    private static func peakMemory() -> Int {
        var usage = rusage()
        // 0 is RUSAGE_SELF, which Swift sees as another type on each system.
        getrusage(0, &usage)
        return usage.ru_maxrss
    }
}

/// How long each step of one planning took.
struct PlanSteps {
    /// Indexing the server's side; done while the device is connected, so no part of ``planning``.
    let index: Duration
    let pairing: Duration
    let survey: Duration
    let plan: Duration

    /// What a run waits for between the last listing and the first operation.
    var planning: Duration { pairing + survey + plan }

    /// Plans for `shelf` once, and makes sure that everything was found in step.
    init(_ shelf: Shelf) {
        let clock = ContinuousClock()
        let start = clock.now
        let scope = SyncScopeIndex(
            owner: Shelf.owner, saves: shelf.saves, baselines: shelf.baselines, directories: Shelf.directories)
        let indexed = clock.now
        let pairing = Pairing(listings: shelf.listings, scope: scope)
        let paired = clock.now
        let toRead = Planner.survey(pairing, deletions: .hold)
        let surveyed = clock.now
        let plan = makePlan(
            PlanInput(
                device: "deck", now: 1_750_000_000, conflictPolicy: .ask, deletionPolicy: .hold,
                pairing: pairing, knowledge: [:]))
        let planned = clock.now
        precondition(toRead.isEmpty && plan.operations.count == shelf.saves.count && plan.halts.isEmpty)
        precondition(plan.operations.allSatisfy { $0.step == .nothing && $0.reason == "in step" })
        index = indexed - start
        self.pairing = paired - indexed
        survey = surveyed - paired
        self.plan = planned - surveyed
    }
}
