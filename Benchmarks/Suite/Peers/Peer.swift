import Foundation
import TestSupport

/// A program that brings files from one side to the other: SaveFerry itself, and each of those it is measured against.
protocol Peer: Sendable {
    /// Short and unique, as tables and JSON name it.
    var name: String { get }
    /// What it is called with, in words for the table.
    var note: String { get }
    /// Programs on PATH without which it is missing.
    var programs: [String] { get }
    /// Prints its version, on its first line.
    var versionCommand: [String] { get }
    /// Whether it waits a round trip or more for each file.
    var isSequential: Bool { get }
    /// Whether it can do this at all.
    func can(_ action: Errand.Action) -> Bool
    /// Makes what must be there before the timed command. Not timed.
    func prepare(_ errand: Errand) async throws
    /// Lets what it learnt about files count, where it trusts that only after a while. Not timed.
    func settle(_ errand: Errand) async throws
    /// The command that is timed.
    func command(_ errand: Errand) throws -> Invocation
    /// Throws unless everything arrived. `changes` files changed since the first pull, `changed` last.
    func verify(_ errand: Errand, changes: Int, changed: String?) async throws
}

extension Peer {
    var isSequential: Bool { false }

    func can(_ action: Errand.Action) -> Bool { true }

    func prepare(_ errand: Errand) async throws {}

    func settle(_ errand: Errand) async throws {}

    func verify(_ errand: Errand, changes: Int, changed: String?) async throws {
        let target = errand.action == .push ? errand.remote : errand.local
        try FileCount(target).expect(files: errand.data.count, bytes: errand.data.count * errand.data.size)
        guard let changed else { return }
        guard FileManager.default.contentsEqual(atPath: errand.remote + changed, andPath: errand.local + changed) else {
            throw BenchError("\(changed) did not arrive")
        }
    }

    /// Its version, or nil when it is not installed.
    func version() async throws -> String? {
        for program in programs {
            guard try await Command.run("which", [program]).status == 0 else { return nil }
        }
        let answer = try await Command.run(versionCommand[0], Array(versionCommand.dropFirst()))
        let lines = (answer.output + answer.errorOutput).split(separator: "\n")
        return lines.first.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
    }
}

/// What SaveFerry is measured against; `programs` is where those of this package are.
func otherPeers(_ programs: String) -> [any Peer] {
    [
        Tar(), Rsync(), OpenSSHSFTP(), Rclone(), Bisync(), Unison(),
        SequentialLoop(program: "\(programs)/sequential-sftp"),
    ]
}
