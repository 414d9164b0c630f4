import CLibSSH2
import Glibc
import NIOCore
import NIOPosix

/// Drives one libssh2 session over one NIO channel.
///
/// Bytes that arrive go into the session, then everything that waits is tried once more, then what the session wants to
/// send goes out. That pump is the only place from which libssh2 is called, so no two calls ever interleave.
///
/// Sendable because its state is confined to its event loop: every method checks that it runs there, or goes there.
final class SSHDriver: @unchecked Sendable {
    let eventLoop: any EventLoop
    private let channel: any Channel
    let deadlines: Deadlines
    private let pulse: Pulse
    private var session: SSHSession?
    /// What waits for bytes from the other side; each returns true when it is over.
    private var waiting: [() -> Bool] = []
    private var streams: [SSHStream] = []
    private var isPumpScheduled = false
    private var lastProgress = NIODeadline.now()
    private var watchdog: RepeatedTask?
    /// What ended the connection; nil while it lives.
    private(set) var failure: SSHError?
    /// How many channels are being opened that the work can be done without.
    var speedUpsBeingOpened = 0
    /// Whether the device ended the connection over something that the work can be done without.
    private(set) var isEndedBySpeedUp = false
    /// Whether the device ended a channel that the work can be done without, and told nothing on it.
    private var hasSpeedUpEnded = false

    private init(channel: any Channel, deadlines: Deadlines, pulse: Pulse) throws(SSHError) {
        self.channel = channel
        self.deadlines = deadlines
        self.pulse = pulse
        eventLoop = channel.eventLoop
        session = try SSHSession()
    }

