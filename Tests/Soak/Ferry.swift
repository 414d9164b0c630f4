import Foundation
import TestSupport

/// The program that is soaked, with a home of its own.
struct Ferry: Sendable {
    let program: String
    let home: TemporaryFolder

    /// Makes the home: the user's key, and these lines as settings.
    init(program: String, settings: [String]) throws {
        self.program = program
        home = try TemporaryFolder()
        try home.write(SSHKeys.shared.privateText("user"), to: "keys/id_ed25519", mode: 0o600)
        // Never empty: the program takes that for a file that lost its settings.
        try home.write((["# Settings of the soak"] + settings).map { $0 + "\n" }.joined(), to: "saveferry.yaml")
    }

    /// No agent of the user's takes part.
    static let environment = ["SSH_AUTH_SOCK": ""]

    /// Runs `saveferry WORDS --home HOME`.
    func run(_ words: [String], within seconds: Double = 300) async throws -> Command {
        try await Command.run(
            program, words + ["--home", home.path], environment: Ferry.environment, within: seconds)
    }

    /// The same for what has to succeed.
    @discardableResult
    func mustRun(_ words: String...) async throws -> String {
        let result = try await run(words)
        guard result.status == 0 else {
            throw SoakError("saveferry \(words.joined(separator: " ")): exit \(result.status): \(result.errorOutput)")
        }
        return result.output
    }

    /// What the database answers to one query.
    func rows<Row: Decodable>(_ query: String) async throws -> [Row] {
        let answer = try await Command.run(
            "sqlite3", ["-readonly", "-json", "-cmd", ".timeout 10000", home("state/saveferry.db"), query])
        guard answer.status == 0 else { throw SoakError("sqlite3: \(answer.errorOutput)") }
        guard !answer.output.isEmpty else { return [] }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode([Row].self, from: Data(answer.output.utf8))
    }

    /// Bytes in the files of the state directory whose names begin so.
    func stateBytes(_ prefix: String = "") -> Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: home("state"))) ?? []
        return names.filter { $0.hasPrefix(prefix) }.reduce(0) { sum, name in
            let size = try? FileManager.default.attributesOfItem(atPath: home("state/\(name)"))[.size] as? Int
            return sum + (size ?? 0)
        }
    }
}
