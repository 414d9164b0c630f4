import Foundation
import Synchronization

/// A server that a test started, ended by its process id when the last reference goes.
public final class ServerProcess: Sendable {
    /// The process id.
    public let pid: Int32
    /// What waitpid(2) said, once the process has ended.
    private let ending = Mutex<Int32?>(nil)

    /// Starts `executable` with its output going to the file `log`.
    ///
    /// By posix_spawn(3) itself: sshd closes every descriptor that it inherits, which Foundation's `Process` takes for
    /// the end of the program and then waits for it in vain.
    public init(_ executable: String, _ arguments: [String], log: String, environment: [String: String] = [:]) throws {
        pid = try spawn(executable, arguments, environment: environment) { actions in
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
            posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        }
    }

    deinit {
        guard ended() == nil else { return }
        signal(SIGCONT)
        signal(SIGKILL)
        _ = ended(blocking: true)
    }

    /// Waits until the process ends by itself. Returns its exit status, or 128 plus the signal that ended it.
    public func waitForEnd(within seconds: Double = longEnough) async throws -> Int32 {
        var status: Int32 = 0
        try await eventually(within: seconds, "process \(pid) ends") {
            guard let code = ended() else { return false }
            status = code
            return true
        }
        return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
    }

    private func ended(blocking: Bool = false) -> Int32? {
        ending.withLock { ending in
            if let ending { return ending }
            var status: Int32 = 0
            guard waitpid(pid, &status, blocking ? 0 : WNOHANG) == pid else { return nil }
            ending = status
            return status
        }
    }

    /// Sends a signal to the server and to every process that it started; to nobody once it has ended, because its number may be
    /// another process's by then.
    public func signal(_ number: Int32) {
        guard ended() == nil else { return }
        for child in ServerProcess.descendants(of: pid) { kill(child, number) }
        kill(pid, number)
    }

    /// Ends the processes that serve connections, and leaves the one that listens.
    public func endConnections() {
        for child in ServerProcess.descendants(of: pid) { kill(child, SIGKILL) }
    }

    /// Ends every process that this one started, and those that they started.
    public static func endDescendants() {
        for child in descendants(of: getpid()) { kill(child, SIGKILL) }
    }

    /// From now on SIGINT, SIGTERM and SIGHUP end this process and every other that it started, which would outlive it. Holds for
    /// as long as what is returned.
    public static func endDescendantsOnSignals() -> [any DispatchSourceSignal] {
        [SIGINT, SIGTERM, SIGHUP].map { number in
            Foundation.signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler {
                endDescendants()
                exit(1)
            }
            source.resume()
            return source
        }
    }

    private static func descendants(of parent: Int32) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        let pairs = names.compactMap { name -> (child: Int32, parent: Int32)? in
            guard let child = Int32(name),
                let text = try? String(contentsOfFile: "/proc/\(name)/stat", encoding: .utf8),
                let end = text.lastIndex(of: ")")
            else { return nil }
            let fields = text[text.index(after: end)...].split(separator: " ")
            return fields.count > 1 ? Int32(fields[1]).map { (child, $0) } : nil
        }
        var found: [Int32] = []
        var parents: Set<Int32> = [parent]
        while !parents.isEmpty {
            let children = pairs.filter { parents.contains($0.parent) }.map(\.child)
            found += children
            parents = Set(children)
        }
        return found
    }
}
