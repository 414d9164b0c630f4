import Foundation
import NIOCore
import NIOPosix

/// Another process's way to the daemon that uses the same state directory.
public struct ControlClient: Sendable {
    private let stateDirectory: String

    /// Bytes that an answer's line has at most.
    private static let longestLine = 4 << 20

    /// A client of the daemon that uses this state directory.
    public init(stateDirectory: String) {
        self.stateDirectory = stateDirectory
    }

    /// What the daemon does right now. Gives up when it has not begun to answer after `limit`.
    public func status(within limit: Duration) async throws(ControlError) -> DaemonReport {
        var report: DaemonReport?
        try await ask(.status, within: limit) { line in report = try JSONLine.read(DaemonReport.self, from: line) }
        guard let report else { throw .silent }
        return report
    }

    /// Gives `handle` the last events as lines of JSON without their ends, oldest first, and with `follow` also those to come,
    /// until the daemon ends; without it, gives up when it has not begun to answer after `limit`. ``ControlError/unread`` is for
    /// `handle` to end it.
    public func events(
        of devices: [String], follow: Bool, within limit: Duration = .seconds(5),
        _ handle: @Sendable ([UInt8]) throws -> Void
    ) async throws(ControlError) {
        try await ask(
            .events(devices: devices.isEmpty ? nil : devices, follow: follow),
            within: follow ? nil : limit,
            handle)
    }

    private func ask(
        _ request: ControlRequest, within limit: Duration?, _ handle: ([UInt8]) throws -> Void
    ) async throws(ControlError) {
        let line = JSONLine.text(request) + [UInt8(ascii: "\n")]
        guard line.count <= ControlRequest.longest else { throw .refused("these are too many devices for one request") }
        let socket = try await connect()
        let channel = socket.channel
        let timer = limit.map { limit in
            channel.eventLoop.scheduleTask(in: TimeAmount(limit)) {
                channel.pipeline.fireErrorCaught(ControlError.silent)
                channel.close(promise: nil)
            }
        }
        defer { timer?.cancel() }
        do {
            try await socket.executeThenClose { inbound, outbound in
                try await outbound.write(ByteBuffer(bytes: line))
                var lines = LineSplitter(longest: ControlClient.longestLine)
                for try await bytes in inbound {
                    timer?.cancel()
                    for line in lines.add(bytes.readableBytesView) {
                        if let refusal = try? JSONLine.read(ControlRefusal.self, from: line) {
                            throw ControlError.refused(refusal.error)
                        }
                        try handle(line)
                    }
                    guard !lines.isOverlong else { throw ControlError.refused("its answer is not what was asked for") }
                }
            }
        } catch let error as ControlError {
            throw error
        } catch is ChannelError {
            throw .silent
        } catch {
            throw .refused("\(error)")
        }
    }

    private func connect() async throws(ControlError) -> NIOAsyncChannel<ByteBuffer, ByteBuffer> {
        let path: SocketPath
        do { path = try SocketPath(in: stateDirectory) } catch { throw .absent }
        defer { withExtendedLifetime(path) {} }
        do {
            return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.seconds(1))
                .connect(to: SocketAddress(path.address)) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                    }
                }
        } catch let error as IOError where [ENOENT, ECONNREFUSED].contains(error.errnoCode) {
            throw .absent
        } catch let error as IOError where [EACCES, EPERM].contains(error.errnoCode) {
            throw .refused("its socket belongs to another user")
        } catch let error as IOError where error.errnoCode == EAGAIN {
            // As many wait already as it lets wait (connect(2)).
            throw .silent
        } catch is ChannelError {
            throw .silent
        } catch {
            throw .refused("\(error)")
        }
    }
}

/// Why the daemon gave no answer.
public enum ControlError: Error, Equatable, Sendable, CustomStringConvertible {
    /// No daemon uses this state directory.
    case absent
    /// It did not answer in time, or went away.
    case silent
    /// The lines go to nobody any more.
    case unread
    /// It, or this side, would not.
    case refused(String)

    /// What happened, and what to do about it.
    public var description: String {
        switch self {
        case .absent: "no daemon is running; start one with `saveferry serve`"
        case .silent: "the daemon does not answer"
        case .unread: "nobody reads the daemon's answer"
        case .refused(let reason): "the daemon can't be asked: \(reason)"
        }
    }
}
