import CLibSSH2
import Glibc
import NIOCore

/// A flow of bytes both ways that SFTP can be spoken over.
protocol ByteStream: AnyObject, Sendable {
    /// Where every call must be made, and where the callbacks come.
    var eventLoop: any EventLoop { get }
    /// Sends what `append` adds to the buffer, together with what else is written at about the same time.
    func write(_ append: (inout ByteBuffer) -> Void)
    /// Sets who is told of arriving bytes, and of the end.
    func listen(onBytes: @escaping (ByteBuffer) -> Void, onEnd: @escaping (SSHError) -> Void)
    /// Whether silence is a fault, because an answer is due.
    func setAwaitingAnswer(_ isAwaiting: Bool)
    /// Ends the stream because the other side broke the protocol.
    func fail(_ error: SSHError)
    func close()
}

/// What a channel is opened for (RFC 4254, section 6.5).
enum RemoteProgram: Sendable {
    case subsystem(String)
    case command(String)

    /// Whether what is written may follow the request at once, which saves a round trip. A command may be refused, and some
    /// servers end the connection when input comes for it all the same.
    fileprivate var takesInputUnanswered: Bool {
        switch self {
        case .subsystem: true
        case .command: false
        }
    }

    fileprivate func start(on channel: OpaquePointer) -> Int32 {
        let (request, name) =
            switch self {
            case .subsystem(let name): ("subsystem", name)
            case .command(let line): ("exec", line)
            }
        return libssh2_channel_process_startup(
            channel, request, UInt32(request.utf8.count), name, UInt32(name.utf8.count))
    }
}

/// One channel of an SSH connection (RFC 4254, section 5).
///
/// Sendable because it is confined to its driver's event loop, which every method checks.
final class SSHStream: ByteStream, @unchecked Sendable {
    private let raw: OpaquePointer
    /// Its reference to this stream goes at the end of either.
    private let driver: SSHDriver
    private var outgoing = ByteBuffer()
    /// Where libssh2 puts what it read, before it is handed on in its true size.
    private var incoming = [UInt8](repeating: 0, count: readSize)
    private var onBytes: ((ByteBuffer) -> Void)?
    private var onErrorBytes: ((ByteBuffer) -> Void)?
    private var onEnd: ((SSHError) -> Void)?
    private(set) var isAwaitingAnswer = false
    /// Why nothing more will come; nil while something may.
    private var ending: SSHError?
    private var hasEnded: Bool { ending != nil }
    /// What is still to be started, or was asked for and not yet confirmed.
    private var program: RemoteProgram?
    private let takesInputUnanswered: Bool
    /// Why the server did not start the program, or why we did not wait for its end.
    private(set) var failure: SSHError?

    /// The first bytes of the program's standard output and standard error, for what to say when it is not what was expected.
    private(set) var firstOutput: [UInt8] = []
    private(set) var firstErrors: [UInt8] = []
    private static let firstSize = 512
    /// Whether the work can be done without this channel, and the device has not answered on it yet.
    private(set) var isUnprovenSpeedUp: Bool
    /// Whether the server confirmed that it started the program.
    var isStarted: Bool { program == nil }
    /// Whether the program ended by itself.
    private(set) var isEndedByDevice = false

    /// The most that one read takes out of libssh2.
    private static let readSize = 128 * 1024

    init(raw: OpaquePointer, program: RemoteProgram, driver: SSHDriver, isSpeedUp: Bool) {
        isUnprovenSpeedUp = isSpeedUp
        self.raw = raw
        self.program = program
        takesInputUnanswered = program.takesInputUnanswered
        self.driver = driver
    }

    var eventLoop: any EventLoop { driver.eventLoop }

    func write(_ append: (inout ByteBuffer) -> Void) {
        eventLoop.preconditionInEventLoop()
        append(&outgoing)
        driver.schedulePump()
    }

    func listen(onBytes: @escaping (ByteBuffer) -> Void, onEnd: @escaping (SSHError) -> Void) {
        eventLoop.preconditionInEventLoop()
        // It may have ended before anyone could listen.
        if let ending = ending ?? driver.failure {
            onEnd(ending)
            return
        }
        self.onBytes = onBytes
        self.onEnd = onEnd
        driver.schedulePump()
    }

    /// Sets who is told of bytes that the remote program writes to its standard error.
    func listenForErrors(_ onErrorBytes: @escaping (ByteBuffer) -> Void) {
        eventLoop.preconditionInEventLoop()
        self.onErrorBytes = onErrorBytes
    }

    func setAwaitingAnswer(_ isAwaiting: Bool) {
        guard isAwaiting != isAwaitingAnswer else { return }
        isAwaitingAnswer = isAwaiting
        driver.awaitsAnswer(isAwaiting)
    }

    func fail(_ error: SSHError) { driver.fail(error) }

