import NIOCore
import NIOPosix

@testable import SSHClient

/// A server that answers whatever a test wants, byte by byte, for what no real server can be made to do.
///
/// Sendable because everything in it happens on its event loop; a test reads the tallies when nothing is under way.
final class FakePeer: ByteStream, @unchecked Sendable {
    /// A request as it arrived.
    struct Request {
        let type: UInt8
        let number: UInt32
        /// What follows the number.
        var body: ByteBuffer

        static let open: UInt8 = 3
        static let close: UInt8 = 4
        static let read: UInt8 = 5
        static let write: UInt8 = 6
        static let fstat: UInt8 = 8
        static let openDirectory: UInt8 = 11
        static let readDirectory: UInt8 = 12
        static let remove: UInt8 = 13
    }

    let eventLoop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next()
    private let greeting: [UInt8]
    /// Whether it answers INIT only when it is asked something else.
    private let greetsLate: Bool
    private let answer: (Request) -> [UInt8]?
    private var splitter = PacketSplitter(limit: 8 << 20)
    private var onBytes: ((ByteBuffer) -> Void)?
    private var onEnd: ((SSHError) -> Void)?
    private var hasGreeted = false
    private var handles = 0
    /// OPENs minus CLOSEs, now and at most.
    private(set) var openFiles = 0
    private(set) var mostOpenFiles = 0
    /// The types of everything that was asked, in order.
    private(set) var asked: [UInt8] = []

    /// - Parameters:
    ///   - greeting: the answer to INIT.
    ///   - greetsLate: whether it comes only when something else is asked for.
    ///   - answer: the bytes that answer a request, or nil for the usual: files of no bytes, each under a handle of its own, OK
    ///     to the rest.
    init(
        greeting: [UInt8] = Wire.version(), greetsLate: Bool = false,
        answer: @escaping (Request) -> [UInt8]? = { _ in nil }
    ) {
        self.greeting = greeting
        self.greetsLate = greetsLate
        self.answer = answer
    }

    func write(_ append: (inout ByteBuffer) -> Void) {
        eventLoop.preconditionInEventLoop()
        var bytes = ByteBuffer()
        append(&bytes)
        splitter.append(bytes)
        while let packet = try? splitter.next() { receive(packet) }
    }

    private func receive(_ packet: ByteBuffer) {
        var body = packet
        guard hasGreeted else {
            hasGreeted = true
            if !greetsLate { deliver(greeting) }
            return
        }
        if greetsLate, asked.isEmpty { deliver(greeting) }
        guard let type = body.readInteger(as: UInt8.self), let number = body.readInteger(as: UInt32.self) else {
            return
        }
        asked.append(type)
        if type == Request.open || type == Request.openDirectory { openFiles += 1 }
        if type == Request.close { openFiles -= 1 }
        mostOpenFiles = max(mostOpenFiles, openFiles)
        deliver(answer(Request(type: type, number: number, body: body)) ?? usual(type, number, body))
    }

    private func usual(_ type: UInt8, _ number: UInt32, _ body: ByteBuffer) -> [UInt8] {
        var body = body
        switch type {
        // Of an earlier swap nothing is left.
        case 7 where body.readString32()?.suffix(4).elementsEqual("-bak".utf8) == true:
            return Wire.status(number, SFTPStatus.noSuchFile)
        case Request.open, Request.openDirectory: return Wire.handle(number, nextHandle())
        case Request.read, Request.readDirectory: return Wire.status(number, SFTPStatus.endOfFile)
        case Request.fstat, 7, 17: return Wire.attributes(number, size: 0)
        default: return Wire.status(number, SFTPStatus.ok)
        }
    }

    private func nextHandle() -> String {
        handles += 1
        return "h\(handles)"
    }

    /// In a later turn of the event loop, as from a network.
    private func deliver(_ bytes: [UInt8]) {
        eventLoop.execute { [self] in onBytes?(ByteBuffer(bytes: bytes)) }
    }

    func listen(onBytes: @escaping (ByteBuffer) -> Void, onEnd: @escaping (SSHError) -> Void) {
        self.onBytes = onBytes
        self.onEnd = onEnd
    }

    func setAwaitingAnswer(_ isAwaiting: Bool) {}

    func fail(_ error: SSHError) {
        let listener = onEnd
        (onBytes, onEnd) = (nil, nil)
        listener?(error)
    }

    func close() { fail(SSHError(.cancelled, "the peer was closed")) }
}
