import Foundation

/// Keys that tests make once: host keys for the servers, a user key, and a key that no server accepts.
public struct SSHKeys: Sendable {
    private let folder: TemporaryFolder

    /// The same keys for the whole test process.
    public static let shared: SSHKeys = {
        // What a constant holds has no end of its own.
        atexit { try? FileManager.default.removeItem(atPath: SSHKeys.shared.folder.path) }
        do { return try SSHKeys() } catch { fatalError("ssh-keygen is needed: \(error)") }
    }()

    private init() throws {
        folder = try TemporaryFolder()
        let kinds: [(name: String, options: [String])] = [
            ("host_ed25519", ["-t", "ed25519", "-N", ""]), ("host_ecdsa", ["-t", "ecdsa", "-b", "256", "-N", ""]),
            ("other_host_ed25519", ["-t", "ed25519", "-N", ""]), ("user", ["-t", "ed25519", "-N", ""]),
            ("user_ecdsa", ["-t", "ecdsa", "-b", "256", "-N", ""]),
            ("user_passphrase", ["-t", "ed25519", "-N", "correct horse"]), ("stranger", ["-t", "ed25519", "-N", ""]),
            ("user_rsa", ["-t", "rsa", "-b", "2048", "-N", ""]),
        ]
        for (name, options) in kinds {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/ssh-keygen")
            process.arguments = ["-q", "-C", "test", "-f", folder(name)] + options
            try process.run()
            process.waitUntilExit()
        }
    }

    /// Path of a private key, for example `user` or `host_ed25519`.
    public func path(_ name: String) -> String { folder(name) }

    /// The public half as one line of `authorized_keys`.
    public func publicLine(_ name: String) -> String {
        String(decoding: folder.read("\(name).pub") ?? [], as: UTF8.self)
    }

    /// The private key's own text.
    public func privateText(_ name: String) -> String {
        String(decoding: folder.read(name) ?? [], as: UTF8.self)
    }

    /// `SHA256:…` as ssh-keygen prints it.
    public func fingerprint(_ name: String) async throws -> String {
        let output = try await Command.run("ssh-keygen", ["-lf", folder("\(name).pub")]).output
        return output.split(separator: " ").map(String.init).dropFirst().first ?? ""
    }
}
