import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A web server on 127.0.0.1 that keeps every request and answers as it is told.
public final class HookServer: Sendable {
    /// A request that arrived whole.
    public struct Request: Sendable {
        /// For example `POST`.
        public let method: String
        /// Path and query.
        public let path: String
        /// By their names in lower case.
        public let headers: [String: String]
        /// The body's bytes.
        public let body: [UInt8]

        /// The body as a JSON object.
        public var json: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] ?? [:]
        }
    }

    /// What it does with a request.
    public enum Answer: Sendable {
        case status(Int, headers: [String: String] = [:], body: String = "")
        /// Says nothing until ``HookServer/release()``, which ends the connection.
        case hang
        /// Says nothing more in the middle of the answer, and keeps the connection.
        case stall(Int, headers: [String: String] = [:])
        /// Ends the connection in the middle of the answer.
        case half
        /// Ends the connection without an answer.
        case silentEnd
    }

    /// Where it listens.
    public let port: Int
    private let channel: any Channel
    private let state: Script

    /// Gives these answers one after the other, and then always `last`.
    public init(port: Int? = nil, _ answers: [Answer] = [], last: Answer = .status(200)) async throws {
        let state = Script(answers, last)
        let port = try port ?? freePort()
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Answering(state))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        self.port = port
        self.state = state
    }

    deinit { channel.close(promise: nil) }

    /// Takes no more connections.
    public func stop() async throws { try await channel.close() }

    /// Everything that arrived, in order.
    public var requests: [Request] { state.requests }

    /// Waits until so many requests have arrived, and returns them.
    public func requests(_ count: Int) async throws -> [Request] {
        try await eventually("\(count) requests arrived, not \(requests.count)") { requests.count >= count }
        return requests
    }

    /// Ends the connections that hang.
    public func release() { state.release() }

    /// The URL of a path on this server.
    public func url(_ path: String = "/") -> String { "http://127.0.0.1:\(port)\(path)" }

    /// What to answer, and what arrived.
    private final class Script: Sendable {
        private let state: Mutex<(answers: ArraySlice<Answer>, requests: [Request])>
        private let last: Answer
        private let hanging = Mutex<[any Channel]>([])

        init(_ answers: [Answer], _ last: Answer) {
            state = Mutex((answers[...], []))
            self.last = last
        }

        var requests: [Request] { state.withLock { $0.requests } }

        func hang(_ channel: any Channel) { hanging.withLock { $0.append(channel) } }

        func release() { for channel in hanging.withLock({ $0 }) { channel.close(promise: nil) } }

        func answer(_ request: Request) -> Answer {
            state.withLock { state in
                state.requests.append(request)
                return state.answers.popFirst() ?? last
            }
        }
    }

    /// One connection.
    private final class Answering: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let state: Script
        private var head: HTTPRequestHead?
        private var body: [UInt8] = []

        init(_ state: Script) { self.state = state }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): (self.head, body) = (head, [])
            case .body(let bytes): body += bytes.readableBytesView
            case .end: answer(context)
            }
        }

        private func answer(_ context: ChannelHandlerContext) {
            guard let head else { return }
            let headers = Dictionary(head.headers.map { ($0.name.lowercased(), $0.value) }) { $1 }
            switch state.answer(
                Request(method: head.method.rawValue, path: head.uri, headers: headers, body: body))
            {
            case .hang: state.hang(context.channel)
            case .stall(let code, let more): _ = begin(code, more, context)
            case .half:
                let channel = context.channel
                begin(200, [:], context).whenComplete { _ in channel.close(promise: nil) }
            case .silentEnd: context.close(promise: nil)
            case .status(let code, let more, let text):
                var answer = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: code))
                for (name, value) in more { answer.headers.add(name: name, value: value) }
                answer.headers.add(name: "Content-Length", value: "\(text.utf8.count)")
                answer.headers.add(name: "Connection", value: "close")
                context.write(wrapOutboundOut(.head(answer)), promise: nil)
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
                let channel = context.channel
                context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
            }
        }

        /// Sends the head and some of the body, of a length that is never reached.
        private func begin(
            _ code: Int, _ headers: [String: String], _ context: ChannelHandlerContext
        ) -> EventLoopFuture<Void> {
            var answer = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: code))
            for (name, value) in headers { answer.headers.add(name: name, value: value) }
            answer.headers.add(name: "Content-Length", value: "100")
            context.write(wrapOutboundOut(.head(answer)), promise: nil)
            return context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: "half")))))
        }
    }
}
