import NIOCore
import NIOPosix

/// Asks an ssh-agent for its keys and for signatures, over its UNIX socket (draft-ietf-sshm-ssh-agent).
struct AgentClient: Sendable {
    /// The public half of a key that the agent holds.
    struct Identity: Sendable {
        /// In SSH wire format.
        let blob: [UInt8]
        let comment: String
    }

    let socketPath: String
    /// How long it may take to answer: some ask the user, and some never come back.
    var patience: TimeAmount = .seconds(10)

    private enum MessageType {
        static let requestIdentities: UInt8 = 11
        static let identitiesAnswer: UInt8 = 12
        static let signRequest: UInt8 = 13
        static let signResponse: UInt8 = 14
    }

    /// The keys that the agent holds, in its order.
    func identities() async throws(SSHError) -> [Identity] {
        var answer = try await ask([MessageType.requestIdentities], expecting: MessageType.identitiesAnswer)
        guard let count = answer.readInteger(as: UInt32.self), count <= 2_048 else { throw malformed }
        var identities: [Identity] = []
        for _ in 0..<count {
            guard let blob = answer.readString32(), let comment = answer.readString32() else { throw malformed }
            identities.append(Identity(blob: blob, comment: printable(comment)))
        }
        return identities
    }

    /// The signature of `data` by the key with this public half, without the algorithm's name before it; nil when the
    /// agent refuses.
    func sign(_ data: [UInt8], with blob: [UInt8]) async throws(SSHError) -> [UInt8]? {
        var request = ByteBuffer(bytes: [MessageType.signRequest])
        request.writeString32(blob)
        request.writeString32(data)
        request.writeInteger(UInt32(0))
        guard
            var answer = try? await ask(Array(request.readableBytesView), expecting: MessageType.signResponse),
            let signature = answer.readString32()
        else { return nil }
        var parts = ByteBuffer(bytes: signature)
        guard parts.readString32() != nil, let bare = parts.readString32() else { throw malformed }
        return bare
    }

    private var malformed: SSHError {
        SSHError(.protocolError, "the ssh-agent at \(socketPath) sent an answer that can't be read")
    }

    /// Sends one message and returns the answer's contents after its type.
    private func ask(_ message: [UInt8], expecting type: UInt8) async throws(SSHError) -> ByteBuffer {
        let answer: ByteBuffer
        do {
            let socket = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.seconds(5))
                .connect(unixDomainSocketPath: socketPath) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                    }
                }
            let channel = socket.channel
            let timer = channel.eventLoop.scheduleTask(in: patience) { channel.close(promise: nil) }
            defer { timer.cancel() }
            answer = try await socket.executeThenClose { inbound, outbound in
                var framed = ByteBuffer()
                framed.writeString32(message)
                try await outbound.write(framed)
                var received = ByteBuffer()
                for try await bytes in inbound {
                    received.writeImmutableBuffer(bytes)
                    let length = received.getInteger(at: received.readerIndex, as: UInt32.self).map(Int.init) ?? 0
                    if length > 256 << 10 { break }
                    if received.readableBytes >= 4, received.readableBytes >= 4 + length { return received }
                }
                return received
            }
        } catch {
            throw SSHError(
                .authenticationRefused, "the ssh-agent at \(socketPath) can't be reached",
                advice: "Start one with `eval $(ssh-agent)` and add a key with ssh-add.")
        }
        var frame = answer
        guard let body = frame.readString32(), body.first == type else { throw malformed }
        return ByteBuffer(bytes: body.dropFirst())
    }
}

extension ByteBuffer {
    /// A `string` of RFC 4251, section 5: a 32-bit length and that many bytes.
    mutating func readString32() -> [UInt8]? {
        guard let length = getInteger(at: readerIndex, as: UInt32.self), readableBytes - 4 >= Int(length) else {
            return nil
        }
        moveReaderIndex(forwardBy: 4)
        return readBytes(length: Int(length))
    }

    mutating func writeString32(_ bytes: some Collection<UInt8>) {
        writeInteger(UInt32(bytes.count))
        writeBytes(bytes)
    }
}
