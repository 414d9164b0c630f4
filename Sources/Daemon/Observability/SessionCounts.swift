import Foundation
import Orchestrator
import Store
import Synchronization

/// What the sessions of each device came to since the daemon's start.
final class SessionCounts: Sendable {
    /// Of one device.
    struct Device: Equatable, Sendable {
        var sessions: [SessionStatus: Int] = [:]
        var totals = SessionTotals()
        /// From a session's plan to its end.
        var seconds = 0.0
        var timed = 0
    }

    private let state = Mutex((devices: [String: Device](), begun: [String: Date]()))

    /// Counts that begin at zero.
    init() {}

    /// By the devices' names.
    var devices: [String: Device] { state.withLock { $0.devices } }

    /// Counts a session when it ends.
    func note(_ event: Event) {
        switch event.kind {
        case .progress, .conflict: return
        case .started: state.withLock { $0.begun[event.device] = event.date }
        case .completed, .error: end(event)
        }
    }

    private func end(_ event: Event) {
        guard let status = event.status else { return }
        state.withLock { state in
            let begun = state.begun.removeValue(forKey: event.device)
            // A run that was refused, for example because another process holds the device, is no session.
            guard event.session != nil else { return }
            var device = state.devices[event.device] ?? Device()
            device.sessions[status, default: 0] += 1
            if let totals = event.totals { device.totals.add(totals) }
            if let begun {
                device.seconds += max(0, event.date.timeIntervalSince(begun))
                device.timed += 1
            }
            state.devices[event.device] = device
        }
    }
}

extension SessionTotals {
    fileprivate mutating func add(_ other: SessionTotals) {
        pulled += other.pulled
        pushed += other.pushed
        removed += other.removed
        conflicts += other.conflicts
        unchanged += other.unchanged
        failed += other.failed
        bytes += other.bytes
        held += other.held
        skipped += other.skipped
    }
}