    /// Opens the TCP connection. Nothing is sent yet.
    static func connect(
        to endpoint: Endpoint, deadlines: Deadlines, pulse: Pulse = Pulse(), lookUps: LookUps = .shared
    ) async throws(SSHError) -> SSHDriver {
        pulse.setAwaiting(true)
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(TimeAmount(deadlines.connect))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(.allowRemoteHalfClosure, value: false)
        do {
            // Handhelds fall asleep in the middle: notice it within seconds (tcp(7)).
            return try await bootstrap.connect(to: endpoint, lookUps, within: deadlines.lookUp) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let driver = try SSHDriver(channel: channel, deadlines: deadlines, pulse: pulse)
                    let options = channel.syncOptions
                    #if os(Linux)
                        try? options?.setOption(.tcpOption(.init(rawValue: TCP_KEEPIDLE)), value: 10)
                        try? options?.setOption(.tcpOption(.init(rawValue: TCP_KEEPINTVL)), value: 5)
                        try? options?.setOption(.tcpOption(.init(rawValue: TCP_KEEPCNT)), value: 3)
                        try? options?.setOption(.tcpOption(.init(rawValue: TCP_USER_TIMEOUT)), value: 15_000)
                    #endif
                    try channel.pipeline.syncOperations.addHandler(DriverHandler(driver: driver))
                    return driver
                }
            }
        } catch let error as SSHError {
            throw error
        } catch {
            throw SSHError(connecting: endpoint, error)
        }
    }

    // MARK: Waiting for libssh2

    /// Retries `step` after each arrival of bytes until it is done or throws. Can be called from anywhere.
    func perform<Value: Sendable>(
        _ step: @escaping @Sendable (SSHSession) throws(SSHError) -> SSHSession.Step<Value>
    ) async throws(SSHError) -> Value {
        let result: Result<Value, SSHError> = await withCheckedContinuation { continuation in
            onLoop { [self] in
                waiting.append { [self] in
                    // After the end no step runs any more: what it holds of libssh2 was freed with the session.
                    guard let session, failure == nil else {
                        continuation.resume(
                            returning: .failure(failure ?? SSHError(.cancelled, "the connection was closed")))
                        return true
                    }
                    do throws(SSHError) {
                        switch try step(session) {
                        case .again: return false
                        case .done(let value): continuation.resume(returning: .success(value))
                        }
                    } catch {
                        continuation.resume(returning: .failure(error))
                    }
                    return true
                }
                pump()
            }
        }
        return try result.get()
    }

    /// Fails the connection with a timeout unless `work` is over in time, and at once when the task is cancelled.
    func withDeadline<Value: Sendable>(
        _ limit: Duration, _ what: String, _ work: () async throws(SSHError) -> Value
    ) async throws(SSHError) -> Value {
        let timer = eventLoop.scheduleTask(in: TimeAmount(limit)) { [weak self] in
            self?.fail(SSHError(.timedOut, "\(what) took longer than \(limit)"))
        }
        defer { timer.cancel() }
        // As a result, because the cancellation handler knows no typed errors.
        let result: Result<Value, SSHError> = await withTaskCancellationHandler {
            do throws(SSHError) { return .success(try await work()) } catch { return .failure(error) }
        } onCancel: {
            fail(SSHError(.cancelled, "\(what) was given up"))
        }
        return try result.get()
    }

    private func onLoop(_ body: @escaping @Sendable () -> Void) {
        if eventLoop.inEventLoop { body() } else { eventLoop.execute(body) }
    }

    // MARK: The pump

    /// Pumps soon, so that the requests of many tasks leave in one packet: small packets cost a weak device more than the
    /// moment that they wait for each other.
    func schedulePump() {
        eventLoop.preconditionInEventLoop()
        guard !isPumpScheduled else { return }
        isPumpScheduled = true
        eventLoop.scheduleTask(in: SSHDriver.gathering) { [weak self] in
            self?.isPumpScheduled = false
            self?.pump()
        }
    }

    /// How long requests are gathered before they are sent.
    private static let gathering: TimeAmount = .microseconds(300)

    /// Gives everything that waits another try, moves the streams' bytes, and sends.
    func pump() {
        eventLoop.preconditionInEventLoop()
        let tries = waiting
        waiting = []
        let unfinished = tries.filter { !$0() }
        waiting = unfinished + waiting
        guard let session else { return }
        for stream in streams { stream.pump(session) }
        if let bytes = session.takeOutbound() { channel.writeAndFlush(bytes, promise: nil) }
    }

    func received(_ bytes: ByteBuffer) {
        eventLoop.preconditionInEventLoop()
        lastProgress = .now()
        pulse.heard()
        if streams.isEmpty { acknowledge() }
        session?.receive(bytes)
        pump()
    }

    /// Acknowledges what was received at once. Servers hold back small packets until the last one is acknowledged (Nagle),
    /// and by itself the kernel waits 40 ms for something to send along with it; the setting does not last (tcp(7)).
    private func acknowledge() {
        #if os(Linux)
            try? channel.syncOptions?.setOption(.tcpOption(.init(rawValue: TCP_QUICKACK)), value: 1)
        #endif
    }

    func receivedEnd(_ error: SSHError) {
        eventLoop.preconditionInEventLoop()
        session?.receiveEnd()
        pump()
        fail(error)
    }

    // MARK: Streams

    func add(_ stream: SSHStream) {
        eventLoop.preconditionInEventLoop()
        streams.append(stream)
    }

    func remove(_ stream: SSHStream) {
        eventLoop.preconditionInEventLoop()
        streams.removeAll { $0 === stream }
    }

    /// A stream began to wait for an answer, so that silence counts from here, or has them all.
    func awaitsAnswer(_ isAwaiting: Bool) {
        if isAwaiting { lastProgress = max(lastProgress, .now()) }
        pulse.setAwaiting(streams.contains { $0.isAwaitingAnswer })
    }

    // MARK: The end

    /// Whether something is under way that the work can be done without, or ended without a word.
    private var isSpeedUpUnanswered: Bool {
        speedUpsBeingOpened > 0 || hasSpeedUpEnded || streams.contains { $0.isUnprovenSpeedUp }
    }

    /// The device ended a channel. A server that hangs up may end one after the other before it ends the connection.
    func deviceEnded(_ stream: SSHStream) {
        if stream.isUnprovenSpeedUp {
            if stream.hasSaidNothing { hasSpeedUpEnded = true }
        } else if isSpeedUpUnanswered {
            isEndedBySpeedUp = true
        }
    }

    /// Ends the connection: everything that waits fails with `error`. Idempotent; can be called from anywhere.
    func fail(_ error: SSHError) {
        onLoop { [self] in end(error) }
    }

    private func end(_ error: SSHError) {
        guard failure == nil else { return }
        failure = error
        if [.disconnected, .timedOut, .protocolError].contains(error.code), isSpeedUpUnanswered {
            isEndedBySpeedUp = true
        }
        pulse.setAwaiting(false)
        watchdog?.cancel()
        channel.close(mode: .all, promise: nil)
        session?.receiveEnd()
        let ended = streams
        streams = []
        for stream in ended { stream.end(error) }
        session = nil
        pump()
    }

    /// Looks for silence from now until the end.
    func startWatchdog() {
        let interval = TimeAmount(deadlines.idle / 8)
        watchdog = eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { [weak self] _ in
            guard let self, streams.contains(where: { $0.isAwaitingAnswer }) else { return }
            if NIODeadline.now() - lastProgress > TimeAmount(deadlines.idle) {
                fail(
                    SSHError(
                        .timedOut, "the device stopped answering for \(deadlines.idle)",
                        advice: "It may have fallen asleep or left the network; the next run goes on from here."))
            }
        }
    }
}

