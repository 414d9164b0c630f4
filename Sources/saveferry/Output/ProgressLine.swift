import Orchestrator
import Planner

/// A line on the terminal that says how far the runs are. Nothing where standard error is not a terminal.
struct ProgressLine {
    /// Follows the events until `work` is over.
    static func during<Value: Sendable>(_ events: EventBus, _ work: () async -> Value) async -> Value {
        guard Console.isInteractive else { return await work() }
        let stream = events.subscribe()
        async let shown: Void = show(stream)
        let value = await work()
        events.finish()
        await shown
        return value
    }

    private static func show(_ events: AsyncStream<Event>) async {
        var isShown = false
        for await event in events {
            guard case .progress(let done, let all, let bytes) = event.kind else { continue }
            Console.progress("\r\u{1b}[K\(FileName.escaped(event.device)): \(done) of \(all), \(Formats.size(bytes))")
            isShown = true
        }
        if isShown { Console.progress("\r\u{1b}[K") }
    }
}
