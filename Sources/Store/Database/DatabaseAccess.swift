/// Lets one task after the other read the database, where it may block: GRDB's own asynchronous reads wake two queues each.
/// Its writes wake one, and end at once when their task is cancelled.
actor DatabaseAccess {
    private nonisolated let disk = DiskExecutor()
    /// The actor runs where file calls do.
    nonisolated var unownedExecutor: UnownedSerialExecutor { disk.asUnownedSerialExecutor() }

    /// What `work` returns. Throws `CancellationError` instead of beginning it for a task that is cancelled.
    func perform<Value: Sendable>(_ work: @Sendable () throws -> Value) throws -> Value {
        try Task.checkCancellation()
        return try work()
    }
}
