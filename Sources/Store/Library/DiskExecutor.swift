import Dispatch

/// Runs an actor on a thread of its own, so that its file calls never block Swift's cooperative pool.
final class DiskExecutor: SerialExecutor {
    private let queue = DispatchQueue(label: "saveferry.disk", qos: .userInitiated)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        UnownedSerialExecutor(ordinary: self)
    }
}
