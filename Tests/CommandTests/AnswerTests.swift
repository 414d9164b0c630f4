import Foundation
import TestSupport
import Testing

extension ProgramTests {
    /// What the program answers, as scripts and people read it.
    @Suite struct AnswerTests {
        @Test func `plan and sync as JSON have the keys that scripts depend on`() async throws {
            let installation = try await Installation.withDevice()
            let plans = try #require(try await installation.json("plan")["plans"] as? [[String: Any]])
            let plan = try #require(plans.first)
            #expect(Set(plan.keys) == ["device", "generated_at", "operations", "totals", "halts"])
            let operation = try #require((plan["operations"] as? [[String: Any]])?.first)
            #expect(
                Set(operation.keys).isSuperset(of: [
                    "action", "platform", "game", "kind", "slot", "remote_path", "size_bytes", "reason",
                ]))
            #expect(operation["action"] as? String == "pull")
            #expect(operation["size_bytes"] as? Int == 1)
            let totals = try #require(plan["totals"] as? [String: Int])
            #expect(totals["pull"] == 1 && totals["push"] == 0 && totals["no_op"] == 0 && totals["bytes"] == 1)

            let sessions = try #require(try await installation.json("sync")["sessions"] as? [[String: Any]])
            let session = try #require(sessions.first)
            #expect(session["session_id"] as? Int == 1)
            #expect(session["status"] as? String == "COMPLETED")
            let done = try #require((session["operations"] as? [[String: Any]])?.first)
            #expect(done["status"] as? String == "COMPLETED")
            // A time in RFC 3339, in UTC.
            let time = try #require(session["generated_at"] as? String)
            #expect(time.hasSuffix("Z") && ISO8601DateFormatter().date(from: time) != nil)
        }

