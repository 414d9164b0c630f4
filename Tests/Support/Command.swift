import Foundation

/// A program that was run to its end.
public struct Command: Sendable {
    /// Exit status, or 128 plus the signal that ended it.
    public let status: Int32
    /// Its standard output.
    public let output: String
    /// Its standard error.
    public let errorOutput: String

    /// Runs `executable` (a path, or a name on PATH) and waits for it; throws when it takes longer than any working
    /// machine needs, with what it wrote until then.
    ///
    /// Its streams are files: a pipe would end only when every process that inherited it has ended too.
    public static func run(
        _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:], input: String = "",
        within seconds: Double = 300
    ) async throws -> Command {
        let streams = try TemporaryFolder()
        try streams.write(input, to: "input")
        let pid = try spawn("/usr/bin/env", [executable] + arguments, environment: environment) { actions in
            posix_spawn_file_actions_addopen(&actions, 0, streams("input"), O_RDONLY, 0)
            for (standard, name) in [(Int32(1), "output"), (2, "errors")] {
                posix_spawn_file_actions_addopen(
                    &actions, standard, streams(name), O_WRONLY | O_CREAT | O_APPEND, 0o600)
            }
        }
        let isLate = await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await end(of: pid)
                return false
            }
            group.addTask {
                guard (try? await Task.sleep(for: .seconds(seconds))) != nil else { return false }
                kill(pid, SIGKILL)
                return true
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        let text = { (name: String) in String(decoding: streams.read(name) ?? [], as: UTF8.self) }
        if isLate {
            throw TimedOut(what: "\(executable) \(arguments) ends; it wrote: \(text("output"))\(text("errors"))")
        }
        return Command(
            status: status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f), output: text("output"),
            errorOutput: text("errors"))
    }

    /// Waits until the process has ended and leaves its status to be asked for: its number can't go to another one before.
    private static func end(of pid: pid_t) async {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                var information = siginfo_t()
                while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
                continuation.resume()
            }
        }
    }
}
