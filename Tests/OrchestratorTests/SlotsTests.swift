import TestSupport
import Testing

@testable import Orchestrator
@testable import SSHClient

/// Sessions that share what there is.
@Suite struct SlotsTests {
    /// Sessions that are under way until they are let go.
    private actor Sessions {
        private(set) var now = 0
        private(set) var ended = 0
        private var waiting: [CheckedContinuation<Void, Never>] = []

        func stay() async {
            now += 1
            await withCheckedContinuation { waiting.append($0) }
            now -= 1
            ended += 1
        }

        func letOneGo() { waiting.removeFirst().resume() }
    }

    @Test func `more sessions get on at once from the moment that more may, and fewer when fewer may`() async throws {
        let slots = Slots(1)
        let sessions = Sessions()
        let all = (0..<4).map { _ in Task { await slots.admit("pocket") { _ in await sessions.stay() } } }
        try await eventually("one is under way") { await sessions.now == 1 }
        await slots.resize(3)
        try await eventually("three are under way") { await sessions.now == 3 }
        await slots.resize(1)
        for ended in 1...2 {
            await sessions.letOneGo()
            try await eventually("\(ended) ended") { await sessions.ended == ended }
            #expect(await sessions.now == 3 - ended, "the fourth waits until there is room for one")
        }
        await sessions.letOneGo()
        try await eventually("the fourth is under way") { await (sessions.now, sessions.ended) == (1, 3) }
        await sessions.letOneGo()
        for session in all { await session.value }
    }

    @Test func `a session of which nothing arrives is named, one that waits for its turn is not`() async throws {
        let slots = Slots(1)
        let sessions = Sessions()
        let (pulses, admitted) = AsyncStream.makeStream(of: Pulse.self)
        let deck = Task {
            await slots.admit("deck") { pulse in
                admitted.yield(pulse)
                await sessions.stay()
            }
        }
        var iterator = pulses.makeAsyncIterator()
        let pulse = try #require(await iterator.next())
        let pocket = Task { await slots.admit("pocket") { _ in await sessions.stay() } }
        try await eventually("it has been silent for a while") { await slots.stuck(for: .milliseconds(20)) == ["deck"] }
        let before = pulse.sinceArrival
        try await eventually("it was heard") {
            pulse.heard()
            return pulse.sinceArrival < before
        }
        #expect(await slots.stuck(for: .seconds(longEnough)).isEmpty)
        await sessions.letOneGo()
        await deck.value
        try await eventually("the next one begins") { await sessions.now == 1 }
        try await eventually("and is silent") { await slots.stuck(for: .milliseconds(20)) == ["pocket"] }
        await sessions.letOneGo()
        await pocket.value
    }
}
