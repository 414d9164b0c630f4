import NIOCore
import NIOPosix
import ServiceLifecycle

/// Serves the clients of one bound socket until the daemon ends.
struct Listener: Sendable {
    /// The socket, which ``serve(_:to:ending:)`` closes.
    let descriptor: CInt
    /// How many clients are served at once.
    let limit: Int
    /// How long a client may take to read what is left once the daemon ends.
    let grace: TimeAmount

    /// Accepts clients, each made ready by `prepare` and then given to `attend` with its place, nil where there was no room. When the
    /// daemon ends, no more are accepted and `end` is called; returns when every client is gone.
    ///
    /// `prepare` wraps the channel in its event loop and does nothing that could fail after that: a wrapped channel that
    /// nobody attends to ends the process.
    func serve<Inbound: Sendable, Outbound: Sendable>(
        _ prepare: @escaping @Sendable (any Channel) -> EventLoopFuture<NIOAsyncChannel<Inbound, Outbound>>,
        to attend: @escaping @Sendable (NIOAsyncChannel<Inbound, Outbound>, Seats.Seat?) async throws -> Void,
        ending end: @Sendable () -> Void = {}
    ) async throws {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            // Nothing is read before somebody is there to take it. Until then a channel may be dropped at any moment.
            .childChannelOption(.autoRead, value: false)
            // Who has asked may close that direction, as `nc -N` does, and still gets the answer.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .bind(descriptor) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(EarlyReads())
                    return channel
                }
            }
        let seats = Seats(limit)
        try await withGracefulShutdownHandler {
            try await server.executeThenClose { channels in
                try await withThrowingDiscardingTaskGroup { group in
                    for try await channel in channels {
                        let seat = seats.take(for: channel)
                        group.addTask {
                            // A client that fails, or goes away, is its own business.
                            try? await withGracefulShutdownHandler {
                                try await attend(begin(channel, prepare), seat)
                            } onGracefulShutdown: {
                                channel.eventLoop.scheduleTask(in: grace) { channel.close(promise: nil) }
                            }
                            seat?.leave()
                        }
                    }
                    end()
                }
            }
        } onGracefulShutdown: {
            // The stream hands out what has been accepted, and ends.
            server.channel.close(promise: nil)
        }
    }

    /// The channel made ready, and read from now on.
    private func begin<Inbound: Sendable, Outbound: Sendable>(
        _ channel: any Channel,
        _ prepare: @escaping @Sendable (any Channel) -> EventLoopFuture<NIOAsyncChannel<Inbound, Outbound>>
    ) async throws -> NIOAsyncChannel<Inbound, Outbound> {
        do {
            return try await channel.eventLoop.flatSubmit {
                prepare(channel).map { client in
                    // Of a channel that is closed meanwhile nothing is to be read.
                    try? channel.syncOptions?.setOption(.autoRead, value: true)
                    let pipeline = channel.pipeline.syncOperations
                    if let early = try? pipeline.context(handlerType: EarlyReads.self) {
                        pipeline.removeHandler(context: early, promise: nil)
                    }
                    return client
                }
            }.get()
        } catch {
            channel.close(promise: nil)
            throw error
        }
    }
}
