import NIOCore
import NIOPosix

/// A server that accepts connections and says one thing, once or without end, or nothing at all.
final class MuteServer: Sendable {
    /// Where it listens.
    enum Place {
        case tcp
        case unix(String)
    }

    private let channel: any Channel
    /// Its own thread: who speaks without end must not keep the client from running.
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    /// - Parameters:
    ///   - speech: what it says to everyone who connects.
    ///   - isEndless: whether it says that over and over.
    init(_ place: Place = .tcp, saying speech: [UInt8] = [], isEndless: Bool = false) async throws {
        let bootstrap = ServerBootstrap(group: group).childChannelInitializer {
            channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(
                    Speaker(speech: ByteBuffer(bytes: speech), isEndless: isEndless))
            }
        }
        channel =
            switch place {
            case .tcp: try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
            case .unix(let path): try await bootstrap.bind(unixDomainSocketPath: path).get()
            }
    }

    var port: Int { channel.localAddress?.port ?? 0 }

    func close() async { try? await group.shutdownGracefully() }

    private final class Speaker: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let speech: ByteBuffer
        private let isEndless: Bool

        init(speech: ByteBuffer, isEndless: Bool) {
            self.speech = speech
            self.isEndless = isEndless
        }

        func channelActive(context: ChannelHandlerContext) { speak(context) }

        private func speak(_ context: ChannelHandlerContext) {
            guard speech.readableBytes > 0 else { return }
            let context = NIOLoopBound(context, eventLoop: context.eventLoop)
            let said = context.value.writeAndFlush(NIOAny(speech))
            guard isEndless else { return }
            let speaker = NIOLoopBound(self, eventLoop: context.value.eventLoop)
            // In a turn of its own: a write that succeeds at once would come back deeper and deeper.
            said.whenSuccess { speaker.eventLoop.execute { speaker.value.speak(context.value) } }
        }
    }
}
