import Foundation

/// Lets at most ten progress events a second of a device through, among them always the first and the last; of runs in a row
/// that find the device held by another process the first; and every other event.
struct EventThinning {
    private var last: [String: Date] = [:]
    private var held: Set<String> = []

    /// Seconds.
    static let interval: TimeInterval = 0.1

    mutating func passes(_ event: Event) -> Bool {
        if case .error(let failure) = event.kind, failure.code == .busy { return held.insert(event.device).inserted }
        held.remove(event.device)
        switch event.kind {
        case .progress(let done, let all, _):
            // A clock that was stepped back must not keep them away.
            if done < all, let last = last[event.device],
                abs(event.date.timeIntervalSince(last)) < EventThinning.interval
            {
                return false
            }
            last[event.device] = event.date
        case .completed, .error: last[event.device] = nil
        case .started, .conflict: break
        }
        return true
    }
}
