import Foundation
import Logging
import Orchestrator
import Synchronization
import TestSupport
import Testing

@testable import Daemon

/// Deliveries to a real server that works, fails and comes back.
struct CourierTests {
    private let log = KeptLog()

    private func notice(_ number: Int, _ kind: Notice.Kind = .conflictOpened, age: TimeInterval = 0) -> Notice {
        Notice(kind, title: "notice \(number)", message: "message \(number)", date: Date() - age)
    }

    /// Runs a courier to `server` until `body` has ended, and then what it has left.
    private func withCourier(
        to server: HookServer, rate: String = "20/h", events: Set<Notice.Kind> = Set(Notice.Kind.allCases),
        _ body: (Courier) async throws -> Void
    ) async throws {
        let address = try #require(WebAddress(server.url("/hook")))
        let target = NotificationTarget(
            .json(address, headerFile: nil), events: events, rate: try #require(RateLimit(rate)))
        let web = WebClient(whole: .seconds(longEnough))
        let courier = Courier(target, clock: MachineClock(), logger: log.logger) {
            await Delivery(web: web).attempt($0, to: target.place)
        }
        let run = Task { await courier.run() }
        do { try await body(courier) } catch {
            run.cancel()
            _ = await run.value
            await web.shutDown()
            throw error
        }
        await courier.end()
        await courier.abandon(await run.value.count)
        await web.shutDown()
    }

    private func titles(_ requests: [HookServer.Request]) -> [String] {
        requests.map { $0.json["title"] as? String ?? "?" }
    }

    @Test func `notices arrive in order, and only those that the target wants`() async throws {
        let server = try await HookServer()
        try await withCourier(to: server, events: [.conflictOpened]) { courier in
            for number in 1...3 {
                await courier.enqueue(notice(number))
                await courier.enqueue(notice(-number, .diskLow))
            }
            let arrived = try await server.requests(3)
            #expect(titles(arrived) == ["notice 1", "notice 2", "notice 3"])
        }
        #expect(server.requests.count == 3)
        #expect(log.lines.isEmpty)
    }

    @Test func `what exceeds the rate comes as one notice`() async throws {
        let server = try await HookServer()
        try await withCourier(to: server, rate: "60/m") { courier in
            for number in 1...20 { await courier.enqueue(notice(number)) }
            // How many have gone by themselves until the rate held the others back depends on how long that took.
            try await eventually("the rest came") {
                server.requests.contains { ($0.json["also"] as? [String])?.last == "notice 20" }
            }
            let arrived = server.requests
            #expect(titles(arrived).prefix(5) == ["notice 1", "notice 2", "notice 3", "notice 4", "notice 5"])
            let last = try #require(arrived.last?.json)
            let also = try #require(last["also"] as? [String])
            let first = 20 - also.count
            #expect(first == arrived.count && last["title"] as? String == "notice \(first), and \(also.count) more")
            #expect(also == (first + 1...20).map { "notice \($0)" })
        }
    }

    @Test func `many in one are told by their titles, the first ten of them`() {
        let summary = Notice.summary(of: (1...20).map { notice($0) })
        #expect(summary.message.hasPrefix("message 1\n\nAlso:\n- notice 2\n"))
        #expect(summary.message.hasSuffix("- notice 11\n- and 9 more"))
    }

    @Test func `a failed delivery is tried again as the server asks, and the others wait behind it`() async throws {
        let server = try await HookServer([.status(500), .status(429, headers: ["Retry-After": "3"])])
        let start = ContinuousClock.now
        try await withCourier(to: server) { courier in
            await courier.enqueue(notice(1))
            await courier.enqueue(notice(2))
            let arrived = try await server.requests(4)
            #expect(titles(arrived) == ["notice 1", "notice 1", "notice 1", "notice 2"])
        }
        #expect(ContinuousClock.now - start >= .seconds(4))
        #expect(
            log.lines == [
                "error: notifications: json at 127.0.0.1:\(server.port): it answered 500 Internal Server Error; it is tried again",
                "notice: notifications: json at 127.0.0.1:\(server.port) works again",
            ])
    }

    @Test func `a server that is away gets everything when it comes back, with two lines in the log`() async throws {
        let gone = try await HookServer()
        try await gone.stop()
        try await withCourier(to: gone) { courier in
            for number in 1...8 { await courier.enqueue(notice(number)) }
            try await eventually("the server is missed") { !log.lines.isEmpty }
            let server = try await HookServer(port: gone.port)
            let arrived = try await server.requests(5)
            #expect(titles(arrived) == (1...5).map { "notice \($0)" })
            await courier.end()
            // The rest goes out as one at the end.
            let all = try await server.requests(6)
            #expect(titles(all).last == "notice 6, and 2 more")
        }
        #expect(log.lines.count == 2 && log.lines.first?.hasSuffix("it is tried again") == true, "\(log.lines)")
        #expect(log.lines.last?.hasSuffix("works again") == true)
    }

    @Test func `what is refused is not tried again, and counted`() async throws {
        let server = try await HookServer([.status(401), .status(401)])
        try await withCourier(to: server) { courier in
            for number in 1...3 { await courier.enqueue(notice(number)) }
            _ = try await server.requests(3)
        }
        #expect(server.requests.count == 3)
        #expect(
            log.lines == [
                "error: notifications: json at 127.0.0.1:\(server.port): it answered 401 Unauthorized. Check the token, and "
                    + "what it may do.",
                "notice: notifications: json at 127.0.0.1:\(server.port) works again; 2 notices were lost",
            ])
    }

    @Test func `a queue that is full loses the oldest, and a notice is not told after a day`() async throws {
        let server = try await HookServer([.hang], last: .status(200))
        try await withCourier(to: server, rate: "10000/m") { courier in
            await courier.enqueue(notice(0, age: 86_401))
            _ = try await server.requests(1)
            for number in 1...150 { await courier.enqueue(notice(number)) }
            server.release()
            let arrived = try await server.requests(3)
            #expect(arrived.dropFirst().first?.json["title"] as? String == "notice 51")
        }
        #expect(log.lines.count == 2, "\(log.lines)")
        #expect(log.lines.last?.hasSuffix("works again; 51 notices were lost") == true, "\(log.lines)")
    }
}

/// Log lines, kept in memory.
final class KeptLog: Sendable {
    private let kept = Mutex<[String]>([])

    var lines: [String] { kept.withLock { $0 } }

    var logger: Logger {
        Logger(label: "test") { _ in Handler(log: self) }
    }

    private struct Handler: LogHandler {
        let log: KeptLog
        var logLevel: Logger.Level = .info
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { log.kept.withLock { $0.append("\(event.level): \(event.message)") } }
    }
}
