/// Lets one task after the other use a connection to the database, where it may block. GRDB's own asynchronous calls wake
/// two queues each time.
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
