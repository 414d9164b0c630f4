import NIOCore
import TestSupport
import Testing

@testable import SSHClient

/// The state machines of the pipeline, line by line: what goes out for what came in. No server, no clock, no thread.
@Suite struct TranscriptTests {
    // MARK: Requests and answers

    /// A session whose waiters are words, and what happened in it: `>` we send, `<` the server answers, `!` it ends.
    struct Session {
        private var exchange = SFTPExchange<String>()
        private(set) var lines: [String] = []
        /// Everything sent.
        private(set) var sent = ByteBuffer()
        private var clock: Int64 = 0

        var roundTrip: TimeAmount? { exchange.roundTrip }
        var isAwaitingAnswer: Bool { exchange.isAwaitingAnswer }
        var unanswered: Int { exchange.unanswered }

        mutating func wait(milliseconds: Int64) { clock += milliseconds * 1_000_000 }
        private var now: NIODeadline { .uptimeNanoseconds(UInt64(1_000_000_000 + clock)) }

        mutating func initialize() {
            exchange.initialize(into: &sent)
            lines.append("> init")
        }

        mutating func send(_ request: SFTPRequest, for waiter: String) {
            exchange.send(request, for: waiter, at: now, into: &sent)
            lines.append("> \(waiter)")
        }

        mutating func receive(_ bytes: [UInt8]) {
            exchange.receive(ByteBuffer(bytes: bytes))
            do throws(SFTPMalformed) {
                while let answer = try exchange.nextAnswer(at: now) {
                    switch answer {
                    case .version(let version): lines.append("< version \(version.version)")
                    case .response(.status(let status), let waiter): lines.append("< \(waiter): status \(status.code)")
                    case .response(.handle(let handle), let waiter):
                        lines.append("< \(waiter): handle \(String(decoding: handle, as: UTF8.self))")
                    case .response(.data(let data), let waiter):
                        lines.append("< \(waiter): \(data.readableBytes) bytes")
                    case .response(_, let waiter): lines.append("< \(waiter)")
                    }
                }
            } catch {
                lines.append("! \(error.reason)")
            }
        }

        mutating func end() { lines += exchange.end().map { "! \($0)" } }
    }

    private func begun() -> Session {
        var session = Session()
        session.initialize()
        session.receive(Wire.version())
        return session
    }

