import Foundation
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Orchestrator
import ServiceLifecycle
import Store

/// Answers `GET /metrics` and `GET /healthz` on a port of the loopback interface.
struct MetricsEndpoint: Service {
    private typealias Client = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

    private let listener: Listener
    private let counts: SessionCounts
    private let store: Store
    private let version: String
    private let health: Health
    /// Where it listens, with the port that the system chose for port 0.
    let address: LoopbackAddress

    private static let clients = 32
    /// For the first request to arrive, and then from one to the end of the next.
    private let patience: (first: TimeAmount, next: TimeAmount)
    /// Bytes of a request's header lines.
    private static let headerLimit = 16 << 10

    /// Binds the port; from now on clients can connect, and are served once ``run()`` is called.
    ///
    /// - Parameter outlook: what the scheduler knows; asked at each request.
    init(
        _ address: LoopbackAddress, counts: SessionCounts, store: Store, vitals: Vitals, version: String,
        outlook: @escaping @Sendable () async -> [DeviceOutlook],
        patience: (first: TimeAmount, next: TimeAmount) = (.seconds(10), .seconds(60))
    ) throws(ListenError) {
        let descriptor = try BoundSocket.loopback(address)
        self.address = address.withPort(of: descriptor)
        listener = Listener(descriptor: descriptor, limit: MetricsEndpoint.clients, grace: .zero)
        self.counts = counts
        self.store = store
        self.version = version
        self.patience = patience
        health = Health(store: store, vitals: vitals, outlook: outlook)
    }

    /// Serves requests until the daemon ends.
    func run() async throws {
        try await listener.serve { channel in
            channel.eventLoop.makeCompletedFuture { try MetricsEndpoint.prepare(channel) }
        } to: { client, seat in
            // An answer before there is a question would be none.
            guard let seat else { return try await client.executeThenClose { _, _ in } }
            try await attend(client, in: seat)
        }
    }

    private static func prepare(_ channel: any Channel) throws -> Client {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = headerLimit
        limits.maxHeaderListSize = headerLimit
        let pipeline = channel.pipeline.syncOperations
        try pipeline.configureHTTPServerPipeline(
            withEncoderConfiguration: .init(), withDecoderLimitConfiguration: limits)
        return try Client(wrappingChannelSynchronously: channel)
    }

    /// One request after the other, as long as the client keeps the connection; a request's body is read past.
    private func attend(_ client: Client, in seat: Seats.Seat) async throws {
        func limit(_ time: TimeAmount) -> Scheduled<Void> {
            client.channel.eventLoop.scheduleTask(in: time) { client.channel.close(promise: nil) }
        }
        var timer = limit(patience.first)
        defer { timer.cancel() }
        try await client.executeThenClose { inbound, outbound in
            var request: HTTPRequestHead?
            for try await part in inbound {
                switch part {
                case .head(let head): request = head
                case .body: continue
                case .end:
                    guard let head = request else { return }
                    seat.asked()
                    timer.cancel()
                    timer = limit(patience.next)
                    try await answer(to: head).write(to: outbound, for: head)
                    seat.answered()
                    guard head.isKeepAlive else { return }
                }
            }
        }
    }

    private func answer(to request: HTTPRequestHead) async -> Answer {
        guard request.isByAddress else {
            return Answer(.misdirectedRequest, "ask by address, such as http://\(address)/metrics, or as localhost\n")
        }
        guard ["/metrics", "/healthz"].contains(request.path) else {
            return Answer(.notFound, "there is /metrics and /healthz\n")
        }
        guard [.GET, .HEAD].contains(request.method) else {
            return Answer(.methodNotAllowed, "GET and HEAD only\n", headers: ["Allow": "GET, HEAD"])
        }
        return request.path == "/healthz" ? await healthAnswer() : await metricsAnswer()
    }

    private func healthAnswer() async -> Answer {
        if let problem = await health.problem() { return Answer(.serviceUnavailable, "\(problem)\n") }
        return Answer(.ok, "ok\n")
    }

    private func metricsAnswer() async -> Answer {
        do {
            let metrics = DaemonMetrics(
                version: version, counts: counts.devices, devices: try await store.status(),
                outlook: await health.outlook(), process: .now())
            return Answer(
                .ok, metrics.text, headers: ["Content-Type": "text/plain; version=0.0.4; charset=utf-8"])
        } catch {
            return Answer(.serviceUnavailable, "the database can't be read: \(error)\n")
        }
    }
}

/// What one request gets.
private struct Answer {
    let status: HTTPResponseStatus
    let body: ByteBuffer
    var headers: HTTPHeaders

    init(_ status: HTTPResponseStatus, _ text: String, headers: HTTPHeaders = [:]) {
        self.status = status
        body = ByteBuffer(string: text)
        self.headers = headers
        self.headers.add(name: "Content-Length", value: "\(body.readableBytes)")
        if !headers.contains(name: "Content-Type") {
            self.headers.add(name: "Content-Type", value: "text/plain; charset=utf-8")
        }
    }

    /// Without the body for HEAD (RFC 9110, section 9.3.2).
    func write(
        to outbound: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>,
        for request: HTTPRequestHead
    ) async throws {
        var headers = headers
        if !request.isKeepAlive { headers.replaceOrAdd(name: "Connection", value: "close") }
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        var parts: [HTTPServerResponsePart] = [.head(head)]
        if request.method != .HEAD { parts.append(.body(.byteBuffer(body))) }
        try await outbound.write(contentsOf: parts + [.end(nil)])
    }
}

extension HTTPRequestHead {
    /// What is asked for, without a query.
    fileprivate var path: Substring { uri.prefix { $0 != "?" } }

    /// Whether it came by an address or as localhost. By any other name it may be the page of a stranger that asks, in a browser on
    /// this machine (DNS rebinding).
    fileprivate var isByAddress: Bool {
        guard let host = headers.first(name: "Host") else { return true }
        let name = host.hasPrefix("[") ? host.dropFirst().prefix { $0 != "]" } : host.prefix { $0 != ":" }
        return name.lowercased() == "localhost" || (try? SocketAddress(ipAddress: String(name), port: 0)) != nil
    }
}
