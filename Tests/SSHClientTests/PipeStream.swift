import Foundation
import NIOCore
import NIOPosix
import TestSupport

@testable import SSHClient

/// OpenSSH's sftp-server(8) on a socket pair: SFTP without the SSH around it.
///
/// Sendable because what changes is touched on the event loop only, and the process id never changes.
final class PipeStream: ByteStream, @unchecked Sendable {
    let eventLoop: any EventLoop
    let pid: pid_t
    private let channel: any Channel
    private var onBytes: ((ByteBuffer) -> Void)?
    private var onEnd: ((SSHError) -> Void)?

    /// Starts the server with these arguments, for example `-R` or `-P posix-rename`.
    static func start(_ arguments: [String] = []) async throws -> PipeStream {
        let (ours, pid) = try startServer(arguments)
        let handler = Handler()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(handler) }
            }
            .withConnectedSocket(ours).get()
        let stream = PipeStream(channel, pid)
        try await channel.eventLoop.submit { handler.stream = stream }.get()
        return stream
    }

    private init(_ channel: any Channel, _ pid: pid_t) {
        self.channel = channel
        self.pid = pid
        eventLoop = channel.eventLoop
    }

    deinit {
        channel.close(promise: nil)
        kill(pid, SIGKILL)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
    }

    private static func startServer(_ arguments: [String]) throws -> (socket: Int32, pid: pid_t) {
        let pair = try connectedPair()
        // Only the server may hold its end, or it would not see ours close.
        defer { Glibc.close(pair.theirs) }
        let pid = try spawn("/usr/lib/openssh/sftp-server", arguments) { actions in
            for standard in [Int32(0), 1] { posix_spawn_file_actions_adddup2(&actions, pair.theirs, standard) }
        }
        return (pair.ours, pid)
    }

    /// How many files and directories below `folder` the server has open; nil for ordinary users, from whom sftp-server
    /// hides that (prctl(2), PR_SET_DUMPABLE).
    func openFiles(in folder: String) -> Int? {
        let files = FileManager.default
        guard let names = try? files.contentsOfDirectory(atPath: "/proc/\(pid)/fd") else { return nil }
        return names.count {
            (try? files.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/\($0)"))?.hasPrefix(folder) == true
        }
    }

    // MARK: ByteStream

    func write(_ append: (inout ByteBuffer) -> Void) {
        var bytes = ByteBuffer()
        append(&bytes)
        channel.writeAndFlush(bytes, promise: nil)
    }

    func listen(onBytes: @escaping (ByteBuffer) -> Void, onEnd: @escaping (SSHError) -> Void) {
        self.onBytes = onBytes
        self.onEnd = onEnd
    }

    func setAwaitingAnswer(_ isAwaiting: Bool) {}

    func fail(_ error: SSHError) { end(error) }

    func close() { end(SSHError(.cancelled, "the pipe was closed")) }

    private func end(_ error: SSHError) {
        eventLoop.preconditionInEventLoop()
        let listener = onEnd
        (onBytes, onEnd) = (nil, nil)
        channel.close(promise: nil)
        listener?(error)
    }

    /// Sendable because it stays on the channel's event loop once it was added there.
    private final class Handler: ChannelInboundHandler, @unchecked Sendable {
        typealias InboundIn = ByteBuffer
        weak var stream: PipeStream?

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            stream?.onBytes?(unwrapInboundIn(data))
        }

        func channelInactive(context: ChannelHandlerContext) {
            stream?.end(SSHError(.disconnected, "the server ended"))
        }
    }
}