    @Test func `directories are opened before the server said its version`() {
        var session = Session()
        session.initialize()
        session.send(.openDirectory(Array("/a".utf8)), for: "open /a")
        session.send(.openDirectory(Array("/b".utf8)), for: "open /b")
        #expect(session.isAwaitingAnswer)
        session.receive(Wire.version() + Wire.handle(0, "1"))
        session.receive(Wire.status(1, SFTPStatus.noSuchFile))
        #expect(
            session.lines == [
                "> init", "> open /a", "> open /b", "< version 3", "< open /a: handle 1", "< open /b: status 2",
            ])
        #expect(!session.isAwaitingAnswer)
        #expect(Array(session.sent.readableBytesView.prefix(9)) == SFTPRequest.initialize)
    }

    @Test func `answers find who asked, in whatever order they come`() {
        var session = begun()
        for name in ["a", "b", "c"] { session.send(.stat(Array(name.utf8)), for: name) }
        session.receive(Wire.status(2, 0) + Wire.status(0, 3) + Wire.status(1, 4))
        #expect(session.lines.suffix(3) == ["< c: status 0", "< a: status 3", "< b: status 4"])
    }

    @Test func `answers that are cut anywhere say the same`() {
        let answers = Wire.version() + Wire.handle(0, "h") + Wire.data(1, [1, 2, 3]) + Wire.status(2, 0)
        func session() -> Session {
            var session = Session()
            session.initialize()
            session.send(.openRead([1]), for: "open")
            session.send(.read(handle: [1], offset: 0, length: 3), for: "read")
            session.send(.close(handle: [1]), for: "close")
            return session
        }
        var whole = session()
        whole.receive(answers)
        #expect(whole.lines.suffix(3) == ["< open: handle h", "< read: 3 bytes", "< close: status 0"])
        for cut in 1..<answers.count {
            var parts = session()
            parts.receive(Array(answers[..<cut]))
            parts.receive(Array(answers[cut...]))
            #expect(parts.lines == whole.lines, "cut at \(cut)")
        }
    }

    @Test func `an answer that nobody asked for, or a second one, ends the session`() {
        var session = begun()
        session.send(.stat([1]), for: "a")
        session.receive(Wire.status(7, 0))
        #expect(session.lines.last == "! an answer to request 7, which was not asked")
        session = begun()
        session.send(.stat([1]), for: "a")
        session.receive(Wire.status(0, 0) + Wire.status(0, 0))
        #expect(session.lines.suffix(2) == ["< a: status 0", "! an answer to request 0, which was not asked"])
        session = Session()
        session.initialize()
        session.receive(Wire.status(0, 0))
        #expect(session.lines.last == "! no VERSION answer")
    }

    @Test func `who still waits at the end is told, in the order of asking`() {
        var session = begun()
        for name in ["a", "b", "c", "d"] { session.send(.stat(Array(name.utf8)), for: name) }
        session.receive(Wire.status(1, 0))
        #expect(session.unanswered == 3)
        session.end()
        #expect(session.lines.suffix(3) == ["! a", "! c", "! d"])
        #expect(!session.isAwaitingAnswer)
    }

    @Test func `the round trip is that of the fastest answer`() {
        var session = begun()
        #expect(session.roundTrip == nil)
        session.send(.stat([1]), for: "slow")
        session.wait(milliseconds: 30)
        session.send(.stat([2]), for: "fast")
        session.wait(milliseconds: 10)
        session.receive(Wire.status(0, 0))
        #expect(session.roundTrip == .milliseconds(40))
        session.receive(Wire.status(1, 0))
        #expect(session.roundTrip == .milliseconds(10))
    }

    // MARK: Reading

    /// A file that is read by pieces of 10 bytes: what is asked for, what the window makes of each answer, and its end.
    private func read(
        _ size: UInt64, ahead: Int, _ answers: [Int?]
    ) -> (lines: [String], window: ReadWindow) {
        var window = ReadWindow(size: size)
        var lines: [String] = []
        var answers = answers[...]
        while true {
            while window.asked.count < ahead, let piece = window.next(upTo: 10) {
                window.ask(piece)
                lines.append("> \(piece.offset)+\(piece.length)")
            }
            guard let piece = window.take() else { break }
            guard let count = answers.popFirst() ?? piece.length else {
                window.ended()
                window.forgetAsked()
                lines.append("< end")
                continue
            }
            switch window.answered(piece, with: count) {
            case .complete: lines.append("< \(count)")
            case .rest(let rest): lines.append("< \(count) > \(rest.offset)+\(rest.length)")
            }
        }
        return (lines, window)
    }

    @Test func `a file is asked for in pieces, ahead of the answers`() {
        let (lines, window) = read(25, ahead: 2, [])
        #expect(lines == ["> 0+10", "> 10+10", "< 10", "> 20+5", "< 10", "< 5"])
        #expect(window.delivered == 25)
    }

    @Test func `the rest of a short answer is asked for before what follows it`() {
        let (lines, window) = read(20, ahead: 2, [4, 3, 3, 10])
        #expect(lines == ["> 0+10", "> 10+10", "< 4 > 4+6", "< 3 > 7+3", "< 3", "< 10"])
        #expect(window.delivered == 20)
    }

    @Test func `a file that is shorter than listed ends where it ends`() {
        let (lines, window) = read(40, ahead: 4, [10, 4, nil])
        #expect(lines == ["> 0+10", "> 10+10", "> 20+10", "> 30+10", "< 10", "< 4 > 14+6", "< end"])
        #expect(window.delivered == 14 && window.size == 14)
    }

    @Test func `nothing is asked of an empty file`() {
        #expect(read(0, ahead: 3, []).lines.isEmpty)
    }

    @Test func `whatever a server gives, the bytes come in order and each once`() {
        var numbers = SplitMix64(seed: 4)
        for _ in 0..<500 {
            let size = UInt64.random(in: 0..<200, using: &numbers)
            var window = ReadWindow(size: size)
            var next: UInt64 = 0
            while true {
                for _ in 0..<Int.random(in: 0..<4, using: &numbers) {
                    if let piece = window.next(upTo: 10) { window.ask(piece) }
                }
                guard let piece = window.take() else {
                    if window.isAllAsked { break } else { continue }
                }
                let count = Int.random(in: 1...piece.length, using: &numbers)
                #expect(piece.offset == next)
                next += UInt64(count)
                let outcome = window.answered(piece, with: count)
                #expect((outcome == .complete) == (count == piece.length))
            }
            #expect(window.delivered == size && next == size)
        }
    }
}
