import Foundation
import TestSupport
import Testing

/// The built program with a home of its own, and one pretend handheld behind a real sshd.
final class Installation: Sendable {
    let home: TemporaryFolder
    let server: OpenSSHServer
    /// Holds `gba`, the handheld's save directory.
    let handheld: TemporaryFolder

    /// `saveferry` as it was built with the tests.
    static let program: String = {
        let runner = URL(fileURLWithPath: ProcessInfo.processInfo.arguments[0]).resolvingSymlinksInPath()
        return runner.deletingLastPathComponent().appendingPathComponent("saveferry").path
    }()

    /// A home with the user's key in it; no device yet.
    init(_ options: OpenSSHServer.Options = .init()) async throws {
        home = try TemporaryFolder()
        handheld = try TemporaryFolder()
        server = try await OpenSSHServer(options)
        try FileManager.default.createDirectory(atPath: handheld("gba"), withIntermediateDirectories: true)
        try home.write(SSHKeys.shared.privateText("user"), to: "keys/id_ed25519", mode: 0o600)
    }

    /// An installation whose device `pocket` is added and trusted, with one save on it.
    static func withDevice(_ options: OpenSSHServer.Options = .init()) async throws -> Installation {
        let installation = try await Installation(options)
        try installation.handheld.write("x", to: "gba/Metroid.srm")
        let fingerprint = try await SSHKeys.shared.fingerprint("host_ed25519")
        try await installation.addDevice("pocket", more: ["--trust", fingerprint])
        return installation
    }

    /// An installation whose device `pocket` is added and trusted, with nothing on it: `gba` for files, and `psp` for folder saves.
    static func withFolders(_ options: OpenSSHServer.Options = .init()) async throws -> Installation {
        let installation = try await Installation(options)
        let psp = installation.handheld("psp")
        try FileManager.default.createDirectory(atPath: psp, withIntermediateDirectories: false)
        let fingerprint = try await SSHKeys.shared.fingerprint("host_ed25519")
        try await installation.addDevice("pocket", more: ["--folder-dir", "psp=\(psp)", "--trust", fingerprint])
        return installation
    }

    /// Adds a device behind the server whose saves are in `folder`: those of the handheld unless told otherwise.
    func addDevice(_ name: String, port: Int? = nil, saves folder: TemporaryFolder? = nil, more: [String] = [])
        async throws
    {
        let added = try await run(
            [
                "device", "add", name, "--host", "127.0.0.1", "--port", "\(port ?? server.port)", "--user",
                OpenSSHServer.user,
            ]
                + ["--dir", "gba=\((folder ?? handheld)("gba"))"] + more)
        try #require(added.status == 0, "\(added.errorOutput)")
    }

    /// Runs `saveferry ARGUMENTS --home HOME`.
    func run(_ arguments: [String], environment: [String: String] = [:], input: String = "") async throws -> Command {
        try await Command.run(
            Installation.program, arguments + ["--home", home.path],
            environment: ["SSH_AUTH_SOCK": ""].merging(environment) { $1 }, input: input)
    }

    func run(_ arguments: String...) async throws -> Command { try await run(arguments) }

    /// Runs a command that can make no file larger than this (setrlimit(2)), as on a disk that is full.
    func runLimited(toKilobytes kilobytes: Int, _ arguments: String...) async throws -> Command {
        let script = "trap '' XFSZ; ulimit -f \(kilobytes * 2); exec \"$0\" \"$@\""
        return try await Command.run(
            "/bin/sh", ["-c", script, Installation.program] + arguments + ["--home", home.path],
            environment: ["SSH_AUTH_SOCK": ""])
    }

    /// What the database answers, or becomes.
    @discardableResult
    func sql(_ statements: String, in other: String? = nil) async throws -> String {
        let result = try await Command.run("sqlite3", ["-cmd", ".timeout 10000", other ?? database, statements])
        try #require(result.status == 0, "\(result.errorOutput)")
        return result.output
    }

    /// The JSON document that a command answers with.
    func json(_ arguments: String...) async throws -> [String: Any] {
        let result = try await run(arguments + ["--json"])
        let document = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
        return try #require(document as? [String: Any], "\(result.output)\(result.errorOutput)")
    }

    /// Starts a command and leaves it running; its output goes to `log` in the home.
    func start(_ arguments: [String], environment: [String: String] = [:]) throws -> ServerProcess {
        try ServerProcess(
            Installation.program, arguments + ["--home", home.path], log: home("log"), environment: environment)
    }

    func start(_ arguments: String...) throws -> ServerProcess { try start(arguments) }

    /// What the started commands said.
    var log: String { String(decoding: home.read("log") ?? [], as: UTF8.self) }

    var database: String { home("state/saveferry.db") }
}
