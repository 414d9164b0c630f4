import Foundation
import TestSupport

/// `saveferry serve`, from start to start, and what it took all the while.
actor Daemon {
    /// From one start to its end.
    struct Life: Codable, Sendable {
        var samples: [Sample] = []
        /// Seconds that it took to end after SIGTERM.
        var endedAfter: Double?
    }

    private let ferry: Ferry
    private let arguments: [String]
    private let began = ContinuousClock.now
    private var process: ServerProcess?
    private(set) var lives: [Life] = []
    private(set) var largestWAL = 0

    init(_ ferry: Ferry, arguments: [String]) {
        self.ferry = ferry
        self.arguments = arguments
    }

    /// Its log, of all lives.
    nonisolated var log: String { ferry.home("serve.log") }

    func start() throws {
        process = try ServerProcess(
            ferry.program, ["serve"] + arguments + ["--home", ferry.home.path], log: log,
            environment: Ferry.environment)
        lives.append(Life())
    }

    /// Throws when it ended though nobody told it to.
    func mustLive() async throws {
        guard let process else { throw SoakError("the daemon does not run") }
        guard let status = try? await process.waitForEnd(within: 0) else { return }
        self.process = nil
        throw SoakError("the daemon ended by itself with \(status); its log is \(log)")
    }

    /// Ends it at once (SIGKILL).
    func kill() async throws {
        sample()
        process?.signal(SIGKILL)
        _ = try await process?.waitForEnd(within: 10)
        process = nil
    }

    /// Asks it to end (SIGTERM), which takes 10 s at most and ends with 0.
    func terminate() async throws {
        guard let process else { return }
        sample()
        let start = ContinuousClock.now
        Glibc.kill(process.pid, SIGTERM)
        let status = try await process.waitForEnd(within: 30)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        lives[lives.count - 1].endedAfter = seconds
        self.process = nil
        guard status == 0, seconds <= 10 else {
            throw SoakError(String(format: "after SIGTERM the daemon ended with %d in %.1f s", status, seconds))
        }
    }

    /// Tells it to read its settings anew.
    func hangUp() {
        if let process { Glibc.kill(process.pid, SIGHUP) }
    }

    /// Takes a sample.
    func sample() {
        largestWAL = max(largestWAL, ferry.stateBytes("saveferry.db-wal"))
        guard let process, let sample = Sample(of: process.pid, at: (ContinuousClock.now - began) / .seconds(1)) else {
            return
        }
        lives[lives.count - 1].samples.append(sample)
    }
}
