import Faults
import NIOCore

/// Sends requests over a stream without waiting, and hands out the answers that ``SFTPExchange`` makes of what comes back.
///
/// Sendable because it is confined to its stream's event loop, which every entry point checks.
final class RequestPipeline: @unchecked Sendable {
    let stream: any ByteStream
    private var exchange = SFTPExchange<Pending<SFTPResponse>>()
    /// How many answers came.
    var arrivals: Int { exchange.arrivals }
    /// The shortest time that an answer took; nil before the first.
    var roundTrip: TimeAmount? { exchange.roundTrip }
    /// This pipeline's share of ``SFTPClient/writeBehind``.
    let writeBehind = Budget(WindowEstimate.initial)
    /// Answers to what was sent along with INIT, by the directory's path.
    private var openedEarly: [[UInt8]: Pending<SFTPResponse>] = [:]
    /// Whether every answer so far came in the order of the requests.
    var answersInOrder: Bool { exchange.answersInOrder }
    /// What is open on the server.
    var handles: HandleTable { exchange.handles }
    /// How many requests were sent.
    var sent: UInt64 { exchange.sent }
    /// Who waits for what is open to change.
    private var waiting: [(isMet: (HandleTable) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
    /// How many requests wait for their answer.
    var unanswered: Int { exchange.unanswered }
    /// Told of the VERSION answer; nil once it came.
    private var onVersion: ((Result<SFTPVersion, SSHError>) -> Void)?
    /// What ended the stream; nil while it lives.
    private(set) var failure: SSHError?
    #if DEBUG
        /// Whether a fault let the server fall silent.
        var isSilent = false
    #endif

    init(stream: any ByteStream) {
        self.stream = stream
    }

    /// The server's VERSION answer to our INIT. Called once, before anything else is sent; from anywhere.
    ///
    /// - Parameter directories: will be listed first. They are opened without waiting for the answer: servers take
    ///   one packet after the other, and it saves a round trip.
    func initialize(opening directories: [RemotePath]) async throws(SSHError) -> SFTPVersion {
        #if DEBUG
            let faults = FaultInjector.current
        #endif
        let result: Result<SFTPVersion, SSHError> = await withCheckedContinuation { continuation in
            stream.eventLoop.execute { [self] in
                onVersion = { continuation.resume(returning: $0) }
                stream.listen(onBytes: { [self] in received($0) }, onEnd: { [self] in ended($0) })
                stream.setAwaitingAnswer(true)
                stream.write { self.exchange.initialize(into: &$0) }
                #if DEBUG
                    FaultInjector.$current.withValue(faults) { openEarly(directories) }
                #else
                    openEarly(directories)
                #endif
            }
        }
        return try result.get()
    }

    private func openEarly(_ directories: [RemotePath]) {
        for directory in directories.prefix(128) {
            openedEarly[directory.bytes] = send(.openDirectory(directory.bytes))
        }
    }

    /// The answer to what was sent along with INIT for this directory; nil after the first time, and where nothing was.
    func takeOpenedEarly(_ path: RemotePath) -> Pending<SFTPResponse>? { openedEarly.removeValue(forKey: path.bytes) }

    /// Closes what was opened along with INIT and nobody has taken.
    func closeOpenedEarly() {
        let unused = openedEarly.values
        openedEarly = [:]
        for reply in unused {
            reply.whenHere { [self] result in
                if case .success(.handle(let handle)) = result { send(.close(handle: handle)) }
            }
        }
    }

    /// What stands for the last opening that was answered with `handle`.
    func opening(of handle: [UInt8]) -> HandleTable.Opening { exchange.handles.opening(of: handle) }

    /// Waits until `isMet` holds for what is open, or the stream has ended.
    func waitForHandles(
        until isMet: @escaping (HandleTable) -> Bool, isolation: isolated (any Actor)? = #isolation
    ) async {
        if failure != nil || isMet(handles) { return }
        await withCheckedContinuation { continuation in
            // Asked again: on the way here the task may have been suspended, and the answer have come.
            if failure != nil || isMet(handles) {
                continuation.resume()
            } else {
                waiting.append((isMet, continuation))
            }
        }
    }

    private func serveWaiting() {
        guard !waiting.isEmpty else { return }
        let ready = waiting.filter { failure != nil || $0.isMet(handles) }
        waiting.removeAll { failure != nil || $0.isMet(handles) }
        for waiter in ready { waiter.continuation.resume() }
    }

    /// Sends a request and returns at once; the reply comes later, or the failure that ended the stream.
    @discardableResult
    func send(_ request: SFTPRequest, onArrival: ((Result<SFTPResponse, SSHError>) -> Void)? = nil) -> Pending<
        SFTPResponse
    > {
        stream.eventLoop.preconditionInEventLoop()
        let reply = Pending(onArrival: onArrival)
        #if DEBUG
            if let kind = FaultInjector.current?.strike(.sftp, request.words, changes: request.changes) {
                send(request, meeting: kind, reply)
                return reply
            }
        #endif
        send(request, answering: reply)
        return reply
    }

    /// Sends it without a look at faults.
    func send(_ request: SFTPRequest, answering reply: Pending<SFTPResponse>) {
        if let failure {
            reply.arrive(.failure(failure), order: arrivals)
            return
        }
        stream.write { self.exchange.send(request, for: reply, at: .now(), into: &$0) }
        stream.setAwaitingAnswer(true)
    }

    /// Bytes from the server. Anything that is not an answer to what was asked ends the connection.
    func received(_ bytes: ByteBuffer) {
        guard failure == nil else { return }
        #if DEBUG
            if isSilent { return }
        #endif
        exchange.receive(bytes)
        do throws(SFTPMalformed) {
            while failure == nil, let answer = try exchange.nextAnswer(at: .now()) { hand(answer) }
        } catch {
            fail(error.reason)
        }
        serveWaiting()
        stream.setAwaitingAnswer(exchange.isAwaitingAnswer)
    }

    private func hand(_ answer: SFTPExchange<Pending<SFTPResponse>>.Answer) {
        switch answer {
        case .version(let version):
            onVersion?(.success(version))
            onVersion = nil
        case .response(let response, let reply): reply.arrive(.success(response), order: arrivals)
        }
    }

    /// Ends the connection because the server broke the protocol.
    func fail(_ reason: String) {
        let error = SSHError(
            .protocolError, "the device's SFTP server sent \(reason)",
            advice: "The connection was closed; nothing was changed by that answer.")
        stream.fail(error)
        ended(error)
    }

    /// The stream is over: everything that waits fails.
    func ended(_ error: SSHError) {
        guard failure == nil else { return }
        failure = error
        onVersion?(.failure(error))
        onVersion = nil
        for reply in exchange.end() { reply.arrive(.failure(error), order: arrivals) }
        serveWaiting()
    }

    /// Accepts packets of up to `bytes`, never more than 4 MiB.
    func allowPackets(of bytes: UInt64) {
        exchange.allowPackets(of: bytes)
    }

    func close() { stream.close() }
}
