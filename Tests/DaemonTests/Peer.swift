import Foundation
import NIOCore
import NIOPosix

@testable import Daemon

/// The other end of a socket, which a test reads and writes as it likes.
final class Peer: Sendable {
    private let channel: any Channel
    private let received: AsyncStream<ByteBuffer>

    private final class Receiver: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let continuation: AsyncStream<ByteBuffer>.Continuation

        init(_ continuation: AsyncStream<ByteBuffer>.Continuation) { self.continuation = continuation }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { continuation.yield(unwrapInboundIn(data)) }
        func channelInactive(context: ChannelHandlerContext) { continuation.finish() }
    }

    private init(_ connect: (ClientBootstrap) async throws -> any Channel) async throws {
        let (stream, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
        received = stream
        channel = try await connect(
            ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Receiver(continuation))
                }
            })
    }

    /// Connected to the daemon's socket.
    convenience init(of daemon: Watched) async throws {
        let path = try SocketPath(in: daemon.store.stateDirectory)
        try await self.init { try await $0.connect(to: SocketAddress(path.address)).get() }
    }

    /// Connected to a port of 127.0.0.1.
    convenience init(port: Int) async throws {
        try await self.init { try await $0.connect(host: "127.0.0.1", port: port).get() }
    }

    func write(_ text: String) async throws { try await channel.writeAndFlush(ByteBuffer(string: text)).get() }

    /// Goes on reading, or lets what arrives wait in the system.
    func read(_ reads: Bool) async throws { try await channel.setOption(.autoRead, value: reads).get() }

    /// Writes nothing more, and reads on.
    func closeOutput() async throws { try await channel.close(mode: .output).get() }

    func close() async throws { try await channel.close().get() }

    /// Everything that arrives until `isEnough`, or until the other end closes.
    func text(until isEnough: (String) -> Bool = { _ in false }) async -> String {
        var bytes = ByteBuffer()
        for await buffer in received {
            bytes.writeImmutableBuffer(buffer)
            if isEnough(String(buffer: bytes)) { break }
        }
        return String(buffer: bytes)
    }
}

extension String {
    /// JSON documents, one a line.
    var documents: [[String: Any]] {
        split(separator: "\n").compactMap { line in
            (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any]
        }
    }
}
