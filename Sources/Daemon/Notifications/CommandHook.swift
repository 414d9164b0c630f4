import Foundation
import Planner

/// A program that is started for a notice, without a shell: the notice as JSON on its standard input, and what happened in
/// its environment as `SAVEFERRY_EVENT`. It inherits no secret and no descriptor of ours.
struct CommandHook: Sendable {
    /// The program, by its path or found on PATH, and its arguments.
    let words: [String]
    /// How long it may take, and then how long to end when it is asked to.
    var patience: (toRun: Duration, toEnd: Duration) = (.seconds(30), .seconds(2))

    /// Runs it to its end. One that takes too long is ended with everything in its process group; what another one leaves
    /// running is left alone.
    func run(with notice: Notice) async -> Attempt {
        let environment = CommandHook.environment(ProcessInfo.processInfo.environment, event: notice.kind.rawValue)
        let child: Child
        do { child = try Child(words, input: NoticeDocument(notice).data, environment: environment) } catch {
            return .refused("it can't be started: \(error)")
        }
        let clock = ContinuousClock()
        let start = clock.now
        var asked: (at: ContinuousClock.Instant, isCancelled: Bool)?
        while true {
            if child.hasEnded() {
                if asked != nil { child.signal(SIGKILL) }
                let status = child.reap()
                return attempt(status, wasLate: asked.map { !$0.isCancelled }, child.lastLine())
            }
            let now = clock.now
            if let asked {
                if now - asked.at > patience.toEnd { child.signal(SIGKILL) }
            } else if Task.isCancelled || now - start > patience.toRun {
                child.signal(SIGTERM)
                asked = (now, Task.isCancelled)
            }
            // A descriptor of the process (pidfd_open(2)) could be waited for instead. Looking is enough: what it wrote has to be read
            // meanwhile anyway, and few notices are told.
            let turn = min(.milliseconds(100), max(.milliseconds(5), (now - start) / 10))
            await Task { try? await clock.sleep(for: turn) }.value
        }
    }

    /// - Parameter wasLate: nil where it ended by itself; false where it was ended because nobody waits for it any more.
    private func attempt(_ status: Int32, wasLate: Bool?, _ said: String) -> Attempt {
        let end = said.isEmpty ? "" : ": \(FileName.escaped(said))"
        switch wasLate {
        case true?: return .refused("it was ended, because it took more than \(patience.toRun)\(end)")
        case false?: return .failed("it was ended before it was done\(end)", retryAfter: nil)
        case nil: break
        }
        if status == 0 { return .delivered }
        let how = status & 0x7f == 0 ? "exited \(status >> 8)" : "was ended by signal \(status & 0x7f)"
        return .refused("it \(how)\(end)")
    }

    /// What of our environment a program gets: what we keep to ourselves is what holds or leads to secrets, and what the
    /// service manager gave to us alone.
    static func environment(_ ours: [String: String], event: String) -> [String: String] {
        let mine = ["SAVEFERRY_HOME", "SAVEFERRY_CONFIG", "SAVEFERRY_STATE_DIR", "SAVEFERRY_LIBRARY_DIR"]
        let managers = ["NOTIFY_SOCKET", "WATCHDOG_", "LISTEN_", "CREDENTIALS_DIRECTORY", "SSH_AUTH_SOCK"]
        var passed = ours.filter { name, _ in
            name.hasPrefix("SAVEFERRY_") ? mine.contains(name) : !managers.contains(where: name.hasPrefix)
        }
        passed["SAVEFERRY_EVENT"] = event
        return passed
    }
}
