import Foundation
import TestSupport

/// Runs a command and measures its whole tree of processes, by way of a small program (`Benchmarks/Stopwatch`).
struct Stopwatch {
    let program: String

    /// Runs it once, at most for `limit` seconds. What others wrote before is on the disk by then. Throws unless it ends with
    /// one of `statuses`.
    func time(
        _ invocation: Invocation, over link: Link?, limit: Double, statuses: Set<Int32> = [0]
    ) async throws -> Sample {
        let folder = try TemporaryFolder()
        let before = try await link?.traffic()
        let status = try await run(invocation, in: folder, limit: limit)
        let after = try await link?.traffic()
        let output = String(decoding: (folder.read("output") ?? []).suffix(2000), as: UTF8.self)
        guard statuses.contains(status) else { throw BenchError("exit status \(status): \(output)") }
        let report = String(decoding: folder.read("report") ?? [], as: UTF8.self)
        let numbers = report.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        guard numbers.count == 3 else { throw BenchError("the stopwatch wrote \"\(report)\"") }
        return Sample(
            wallSeconds: numbers[0], cpuSeconds: numbers[1], peakBytes: Int(numbers[2]) << 10,
            sentBytes: (after?.sent ?? 0) - (before?.sent ?? 0),
            receivedBytes: (after?.received ?? 0) - (before?.received ?? 0),
            connections: (after?.connections ?? 0) - (before?.connections ?? 0))
    }

    private func run(_ invocation: Invocation, in folder: TemporaryFolder, limit: Double) async throws -> Int32 {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try wait(invocation, in: folder, limit: limit) })
            }
        }
    }

    /// Blocks until it has ended, and returns its exit status; on a thread of its own.
    private func wait(_ invocation: Invocation, in folder: TemporaryFolder, limit: Double) throws -> Int32 {
        sync()
        let command = ["timeout", "\(Int(limit))", invocation.executable] + invocation.arguments
        let pid = try spawn(program, [folder("report")] + command, environment: invocation.environment) { actions in
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
            posix_spawn_file_actions_addopen(&actions, 1, folder("output"), O_WRONLY | O_CREAT | O_APPEND, 0o600)
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
    }
}
