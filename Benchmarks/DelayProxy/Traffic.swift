import Synchronization

/// What went through the proxy since it began, counted as it arrives: SSH packets and nothing below TCP.
final class Traffic: Sendable {
    private struct Totals {
        var opened = 0
        var closed = 0
        var sent = 0
        var received = 0
    }

    private let totals = Mutex(Totals())

    enum Event { case opened, closed, sent(Int), received(Int) }

    func count(_ event: Event) {
        totals.withLock { totals in
            switch event {
            case .opened: totals.opened += 1
            case .closed: totals.closed += 1
            case .sent(let bytes): totals.sent += bytes
            case .received(let bytes): totals.received += bytes
            }
        }
    }

    /// `OPENED CLOSED SENT RECEIVED`: connections so far, how many of them have ended, bytes from and to the clients.
    var line: String {
        let now = totals.withLock { $0 }
        return "\(now.opened) \(now.closed) \(now.sent) \(now.received)"
    }
}