        @Test(arguments: ["> /dev/full", ">&-"])
        func `1 and a word when the answer can't be written`(_ output: String) async throws {
            let installation = try await Installation.withDevice()
            func run(_ arguments: [String]) async throws -> Command {
                try await Command.run(
                    "/bin/sh",
                    ["-c", "exec \"$0\" \"$@\" \(output)", Installation.program] + arguments
                        + ["--home", installation.home.path])
            }
            for arguments in [["device", "export"], ["status"], ["saves", "--json"], ["verify", "--json"], ["sync"]] {
                let result = try await run(arguments)
                #expect(result.status == 1, "\(arguments): \(result.errorOutput)")
                #expect(
                    result.errorOutput.contains("error: the answer is not whole, standard output can't be written: "),
                    "\(arguments): \(result.errorOutput)")
            }
            let help = try await Command.run("/bin/sh", ["-c", "exec \"$0\" --help \(output)", Installation.program])
            #expect(help.status == 1 && help.errorOutput.contains("the answer is not whole"))
            // What was to be done is done, and what failed more is said.
            #expect(try await installation.run("saves").output.contains("Metroid"))
            let unknown = try await run(["history", "nothing"])
            #expect(unknown.status == 2)
        }

        @Test func `every list as JSON is one document with a plural name`() async throws {
            let installation = try await Installation.withDevice()
            _ = try await installation.run("sync")
            for (arguments, key) in [
                (["status"], "devices"), (["device", "list"], "devices"), (["saves"], "saves"),
                (["history", "Metroid"], "versions"), (["conflicts"], "conflicts"), (["sessions"], "sessions"),
                (["sessions", "show", "1"], "sessions"), (["doctor"], "checks"),
                (["device", "show", "pocket"], "devices"),
            ] {
                let result = try await installation.run(arguments + ["--json"])
                #expect(result.status == 0, "\(arguments): \(result.errorOutput)")
                let document = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
                let others: Set = arguments == ["status"] ? ["daemon"] : []
                #expect(document.map { Set($0.keys) } == others.union([key]), "\(arguments)")
            }
        }

        @Test func `a conflict is listed, resolved and gone`() async throws {
            let installation = try await Installation.withDevice()
            _ = try await installation.run("sync")
            _ = try await installation.run("restore", "Metroid", "--version", "1")
            try installation.handheld.write("device", to: "gba/Metroid.srm")
            // The server's side moves on by a second handheld.
            let second = try TemporaryFolder()
            try second.write("server", to: "gba/Metroid.srm")
            let fingerprint = try await SSHKeys.shared.fingerprint("host_ed25519")
            _ = try await installation.run([
                "device", "add", "second", "--host", "127.0.0.1", "--port", "\(installation.server.port)", "--user",
                OpenSSHServer.user, "--dir", "gba=\(second("gba"))", "--trust", fingerprint, "--conflicts", "device",
            ])
            #expect(try await installation.run("sync", "second").status == 0)
            #expect(try await installation.run("sync", "pocket").status == 3)
            let listed = try await installation.run("conflicts")
            #expect(listed.output.contains("gba/Metroid"))
            #expect(listed.output.contains("saveferry conflicts resolve ID --keep"))
            let resolved = try await installation.run("conflicts", "resolve", "1", "--keep", "server")
            #expect(resolved.status == 0, "\(resolved.errorOutput)")
            #expect(try await installation.run("sync", "pocket").status == 0)
            #expect(installation.handheld.read("gba/Metroid.srm") == Array("server".utf8))
            #expect(try await installation.run("conflicts").output == "No conflicts.\n")
            #expect(try await installation.run("history", "Metroid").output.contains("archived"))
        }

        @Test func `devices go out as YAML and come back the same`() async throws {
            let installation = try await Installation.withDevice()
            _ = try await installation.run(
                "device", "edit", "pocket", "--schedule", "*/5 * * * *", "--conflicts", "newest")
            let exported = try await installation.run("device", "export").output
            #expect(exported.contains("host_keys:") && !exported.contains("PRIVATE KEY"))
            let other = try await Installation()
            let applied = try await other.run(["device", "apply", "-"], input: exported)
            #expect(applied.output == "Added pocket.\n", "\(applied.errorOutput)")
            #expect(try await other.run("device", "export").output == exported)
            let wrong = exported.replacingOccurrences(of: "schedule:", with: "shedule:")
            let refused = try await other.run(["device", "apply", "-"], input: wrong)
            #expect(refused.status == 2)
            #expect(refused.errorOutput.contains("unknown key \"shedule\""))
        }

        @Test func `trust shows what is offered, asks only on a terminal, and pins by fingerprint or known_hosts`()
            async throws
        {
            let installation = try await Installation()
            try await installation.addDevice("pocket")
            let fingerprint = try await SSHKeys.shared.fingerprint("host_ed25519")
            let asked = try await installation.run("device", "trust", "pocket")
            #expect(asked.status == 6)
            #expect(asked.output.contains("ssh-ed25519 \(fingerprint)"))
            let other = try await SSHKeys.shared.fingerprint("other_host_ed25519")
            #expect(try await installation.run("device", "trust", "pocket", "--fingerprint", other).status == 6)
            #expect(
                try await installation.run("device", "trust", "pocket", "--fingerprint", "SHA256:short").status == 2)
            let host = "[127.0.0.1]:\(installation.server.port)"
            let key = SSHKeys.shared.publicLine("host_ed25519").split(separator: " ").prefix(2).joined(separator: " ")
            let known = try installation.home.write("\(host) \(key)\n", to: "known_hosts")
            #expect(try await installation.run("device", "trust", "pocket", "--known-hosts", known).status == 0)
            #expect(try await installation.run("sync").status == 0)
            #expect(try await installation.run("device", "trust", "pocket", "--fingerprint", fingerprint).status == 0)
            #expect(try await installation.run("sync").status == 0)
        }

        @Test func `a save that can't be read has failed, and was not skipped`() async throws {
            let installation = try await Installation.withDevice(.obeyingPermissions)
            try FileManager.default.setAttributes(
                [.posixPermissions: 0], ofItemAtPath: installation.handheld("gba/Metroid.srm"))
            let synced = try await installation.run("sync")
            #expect(synced.status == 1, "\(synced.output)\(synced.errorOutput)")
            let shown = try await installation.run("sessions", "show", "1")
            for (output, mark) in [(synced.output, "FAILED: not read: "), (shown.output, "not read: ")] {
                let line = output.split(separator: "\n").first { $0.contains(mark) } ?? ""
                #expect(line.hasPrefix("-") && line.contains("Metroid"), "\(output)")
            }
        }

        @Test func `doctor finds what is wrong and says what to do`() async throws {
            let installation = try await Installation.withDevice()
            let fine = try await installation.run("doctor", "pocket", "--write-test")
            #expect(fine.status == 0, "\(fine.output)")
            #expect(fine.output.contains("a file was written, renamed and removed"))
            #expect(installation.handheld.everything() == ["gba", "gba/Metroid.srm"])
            _ = try await installation.run("device", "edit", "pocket", "--dir", "gba=/no/such/place")
            let missing = try await installation.run("doctor", "pocket")
            #expect(missing.status == 1)
            #expect(missing.output.contains("does not exist"))
            #expect(missing.output.contains("Check the path"))
        }

        @Test func `what a device does not have is set, exported and applied`() async throws {
            let installation = try await Installation.withDevice()
            #expect(
                try await installation.run("device", "edit", "pocket", "--no-commands", "--empty-password").status == 0)
            let exported = try await installation.run("device", "export")
            #expect(exported.output.contains("commands: false") && exported.output.contains("empty_password: true"))
            _ = try await installation.run("device", "edit", "pocket", "--commands", "--no-empty-password")
            #expect(try await !installation.run("device", "export").output.contains("commands"))
            let file = try installation.home.write(exported.output, to: "devices.yaml")
            #expect(try await installation.run("device", "apply", file).status == 0)
            #expect(try await installation.run("device", "export").output == exported.output)
        }

        @Test func `secrets are printed nowhere`() async throws {
            let installation = try await Installation.withDevice()
            let canary = "canary-correct-horse"
            let file = try installation.home.write(canary + "\n", to: "password")
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
            _ = try await installation.run("device", "edit", "pocket", "--password-file", file)
            for arguments in [
                ["sync", "-v"], ["sync", "--json"], ["plan"], ["doctor"], ["device", "show", "pocket"],
                ["device", "export"],
                ["status", "--json"], ["sessions"],
            ] {
                let result = try await installation.run(arguments, environment: ["SAVEFERRY_PASSPHRASE": canary])
                #expect(!(result.output + result.errorOutput).contains(canary), "\(arguments)")
            }
            let dump = try await Command.run("sqlite3", ["-readonly", installation.database, ".dump"]).output
            #expect(!dump.contains(canary))
        }

        @Test func `state and library are for their owner alone`() async throws {
            let installation = try await Installation.withDevice()
            _ = try await installation.run("sync")
            for (path, mode) in [("state", 0o700), ("library", 0o700), ("state/saveferry.db", 0o600)] {
                let attributes = try FileManager.default.attributesOfItem(atPath: installation.home(path))
                #expect(attributes[.posixPermissions] as? Int == mode, "\(path)")
            }
        }

        @Test func `without settings everything is found below HOME, where a shell's tilde leads`() async throws {
            let home = try TemporaryFolder()
            let environment = ["HOME": home.path, "SAVEFERRY_LIBRARY_DIR": "~/saves"]
            let status = try await Command.run(Installation.program, ["status"], environment: environment)
            #expect(status.status == 0, "\(status.errorOutput)")
            let made = FileManager.default.subpaths(atPath: home.path) ?? []
            #expect(made.contains(".local/state/saveferry/saveferry.db"), "\(made)")
            #expect(made.contains("saves"), "\(made)")
        }
    }
}
