import Foundation
import Logging
import NIOCore
import NIOPosix
import Orchestrator
import ServiceLifecycle

/// Answers other processes of the same user by a socket in the state directory: what the daemon does, and the events.
///
/// A client writes one ``ControlRequest`` as a line of JSON and reads lines of JSON. Nothing that it does keeps the daemon
/// waiting: who reads slowly loses events, who asks for nothing is sent away.
struct ControlSocket: Service {
    private let stateDirectory: String
    private let listener: Listener
    private let journal: EventJournal
    private let report: @Sendable () async -> DaemonReport
    private let logger: Logger

    private static let clients = 64
    /// For the request to arrive, and for the last events to be read once the daemon ends.
    private static let patience: (request: TimeAmount, ending: TimeAmount) = (.seconds(5), .seconds(1))

    /// Binds the socket; from now on clients can connect, and are served once ``run()`` is called.
    ///
    /// - Parameter outlook: what the scheduler knows; asked at each request.
    init(
        stateDirectory: String, journal: EventJournal, version: String, since: Date,
        outlook: @escaping @Sendable () async -> [DeviceOutlook], logger: Logger
    ) throws(ListenError) {
        self.stateDirectory = stateDirectory
        listener = Listener(
            descriptor: try BoundSocket.local(in: stateDirectory), limit: ControlSocket.clients,
            grace: ControlSocket.patience.ending)
        self.journal = journal
        self.logger = logger
        report = {
            DaemonReport(
                pid: ProcessInfo.processInfo.processIdentifier, since: since, version: version,
                devices: await outlook().map { DaemonReport.DeviceLine($0) })
        }
    }

    /// Serves clients until the daemon ends; then followers get the last events.
    func run() async throws {
        try await listener.serve { channel in
            PeerCredentials.of(channel).flatMapThrowing { peer in
                guard peer.isTrusted else { throw IOError(errnoCode: EACCES, reason: "another user") }
                return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
            }
        } to: { client, seat in
            try await attend(client, in: seat)
        } ending: {
            journal.finish()
        }
        unlink(SocketPath.file(in: stateDirectory))
    }

    private func attend(_ client: NIOAsyncChannel<ByteBuffer, ByteBuffer>, in seat: Seats.Seat?) async throws {
        let limit = client.channel.eventLoop.scheduleTask(in: ControlSocket.patience.request) {
            client.channel.close(promise: nil)
        }
        try await client.executeThenClose { inbound, _ in
            // Kept to the end: without a reader, nobody would see that the client is gone.
            var bytes = inbound.makeAsyncIterator()
            var lines = LineSplitter(longest: ControlRequest.longest)
            var line: [UInt8]?
            while line == nil, !lines.isOverlong, let next = try await bytes.next() {
                line = lines.add(next.readableBytesView).first
            }
            limit.cancel()
            guard let seat else {
                return try await refuse(
                    "\(ControlSocket.clients) clients are connected already; try again later", client)
            }
            guard let line, let request = try? JSONLine.read(ControlRequest.self, from: line) else {
                logger.debug("a client of the socket asked for what there is not")
                return try await refuse(
                    "expected one line of at most \(ControlRequest.longest) bytes, "
                        + "{\"request\":\"status\"} or {\"request\":\"events\"}", client)
            }
            seat.asked()
            switch request {
            case .status: try await write(JSONLine.text(await report()), to: client)
            case .events(let devices, let follow):
                try await tell(devices.map(Set.init), follow: follow, to: client)
            }
            withExtendedLifetime(bytes) {}
        }
    }

    private func tell(
        _ devices: Set<String>?, follow: Bool, to client: NIOAsyncChannel<ByteBuffer, ByteBuffer>
    ) async throws {
        let (soFar, reader) = journal.read(of: devices)
        if !follow { reader.finish() }
        client.channel.closeFuture.whenComplete { _ in reader.finish() }
        for event in soFar { try await write(EventLine.text(event), to: client) }
        for await event in reader.events {
            let lost = reader.takeLost()
            if lost > 0 { try await write(Array("{\"count\":\(lost),\"event\":\"lost\"}".utf8), to: client) }
            try await write(EventLine.text(event), to: client)
        }
    }

    private func refuse(_ reason: String, _ client: NIOAsyncChannel<ByteBuffer, ByteBuffer>) async throws {
        try await write(JSONLine.text(ControlRefusal(error: reason)), to: client)
    }

    /// Returns when the system has taken the line.
    private func write(_ line: [UInt8], to client: NIOAsyncChannel<ByteBuffer, ByteBuffer>) async throws {
        try await client.channel.writeAndFlush(ByteBuffer(bytes: line + [UInt8(ascii: "\n")])).get()
    }
}

/// Who is at the other end of a local socket, as `SO_PEERCRED` tells it (`struct ucred`, unix(7)).
private struct PeerCredentials: Sendable {
    var pid: Int32 = 0
    var user: UInt32 = 0
    var group: UInt32 = 0

    static func of(_ channel: any Channel) -> EventLoopFuture<PeerCredentials> {
        guard let options = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
        }
        return options.unsafeGetSocketOption(level: .socket, name: .init(rawValue: SO_PEERCRED))
    }

    var isTrusted: Bool { user == geteuid() || user == 0 }
}
