import Foundation
import TestSupport
import Testing

extension ProgramTests {
    /// What must never be seen: planted in every place where the program takes a secret, and searched for in everything
    /// that it says and keeps (P7).
    @Suite struct SecretTests {
        private static let password = "canary-password-5f0c1d"
        private static let wrongPassphrase = "canary-passphrase-77ab20"
        private static let passphrase = "correct horse"

        @Test func `no secret is in an answer, an error, a log or a file of ours`() async throws {
            let installation = try await Installation.withDevice()
            let home = installation.home
            try home.write(Self.password + "\n", to: "secrets/password", mode: 0o600)
            try home.write(SSHKeys.shared.privateText("user_passphrase"), to: "secrets/locked", mode: 0o600)
            try home.write(Self.wrongPassphrase + "\n", to: "keys/wrong.passphrase", mode: 0o600)
            let pin = try await SSHKeys.shared.fingerprint("host_ed25519")
            try await installation.addDevice(
                "password", more: ["--trust", pin, "--password-file", home("secrets/password")])
            for name in ["locked", "wrong"] {
                try await installation.addDevice(name, more: ["--trust", pin, "--key", home("secrets/locked")])
            }

            var said: [(what: String, text: String)] = []
            func run(_ arguments: [String], _ environment: [String: String] = [:]) async throws -> Int32 {
                var status: Int32 = 0
                for more in [["--verbose"], ["--verbose", "--json"]] {
                    let command = try await installation.run(arguments + more, environment: environment)
                    said.append(((arguments + more).joined(separator: " "), command.output + command.errorOutput))
                    status = command.status
                }
                return status
            }
            // The password is refused, the wrong passphrase opens nothing, the right one does.
            #expect(try await run(["sync", "password"]) == 7)
            #expect(try await run(["sync", "locked"], ["SAVEFERRY_PASSPHRASE": Self.wrongPassphrase]) == 7)
            #expect(try await run(["sync", "wrong"]) == 7)
            #expect(try await run(["sync", "locked"], ["SAVEFERRY_PASSPHRASE": Self.passphrase]) == 0)
            #expect(try await run(["sync"], ["SAVEFERRY_PASSPHRASE": Self.wrongPassphrase]) == 7)
            for arguments in [
                ["plan"], ["doctor"], ["status"], ["device", "list"], ["device", "show", "password"],
                ["device", "show", "locked"], ["sessions"], ["sessions", "show", "1"], ["saves"], ["conflicts"],
            ] {
                _ = try await run(arguments, ["SAVEFERRY_PASSPHRASE": Self.wrongPassphrase])
            }
            let exported = try await installation.run("device", "export")
            said.append(("device export", exported.output + exported.errorOutput))

            let files = (FileManager.default.subpaths(atPath: home.path) ?? []).filter {
                !$0.hasPrefix("keys") && !$0.hasPrefix("secrets")
            }
            #expect(files.contains("state/saveferry.db"))
            for file in files {
                said.append((file, String(decoding: home.read(file) ?? [], as: UTF8.self)))
            }
            for canary in [Self.password, Self.wrongPassphrase, Self.passphrase] + privateLines() {
                for (what, text) in said { #expect(!text.contains(canary), "\(canary) is in \(what)") }
            }
            // Which file it is that can't be used is said with its whole path: there may be several of one name.
            for device in ["locked", "wrong"] {
                let text = said.first { $0.what.hasPrefix("sync \(device)") }?.text ?? ""
                #expect(text.contains("the key \(home("secrets/locked")) can't be used"), "\(text)")
            }
        }

        /// The lines of the private keys, without those that every key has.
        private func privateLines() -> [String] {
            ["user", "user_passphrase"].flatMap { name in
                SSHKeys.shared.privateText(name).split(separator: "\n").map(String.init)
                    .filter { $0.count > 40 && !$0.hasPrefix("-----") }
                    .dropFirst()
            }
        }
    }
}