/// Hands what NIO's channel receives to the driver.
private final class DriverHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let driver: SSHDriver

    init(driver: SSHDriver) {
        self.driver = driver
    }

    func channelActive(context: ChannelHandlerContext) {
        driver.startWatchdog()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        driver.received(unwrapInboundIn(data))
    }

    func channelInactive(context: ChannelHandlerContext) {
        driver.receivedEnd(SSHError(.disconnected, "the device closed the connection"))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let reason = (error as? IOError)?.localizedReason ?? "\(error)"
        driver.receivedEnd(SSHError(.disconnected, "the connection was lost: \(reason)"))
    }
}

extension ClientBootstrap {
    /// Connects, without a look-up where the host is an address already. NIO's own look-ups wait for each other on a thread for each
    /// event loop, and the time to connect runs meanwhile: a device that sleeps would make others seem away.
    fileprivate func connect<Output: Sendable>(
        to endpoint: Endpoint, _ lookUps: LookUps, within limit: Duration,
        channelInitializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Output>
    ) async throws -> Output {
        if let address = try? SocketAddress(ipAddress: endpoint.host, port: endpoint.port) {
            try await connect(to: address, channelInitializer: channelInitializer)
        } else {
            try await resolver(lookUps.resolver(for: endpoint.host, within: limit))
                .connect(host: endpoint.host, port: endpoint.port, channelInitializer: channelInitializer)
        }
    }
}

extension TimeAmount {
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self = .nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}

extension IOError {
    /// The system's words for the error, without the name of the call.
    var localizedReason: String { String(cString: strerror(errnoCode)) }
}

extension SSHError {
    /// Why no TCP connection came about.
    init(connecting endpoint: Endpoint, _ error: any Error) {
        let place = "\(endpoint.host) port \(endpoint.port)"
        let reason: String
        switch error {
        case let error as NIOConnectionError where error.connectionErrors.isEmpty:
            self.init(
                .unreachable, "the name \(printable(endpoint.host.utf8)) is not known",
                advice: "Is the device awake, and its name spelled right? One with an IP address is found without.")
            return
        case let error as NIOConnectionError:
            reason =
                error.connectionErrors.map { failed in
                    (failed.error as? IOError)?.localizedReason
                        ?? (failed.error is ChannelError ? "no answer" : "\(failed.error)")
                }.first ?? "no answer"
        case let error as IOError: reason = error.localizedReason
        case is ChannelError: reason = "no answer"
        default: reason = "\(error)"
        }
        self.init(
            .unreachable, "\(place) can't be reached: \(reason)",
            advice: "Is the device awake, in the network, and its SSH server switched on?")
    }
}
