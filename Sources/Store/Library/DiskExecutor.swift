import Dispatch

/// Runs an actor's jobs one after the other on threads that may block, so that its file calls never block Swift's
/// cooperative pool.
///
/// Those threads are a pool that all of these share, as many as the machine has cores: a queue with no target would wake
/// up, and sooner or later make, a thread of its own each time.
final class DiskExecutor: SerialExecutor {
    private let queue = DispatchQueue(label: "saveferry.disk", target: .global(qos: .userInitiated))

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        UnownedSerialExecutor(ordinary: self)
    }
}