    /// Closes the channel because nothing more can come of its program; the connection stays.
    func giveUp(_ error: SSHError) {
        guard !hasEnded else { return }
        failure = error
        end(error)
        close()
    }

    func close() {
        eventLoop.preconditionInEventLoop()
        driver.remove(self)
        if driver.failure == nil { libssh2_channel_close(raw) }
        end(SSHError(.cancelled, "the channel was closed"))
        driver.schedulePump()
    }

    /// Moves bytes between libssh2 and the two ends. Called by the driver's pump only.
    func pump(_ session: SSHSession) {
        guard onBytes != nil, !hasEnded else { return }
        start(session)
        flush()
        read(0) { bytes in
            SSHStream.keepFirst(bytes, in: &firstOutput)
            // A command is a matter of trust until its end.
            if program == nil, takesInputUnanswered { isUnprovenSpeedUp = false }
            onBytes?(bytes)
        }
        read(1) { bytes in
            SSHStream.keepFirst(bytes, in: &firstErrors)
            onErrorBytes?(bytes)
        }
        flush()
        // Not at the end of the data already: the exit status comes between it and the close (RFC 4254, section 6.10).
        if !hasEnded, libssh2_channel_eof(raw) == 1, libssh2_channel_wait_closed(raw) != LIBSSH2_ERROR_EAGAIN {
            driver.remove(self)
            // Who ends the connection ends this too, and then it is no word of the device's.
            isEndedByDevice = driver.failure == nil
            if isEndedByDevice { driver.deviceEnded(self) }
            end(driver.failure ?? SSHError(.disconnected, "the device's server ended the channel"))
        }
    }

    private static func keepFirst(_ bytes: ByteBuffer, in first: inout [UInt8]) {
        if first.count < firstSize { first += bytes.readableBytesView.prefix(firstSize - first.count) }
    }

    /// Asks for the program.
    private func start(_ session: SSHSession) {
        guard let program else { return }
        do throws(SSHError) {
            let step = try session.step(program.start(on: raw)) { _, text in
                SSHError(
                    .unsupported, "the device refused to start it: \(text)",
                    advice: "For SFTP, the SSH server needs its sftp-server; dropbear needs the package that brings it."
                )
            }
            if case .done = step { self.program = nil }
        } catch {
            giveUp(error)
        }
    }

    private func flush() {
        guard program == nil || takesInputUnanswered else { return }
        while outgoing.readableBytes > 0, !hasEnded {
            let written = outgoing.withUnsafeReadableBytes { bytes in
                libssh2_channel_write_ex(raw, 0, bytes.bindMemory(to: CChar.self).baseAddress, bytes.count)
            }
            guard written > 0 else {
                if written < 0, written != LIBSSH2_ERROR_EAGAIN {
                    driver.fail(SSHError(.disconnected, "the device ended the channel"))
                }
                return
            }
            outgoing.moveReaderIndex(forwardBy: written)
        }
        // The storage is kept: what is under way is bounded, and making it anew costs more than the copying.
        if outgoing.readableBytes == 0 {
            outgoing.clear()
        } else if outgoing.readerIndex > outgoing.readableBytes {
            outgoing.discardReadBytes()
        }
    }

    private func read(_ streamID: Int32, _ deliver: (ByteBuffer) -> Void) {
        while !hasEnded {
            let count = incoming.withUnsafeMutableBytes { space in
                libssh2_channel_read_ex(
                    raw, streamID, space.bindMemory(to: CChar.self).baseAddress, space.count)
            }
            guard count > 0 else {
                if count < 0, count != LIBSSH2_ERROR_EAGAIN {
                    driver.fail(SSHError(.disconnected, "the connection broke: error \(count)"))
                }
                return
            }
            deliver(ByteBuffer(bytes: incoming[..<count]))
        }
    }

    /// Tells the listener that nothing more will come. Idempotent.
    func end(_ error: SSHError) {
        guard !hasEnded else { return }
        ending = error
        isAwaitingAnswer = false
        let listener = onEnd
        // They may hold this stream.
        (onBytes, onErrorBytes, onEnd) = (nil, nil, nil)
        listener?(error)
    }

    /// Whether the program, now that the channel has ended, neither wrote anything nor failed. libssh2 gives 0 for a status that never
    /// came.
    var hasSaidNothing: Bool { firstOutput.isEmpty && [.untold, .exited(0)].contains(programEnd) }

    /// How the remote program ended, once the channel has.
    var programEnd: ProgramEnd {
        guard driver.failure == nil else { return .untold }
        var signal: UnsafeMutablePointer<CChar>?
        libssh2_channel_get_exit_signal(raw, &signal, nil, nil, nil, nil, nil)
        // libssh2 makes the copy with its allocator, which is malloc's.
        defer { free(signal) }
        if let signal { return .signal(printable(String(cString: signal).utf8)) }
        let status = libssh2_channel_get_exit_status(raw)
        return status >= 0 ? .exited(status) : .untold
    }
}
