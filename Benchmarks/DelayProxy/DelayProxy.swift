import Foundation
import Glibc
import NIOCore
import NIOPosix

/// Forwards TCP connections and holds every byte back for half a round trip each way, without limiting how many are
/// under way: `delay-proxy LISTEN-PORT TARGET-PORT ROUND-TRIP-MS`. Prints its port when it listens, and a line of totals
/// (``Traffic/line``) for each SIGUSR1.
@main
struct DelayProxy {
    static func main() async throws {
        let numbers = CommandLine.arguments.dropFirst().compactMap { Int($0) }
        guard numbers.count == 3 else {
            FileHandle.standardError.write(Data("usage: delay-proxy LISTEN-PORT TARGET-PORT ROUND-TRIP-MS\n".utf8))
            exit(2)
        }
        let delay = TimeAmount.microseconds(Int64(numbers[2]) * 500)
        let traffic = Traffic()
        signal(SIGUSR1, SIG_IGN)
        let asked = DispatchSource.makeSignalSource(signal: SIGUSR1)
        asked.setEventHandler { say(traffic.line) }
        asked.resume()
        let group = MultiThreadedEventLoopGroup.singleton
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { inbound in
                traffic.count(.opened)
                inbound.closeFuture.whenComplete { _ in traffic.count(.closed) }
                return ClientBootstrap(group: inbound.eventLoop)
                    .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                    .channelOption(.autoRead, value: false)
                    .connect(host: "127.0.0.1", port: numbers[1])
                    .flatMapThrowing { outbound in
                        try inbound.pipeline.syncOperations.addHandler(
                            Delaying(delay, to: outbound) { traffic.count(.sent($0)) })
                        try outbound.pipeline.syncOperations.addHandler(
                            Delaying(delay, to: inbound) { traffic.count(.received($0)) })
                        for channel in [inbound, outbound] {
                            try channel.syncOptions?.setOption(.autoRead, value: true)
                        }
                    }
            }
            .bind(host: "127.0.0.1", port: numbers[0]).get()
        say("\(listener.localAddress?.port ?? 0)")
        try await listener.closeFuture.get()
    }

    private static func say(_ line: String) {
        print(line)
        fflush(nil)
    }
}

/// Passes on what one side sends to the other, each piece after the delay, in order.
private final class Delaying: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let delay: TimeAmount
    private let target: any Channel
    private let count: (Int) -> Void

    init(_ delay: TimeAmount, to target: any Channel, counting count: @escaping (Int) -> Void) {
        self.delay = delay
        self.target = target
        self.count = count
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        let target = target
        count(bytes.readableBytes)
        // Otherwise the proxy's own kernel would hold the acknowledgement back for up to 40 ms, on top of the delay.
        try? context.channel.syncOptions?.setOption(.tcpOption(.init(rawValue: TCP_QUICKACK)), value: 1)
        context.eventLoop.scheduleTask(in: delay) { target.writeAndFlush(bytes, promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        let target = target
        context.eventLoop.scheduleTask(in: delay) { target.close(promise: nil) }
    }
}
