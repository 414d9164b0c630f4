import NIOCore

/// The client's side of one SFTP session: numbers requests, and tells what each packet from the server is an answer to.
///
/// Pure: requests and the server's bytes go in, our bytes and the answers come out, and the time is given. `Waiter` is
/// whatever the caller wants to have back with an answer. (draft-ietf-secsh-filexfer-02, sections 3 and 4.)
struct SFTPExchange<Waiter> {
    /// What came from the server, in the order in which it came.
    enum Answer {
        /// The first of all answers, to INIT.
        case version(SFTPVersion)
        /// The answer to the request of this waiter.
        case response(SFTPResponse, Waiter)
    }

    /// A request without its answer.
    private struct Asked {
        let waiter: Waiter
        let time: NIODeadline
        /// How many requests were sent before it.
        let position: UInt64
        let use: SFTPRequest.HandleUse
    }

    private var splitter = PacketSplitter(limit: 272 << 10)
    private var pending: [UInt32: Asked] = [:]
    private var nextNumber: UInt32 = 0
    /// The number that the next answer has if the server answers in order.
    private var nextInOrder: UInt32 = 0
    /// Whether every answer so far came in the order of the requests.
    private(set) var answersInOrder = true
    /// How many requests were sent.
    private(set) var sent: UInt64 = 0
    /// What is open on the server.
    private(set) var handles = HandleTable()
    private var awaitsVersion = false
    /// How many answers to requests came.
    private(set) var arrivals = 0
    /// The shortest time that an answer took; nil before the first.
    private(set) var roundTrip: TimeAmount?

    /// How many requests wait for their answer.
    var unanswered: Int { pending.count }
    /// Whether the server owes an answer.
    var isAwaitingAnswer: Bool { awaitsVersion || !pending.isEmpty }

    /// Writes INIT, which comes before everything else.
    mutating func initialize(into bytes: inout ByteBuffer) {
        awaitsVersion = true
        bytes.writeBytes(SFTPRequest.initialize)
    }

    /// Writes a request. Any number of them may be unanswered, also that of INIT.
    mutating func send(_ request: SFTPRequest, for waiter: Waiter, at now: NIODeadline, into bytes: inout ByteBuffer) {
        let number = nextNumber
        nextNumber &+= 1
        let use = request.handleUse
        switch use {
        case .opens: handles.opens(at: sent)
        case .uses(let handle): handles.uses(handle)
        case .closes, .none: break
        }
        pending[number] = Asked(waiter: waiter, time: now, position: sent, use: use)
        sent += 1
        request.encode(number: number, into: &bytes)
    }

    /// Takes bytes from the server, cut anywhere.
    mutating func receive(_ bytes: ByteBuffer) { splitter.append(bytes) }

    /// The next answer among the bytes that came, or nil until more of them come. Throws for anything that is not an answer
    /// to what was asked; the session is unusable then.
    mutating func nextAnswer(at now: NIODeadline) throws(SFTPMalformed) -> Answer? {
        guard let packet = try splitter.next() else { return nil }
        if awaitsVersion {
            let version = try SFTPVersion(packet)
            awaitsVersion = false
            return .version(version)
        }
        let reply = try SFTPReply(packet)
        guard let asked = pending.removeValue(forKey: reply.number) else {
            throw SFTPMalformed(reason: "an answer to request \(reply.number), which was not asked")
        }
        arrivals += 1
        if reply.number != nextInOrder { answersInOrder = false }
        nextInOrder = reply.number &+ 1
        note(reply.response, to: asked)
        roundTrip = min(roundTrip ?? now - asked.time, now - asked.time)
        return .response(reply.response, asked.waiter)
    }

    private mutating func note(_ response: SFTPResponse, to asked: Asked) {
        switch asked.use {
        case .opens:
            if case .handle(let handle) = response {
                handles.opened(handle, at: asked.position)
            } else {
                handles.opened(nil, at: asked.position)
            }
        case .uses(let handle): handles.used(handle)
        case .closes(let handle): handles.closed(handle, freeFrom: answersInOrder ? asked.position : sent)
        case .none: break
        }
    }

    /// No answer will come any more. Returns who still waits, in the order in which they asked.
    mutating func end() -> [Waiter] {
        defer {
            pending = [:]
            awaitsVersion = false
        }
        return pending.sorted { $0.key < $1.key }.map(\.value.waiter)
    }

    /// Accepts packets of up to `bytes`, never more than 4 MiB.
    mutating func allowPackets(of bytes: UInt64) {
        splitter.limit = max(splitter.limit, Int(min(bytes, 4 << 20)))
    }
}
