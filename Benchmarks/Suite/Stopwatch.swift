import Foundation
import TestSupport

/// Runs a command and measures its whole tree of processes.
///
/// The command runs under time(1), a small program: a process begins with its parent's peak memory (getrusage(2)), and
/// that of this one would be counted. Processor time is taken from wait4(2), which has microseconds.
enum Stopwatch {
    /// Runs it once, at most for `limit` seconds. What others wrote before is on the disk by then.
    static func time(_ invocation: Invocation, over link: Link?, limit: Double) async throws -> Sample {
        let folder = try TemporaryFolder()
        let before = try await link?.traffic()
        let ending = try await run(invocation, in: folder, limit: limit)
        let after = try await link?.traffic()
        let output = String(decoding: (folder.read("output") ?? []).suffix(2000), as: UTF8.self)
        guard ending.status == 0 else { throw BenchError("exit status \(ending.status): \(output)") }
        let report = String(decoding: folder.read("time") ?? [], as: UTF8.self)
        guard let kilobytes = report.split(separator: "\n").last.flatMap({ Int($0) }) else {
            throw BenchError("time(1) printed \(report)")
        }
        return Sample(
            wallSeconds: ending.wall, cpuSeconds: ending.cpu, peakBytes: kilobytes << 10,
            sentBytes: (after?.sent ?? 0) - (before?.sent ?? 0),
            receivedBytes: (after?.received ?? 0) - (before?.received ?? 0),
            connections: (after?.connections ?? 0) - (before?.connections ?? 0))
    }

    private struct Ending {
        let status: Int32
        let wall: Double
        let cpu: Double
    }

    private static func run(
        _ invocation: Invocation, in folder: TemporaryFolder, limit: Double
    ) async throws -> Ending {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try wait(invocation, in: folder, limit: limit) })
            }
        }
    }

    /// Blocks until it has ended; on a thread of its own.
    private static func wait(_ invocation: Invocation, in folder: TemporaryFolder, limit: Double) throws -> Ending {
        sync()
        let start = ContinuousClock.now
        let command = ["timeout", "\(Int(limit))", invocation.executable] + invocation.arguments
        let pid = try spawn(
            "/usr/bin/time", ["-f", "%M", "-o", folder("time")] + command, environment: invocation.environment
        ) { actions in
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
            posix_spawn_file_actions_addopen(&actions, 1, folder("output"), O_WRONLY | O_CREAT | O_APPEND, 0o600)
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        }
        var status: Int32 = 0
        var usage = rusage()
        while wait4(pid, &status, 0, &usage) < 0, errno == EINTR {}
        let wall = start.duration(to: .now) / .seconds(1)
        let cpu = [usage.ru_utime, usage.ru_stime].map { Double($0.tv_sec) + Double($0.tv_usec) / 1e6 }.reduce(0, +)
        return Ending(
            status: status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f), wall: wall, cpu: cpu)
    }
}
