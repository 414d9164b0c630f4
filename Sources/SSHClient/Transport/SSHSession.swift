import CLibSSH2
import Glibc
import NIOCore

/// A libssh2 session without a socket: bytes come in through ``receive(_:)`` and go out through ``takeOutbound()``.
///
/// Not Sendable; confined to the event loop of its connection. Every call goes through here, one at a time.
final class SSHSession {
    /// What a libssh2 call came to.
    enum Step<Value> {
        case done(Value)
        /// More bytes from the other side are needed.
        case again
    }

    let raw: OpaquePointer
    private let buffers: Buffers
    /// The callbacks do the work, but a handshake insists on a valid descriptor.
    let descriptor: Int32
    /// Whether the algorithms to offer were set.
    var hasPreferences = false

    /// What the two callbacks reach through libssh2's abstract pointer.
    final class Buffers {
        var inbound = ByteBuffer()
        var outbound = ByteBuffer()
        var isClosed = false
        /// The beginning of what the server sent, until the handshake is over.
        var prefix: [UInt8]? = []
        /// What came before the server's identification.
        var preamble = Preamble()
        /// How many bytes were sent.
        var sent = 0
        /// The server's words for ending the connection (RFC 4253, section 11.1).
        var farewell: String?
        /// The answer to hidden prompts of keyboard-interactive.
        var password: Secret?
        /// An agent's part in a public key authentication.
        var agentSignature: AgentSignature = .none
    }

    init() throws(SSHError) {
        guard SSHLibrary.initialized else { throw SSHError(.failure, "libssh2 could not be initialized") }
        let buffers = Buffers()
        let abstract = Unmanaged.passRetained(buffers).toOpaque()
        descriptor = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard descriptor >= 0, let raw = libssh2_session_init_ex(nil, nil, nil, abstract) else {
            Unmanaged<Buffers>.fromOpaque(abstract).release()
            if descriptor >= 0 { close(descriptor) }
            throw SSHError(.failure, "no SSH session could be made: out of memory or file descriptors")
        }
        self.raw = raw
        self.buffers = buffers
        saveferry_set_transport(raw, sendToBuffer, receiveFromBuffer)
        saveferry_set_disconnect(raw, rememberFarewell)
        libssh2_session_set_blocking(raw, 0)
    }

    deinit {
        // The socket is shut by now: sending fails and receiving sees the end, so freeing can't wait for anyone.
        buffers.isClosed = true
        var tries = 16
        while libssh2_session_free(raw) == LIBSSH2_ERROR_EAGAIN, tries > 0 { tries -= 1 }
        Unmanaged.passUnretained(buffers).release()
        close(descriptor)
    }

    /// Bytes from the other side.
    func receive(_ bytes: ByteBuffer) {
        var bytes = buffers.preamble.strip(bytes)
        if let prefix = buffers.prefix, prefix.count < 16_384 {
            buffers.prefix = prefix + Array(bytes.readableBytesView.prefix(16_384))
        }
        if buffers.inbound.readableBytes == 0 {
            buffers.inbound = bytes
        } else {
            buffers.inbound.writeBuffer(&bytes)
        }
    }

    /// The other side will send no more.
    func receiveEnd() { buffers.isClosed = true }

    /// What is to be sent, once; nil when there is nothing.
    func takeOutbound() -> ByteBuffer? {
        guard buffers.outbound.readableBytes > 0 else { return nil }
        let bytes = buffers.outbound
        // What comes next is probably as much.
        buffers.outbound = ByteBufferAllocator().buffer(capacity: min(bytes.readableBytes, 256 << 10))
        return bytes
    }

    /// What the server offered at the beginning, if it was seen whole.
    var offer: ServerOffer? { buffers.prefix.flatMap { ServerOffer($0) } }

    /// Forgets the beginning of the connection.
    func dropPrefix() { buffers.prefix = nil }

