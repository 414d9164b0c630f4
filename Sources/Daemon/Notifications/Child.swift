import CLinux
import Foundation
import Glibc

/// A process in a group of its own. Its standard input is a file in memory, its standard output goes nowhere, and of its
/// standard error the end is kept. To be reaped when it has ended.
final class Child {
    private let pid: pid_t
    private let errors: Int32
    private var tail: [UInt8] = []

    /// How much of its standard error is kept, in bytes.
    private static let mostKept = 4 << 10

    /// Done once: where whoever started us ignored SIGCHLD, a child that ended would leave nothing to wait for (wait(2)).
    private static let keepsEnded: Void = {
        _ = Glibc.signal(SIGCHLD, SIG_DFL)
    }()

    /// Starts it by posix_spawn(3).
    init(_ words: [String], input: Data, environment: [String: String]) throws(SpawnFailure) {
        Child.keepsEnded
        let inputFile = saveferry_memory_file("saveferry-notice")
        guard inputFile >= 0 else { throw SpawnFailure(errno) }
        defer { close(inputFile) }
        let written = input.withUnsafeBytes { pwrite(inputFile, $0.baseAddress, $0.count, 0) }
        guard written == input.count else { throw SpawnFailure(EIO) }
        var pipes: [Int32] = [-1, -1]
        guard saveferry_pipe(&pipes) == 0 else { throw SpawnFailure(errno) }
        // Only our end: the program's writes wait as usual.
        _ = fcntl(pipes[0], F_SETFL, O_NONBLOCK)
        defer { close(pipes[1]) }

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, inputFile, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, pipes[1], 2)
        saveferry_close_others(&actions)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A new group, and no signal blocked or ignored as ours are (posix_spawnattr_setflags(3)).
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        let argv = words.map { strdup($0) } + [nil]
        let envp = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in argv + envp { free(text) } }
        var pid: pid_t = 0
        let code = posix_spawnp(&pid, words.first ?? "", &actions, &attributes, argv, envp)
        guard code == 0 else {
            close(pipes[0])
            throw SpawnFailure(code)
        }
        self.pid = pid
        errors = pipes[0]
    }

    deinit { close(errors) }

    /// Whether it has ended. Reads what it wrote meanwhile, so that it need not wait for us.
    func hasEnded() -> Bool {
        readErrors()
        var information = siginfo_t()
        // Its number stays its own until it is reaped.
        waitid(P_PID, id_t(pid), &information, WEXITED | WNOHANG | WNOWAIT)
        return information.si_signo != 0
    }

    /// Sends a signal to its process group. Not to be called after ``reap()``.
    func signal(_ number: Int32) { kill(-pid, number) }

    /// What waitpid(2) says of its end.
    func reap() -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return status
    }

    /// The last line that it wrote to its standard error.
    func lastLine() -> String {
        readErrors()
        let text = String(decoding: tail, as: UTF8.self)
        return text.split(whereSeparator: \.isNewline).last.map { String($0.prefix(200)) } ?? ""
    }

    private func readErrors() {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        // A pipe holds 64 KiB (pipe(7)): one that is written without an end does not hold us up.
        for _ in 0..<16 {
            let count = read(errors, &buffer, buffer.count)
            guard count > 0 else { return }
            tail = (tail + buffer.prefix(count)).suffix(Child.mostKept)
        }
    }
}

/// Why a program can't be started.
struct SpawnFailure: Error, CustomStringConvertible {
    let code: Int32

    init(_ code: Int32) { self.code = code }

    var description: String { String(cString: strerror(code)) }
}
