import NIOCore
import Synchronization

/// The places of the clients that are served at once. Who comes when all are taken gets the place of the client that has been there for
/// longest without having asked for anything, else of the one that has been there for longest and asks for nothing now.
final class Seats: Sendable {
    /// One client's place.
    struct Seat: Sendable {
        fileprivate let number: Int
        fileprivate let channel: any Channel
        fileprivate let seats: Seats

        /// It has asked, and keeps its place for as long as it is served.
        func asked() {
            seats.state.withLock { state in
                state.silent[number] = nil
                state.idle[number] = nil
            }
        }

        /// It has its answer, and may ask again.
        func answered() {
            seats.state.withLock { state in
                if state.taken.contains(number) { state.idle[number] = channel }
            }
        }

        /// It is gone.
        func leave() {
            seats.state.withLock { state in
                state.taken.remove(number)
                state.silent[number] = nil
                state.idle[number] = nil
            }
        }
    }

    private struct State {
        var next = 0
        var taken: Set<Int> = []
        /// Those of the clients that have not asked for anything.
        var silent: [Int: any Channel] = [:]
        /// Those of the clients that have asked, and ask for nothing now.
        var idle: [Int: any Channel] = [:]
    }

    private let limit: Int
    private let state = Mutex(State())

    /// So many places.
    init(_ limit: Int) { self.limit = limit }

    /// A place for this client, or nil where all are taken by clients that are being served.
    func take(for channel: any Channel) -> Seat? {
        let (number, evicted) = state.withLock { state -> (Int?, (any Channel)?) in
            var evicted: (any Channel)?
            if state.taken.count >= limit {
                guard let longest = state.silent.keys.min() ?? state.idle.keys.min() else { return (nil, nil) }
                state.taken.remove(longest)
                evicted = state.silent.removeValue(forKey: longest) ?? state.idle.removeValue(forKey: longest)
            }
            let number = state.next
            state.next += 1
            state.taken.insert(number)
            state.silent[number] = channel
            return (number, evicted)
        }
        evicted?.close(promise: nil)
        return number.map { Seat(number: $0, channel: channel, seats: self) }
    }
}
