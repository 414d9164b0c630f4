import Foundation
import TestSupport

/// A home of SaveFerry's: settings, keys, database and library.
struct Home: Sendable {
    let path: String
    let program: String

    /// Makes it, with the user's key.
    func make() throws {
        try FileManager.default.createDirectory(atPath: "\(path)/keys", withIntermediateDirectories: true)
        let key = "\(path)/keys/id_ed25519"
        try FileManager.default.copyItem(atPath: Link.keyFile, toPath: key)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)
    }

    /// Adds a trusted device whose saves are in `folder`.
    func add(_ device: String, _ link: Link, _ layout: DataSet.Layout, _ folder: String) async throws {
        try await add(device, port: link.port, layout, folder)
    }

    /// The same, on a port of 127.0.0.1.
    func add(_ device: String, port: Int, _ layout: DataSet.Layout, _ folder: String) async throws {
        let place = layout == .flat ? ["--dir", "gba=\(folder)"] : ["--platform-dirs", folder]
        try await run(
            [
                "device", "add", device, "--host", "127.0.0.1", "--port", "\(port)", "--user", Link.user,
                "--trust", try await SSHKeys.shared.fingerprint("host_ed25519"),
            ] + place)
    }

    /// A stamp counts once the file was read 3 s or more after it was listed first: waits for that and reads again.
    func settle(_ devices: String...) async throws {
        try await Task.sleep(for: .seconds(3.2))
        try await run(["sync"] + devices)
    }

    /// A digest of every row that a run with nothing to do must leave as it is.
    func rows() async throws -> String {
        let tables = ["device_save_sync", "device_save_entries", "saves", "save_versions"]
        let query = tables.map { "SELECT * FROM \($0);" }.joined(separator: " ")
        let script = "set -o pipefail; sqlite3 -readonly '\(path)/state/saveferry.db' '\(query)' | sha256sum"
        let answer = try await Command.run("bash", ["-c", script])
        guard answer.status == 0 else { throw BenchError("sqlite3: \(answer.errorOutput)") }
        return answer.output
    }

    /// The folder of the visible saves.
    var library: String { "\(path)/library/default" }

    func invocation(_ words: String...) -> Invocation { Invocation(program, words + ["--home", path]) }

    func run(_ words: String...) async throws { try await run(words) }

    func run(_ words: [String]) async throws {
        let result = try await Command.run(
            program, words + ["--home", path], environment: Invocation.common, within: 1200)
        guard result.status == 0 else {
            throw BenchError("saveferry \(words.joined(separator: " ")): \(result.output)\(result.errorOutput)")
        }
    }
}