    /// What the server said before its identification, safe to print; empty when it said nothing.
    var preambleText: String { printable(buffers.preamble.text.trimmed) }

    /// How many bytes libssh2 sent so far.
    var sentBytes: Int { buffers.sent }

    /// `: ` and the server's words for ending the connection; empty when it said none.
    var farewell: String { buffers.farewell.map { ": \($0)" } ?? "" }

    var password: Secret? {
        get { buffers.password }
        set { buffers.password = newValue }
    }

    var agentSignature: AgentSignature {
        get { buffers.agentSignature }
        set { buffers.agentSignature = newValue }
    }

    /// libssh2's own words for the last error.
    var lastErrorText: String {
        var text: UnsafeMutablePointer<CChar>?
        libssh2_session_last_error(raw, &text, nil, 0)
        return text.map { printable(String(cString: $0).utf8) } ?? "unknown error"
    }

    /// Turns a return code into a step: EAGAIN waits, negative codes throw what `describe` makes of them.
    func step(_ code: Int32, _ describe: (Int32, String) -> SSHError) throws(SSHError) -> Step<Int32> {
        if code == LIBSSH2_ERROR_EAGAIN { return .again }
        guard code >= 0 else { throw failure(code, describe) }
        return .done(code)
    }

    /// What a call that returned nil came to.
    func failureOrAgain<Value>(_ describe: (Int32, String) -> SSHError) throws(SSHError) -> Step<Value> {
        let code = libssh2_session_last_errno(raw)
        if code == LIBSSH2_ERROR_EAGAIN { return .again }
        throw failure(code, describe)
    }

    private func failure(_ code: Int32, _ describe: (Int32, String) -> SSHError) -> SSHError {
        switch code {
        case LIBSSH2_ERROR_SOCKET_DISCONNECT, LIBSSH2_ERROR_SOCKET_RECV, LIBSSH2_ERROR_SOCKET_SEND:
            SSHError(.disconnected, "the device closed the connection\(farewell)")
        default: describe(code, lastErrorText)
        }
    }
}

/// Where a signature by an agent stands; libssh2 asks for it in the middle of an authentication and is told to wait.
enum AgentSignature {
    case none
    case wanted(data: [UInt8])
    case made([UInt8])
    case refused
}

/// Accepts everything: a short write would make libssh2 1.10 and 1.11 lose or corrupt what follows.
private let sendToBuffer: saveferry_send = { _, bytes, count, _, abstract in
    guard let bytes, let pointer = abstract?.pointee else { return -Int(EPIPE) }
    let buffers = Unmanaged<SSHSession.Buffers>.fromOpaque(pointer).takeUnretainedValue()
    if buffers.isClosed { return -Int(EPIPE) }
    buffers.outbound.writeBytes(UnsafeRawBufferPointer(start: bytes, count: count))
    buffers.sent += count
    return count
}

private let rememberFarewell: saveferry_disconnect = { _, _, message, length, _, _, abstract in
    guard let message, length > 0, let pointer = abstract?.pointee else { return }
    let buffers = Unmanaged<SSHSession.Buffers>.fromOpaque(pointer).takeUnretainedValue()
    let bytes = UnsafeRawBufferPointer(start: message, count: min(Int(length), 256))
    buffers.farewell = printable(Array(bytes).trimmed)
}

private let receiveFromBuffer: saveferry_recv = { _, bytes, count, _, abstract in
    guard let bytes, let pointer = abstract?.pointee else { return 0 }
    let buffers = Unmanaged<SSHSession.Buffers>.fromOpaque(pointer).takeUnretainedValue()
    let available = min(count, buffers.inbound.readableBytes)
    if available == 0 { return buffers.isClosed ? 0 : -Int(EAGAIN) }
    buffers.inbound.readWithUnsafeReadableBytes { source in
        if let base = source.baseAddress { memcpy(bytes, base, available) }
        return available
    }
    return available
}
