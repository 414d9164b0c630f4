import NIOCore

extension EventLoopFuture where Value: Sendable {
    /// What comes within `limit`; nil when nothing does, and at once when the task is cancelled.
    func value(within limit: Duration) async -> Value? {
        let answer = eventLoop.makePromise(of: Value.self)
        cascade(to: answer)
        let timer = eventLoop.scheduleTask(in: TimeAmount(limit)) {
            answer.fail(ChannelError.connectTimeout(TimeAmount(limit)))
        }
        defer { timer.cancel() }
        return await withTaskCancellationHandler {
            try? await answer.futureResult.get()
        } onCancel: {
            answer.fail(CancellationError())
        }
    }
}
