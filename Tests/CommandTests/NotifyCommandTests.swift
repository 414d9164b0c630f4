import Foundation
import TestSupport
import Testing

extension ProgramTests {
    /// Who is told of what, from the program itself.
    @Suite struct NotifyCommandTests {
        /// A home with these settings; nothing needs a device.
        private func home(_ settings: String) throws -> TemporaryFolder {
            let home = try TemporaryFolder()
            try home.write(settings, to: "saveferry.yaml")
            return home
        }

        private func run(_ home: TemporaryFolder, _ arguments: String...) async throws -> Command {
            try await Command.run(Installation.program, arguments + ["--home", home.path])
        }

        @Test(arguments: [
            ("notifications: ntfy", ":1: notifications: expected a list of targets"),
            ("notifications:\n  - ntfy", ":2: notifications: expected keys and values"),
            ("notifications:\n  - nfty: https://x/y", ":2: notifications: unknown key \"nfty\"; expected one of ntfy,"),
            ("notifications:\n  - rate: 1/h", ":2: notifications: expected exactly one of ntfy, gotify, discord"),
            (
                "notifications:\n  - ntfy: https://x/y\n    json: http://x/",
                ":2: notifications: expected exactly one of ntfy"
            ),
            ("notifications:\n  - ntfy: https://canary/", ":2: notifications: ntfy: expected an http or https URL"),
            ("notifications:\n  - json: ftp://canary/x", ":2: notifications: json: expected an http or https URL"),
            ("notifications:\n  - json: http://me:canary@x/", ":2: notifications: json: expected an http or https URL"),
            ("notifications:\n  - gotify: http://x/", ":2: notifications: gotify: expected a token_file beside it"),
            ("notifications:\n  - command: echo hi", ":2: notifications: command: expected a list such as"),
            ("notifications:\n  - command: [a]\n    rate: often", ":3: notifications: rate: \"often\" can't be used;"),
            (
                "notifications:\n  - command: [a]\n    events: [disk-full]",
                ":3: notifications: events: \"disk-full\" can't be used; expected one of conflict-opened,"
            ),
            ("notifications:\n  - command: [a]\n    events: disk-low", ":3: notifications: events: expected a list of"),
            (
                "notifications:\n  - command: [a]\n    token_file: /x",
                ":3: notifications: token_file: nothing to go with"
            ),
            (
                "notifications:\n  - discord_file: https://discord.com/api/webhooks/1/canary",
                ":2: notifications: discord_file: expected the path of a file"
            ),
            (
                "notifications:\n  - ntfy: https://x/y\n    token_file: tk_canary",
                ":3: notifications: token_file: expected the path of a file"
            ),
            ("notifications:\n  - command: [a]\n  - command: [a]", ":3: notifications: this target is there already"),
            ("failing_after: never", ":1: failing_after: \"never\" can't be used; expected a number from 1 to 100"),
            ("disk_low: little", ":1: disk_low: \"little\" can't be used; expected a size such as 500MiB or 2GiB"),
        ])
        func `wrong settings are refused with file, line, key and what was expected`(_ text: String, _ message: String)
            async throws
        {
            let result = try await run(try home(text + "\n"), "status")
            #expect(result.status == 2)
            #expect(result.errorOutput.contains("saveferry.yaml\(message)"), "\(result.errorOutput)")
            #expect(!result.errorOutput.contains("canary"))
        }

        @Test func `notify test says for each target whether it arrived, and shows no secret`() async throws {
            let (works, refuses) = (try await HookServer(), try await HookServer(last: .status(403)))
            let secrets = try TemporaryFolder()
            try secrets.write("canary-token\n", to: "token", mode: 0o600)
            let home = try home(
                """
                notifications:
                  - ntfy: \(works.url("/canary-topic"))
                    token_file: \(secrets("token"))
                    events: [disk-low]
                  - discord: \(refuses.url("/api/webhooks/1/canary-hook"))
                  - json: \(works.url("/canary-path"))
                    header_file: \(secrets("missing"))
                  - command: [sh, -c, 'cat > "$0/input"', "."]

                """)
            func run(_ arguments: String...) async throws -> Command {
                let script = "cd \"$1\" && shift && exec \"$0\" \"$@\""
                return try await Command.run(
                    "sh", ["-c", script, Installation.program, home.path] + arguments + ["--home", home.path])
            }
            let result = try await run("notify", "test")
            #expect(result.status == 1, "\(result.errorOutput)")
            let lines = result.output.split(separator: "\n").dropFirst().map {
                $0.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
            }
            #expect(
                lines == [
                    "ntfy at 127.0.0.1:\(works.port) arrived",
                    "discord at 127.0.0.1:\(refuses.port) failed it answered 403 Forbidden. Check the token, and what it may do.",
                    "json at 127.0.0.1:\(works.port) failed the header file \(secrets("missing")) can't be read: "
                        + "No such file or directory. Create it with mode 600 and the header on its first line.",
                    "command sh arrived",
                ])
            #expect(works.requests.first?.headers["authorization"] == "Bearer canary-token")
            #expect(works.requests.first?.json["topic"] as? String == "canary-topic")
            #expect(String(decoding: home.read("input") ?? [], as: UTF8.self).contains(#""test":true"#))

            let one = try await run("notify", "test", "--kind", "conflict-opened", "--json", "--verbose")
            #expect(one.output.contains(#""result" : "left-out""#), "\(one.output)")
            for said in [result, one] {
                #expect(!(said.output + said.errorOutput).contains("canary"), "\(said.output)\(said.errorOutput)")
            }
        }

        @Test func `a command is seen to end where whoever started us ignored the ends of its children`() async throws {
            let home = try home("notifications:\n  - command: [\"true\"]\n  - command: [\"false\"]\n")
            let result = try await Command.run(
                "env", ["--ignore-signal=CHLD", Installation.program, "notify", "test", "--home", home.path])
            #expect(result.output.contains("command true   arrived"), "\(result.output)\(result.errorOutput)")
            #expect(result.output.contains("it exited 1"))
        }

        @Test func `notify test needs targets and a kind that there is`() async throws {
            let none = try await run(try home("notifications: []\n"), "notify", "test")
            #expect(none.status == 2)
            #expect(none.errorOutput.contains("there are no notifications in saveferry.yaml"))
            let wrong = try await run(
                try home("notifications:\n  - command: [\"true\"]\n"), "notify", "test", "--kind", "x")
            #expect(wrong.status == 2)
            #expect(wrong.errorOutput.contains("expected one of conflict-opened, device-failing"))
        }

        @Test
        func `serve tells of a conflict and of a host key that is not the pinned one, and a restart repeats neither`()
            async throws
        {
            let server = try await HookServer()
            let installation = try await Installation.withDevice()
            #expect(try await installation.run("sync").status == 0)
            try installation.handheld.write("device's", to: "gba/Metroid.srm")
            let second = try TemporaryFolder()
            try second.write("server's", to: "gba/Metroid.srm")
            let pin = try await SSHKeys.shared.fingerprint("host_ed25519")
            for (name, trusted) in [("second", pin), ("strange", "SHA256:" + String(repeating: "A", count: 43))] {
                let added = try await installation.run([
                    "device", "add", name, "--host", "127.0.0.1", "--port", "\(installation.server.port)", "--user",
                    OpenSSHServer.user, "--dir", "gba=\(second("gba"))", "--trust", trusted,
                ])
                try #require(added.status == 0, "\(added.errorOutput)")
            }
            _ = try await installation.run("sync", "second")
            _ = try await installation.run("conflicts", "resolve", "--all", "--keep", "device")
            try installation.home.write(
                "notifications:\n  - json: \(server.url("/hook"))\n    events: [conflict-opened, host-key-changed]\n",
                to: "saveferry.yaml")
            func serve() async throws {
                try installation.home.write("", to: "log")
                let daemon = try installation.start(
                    ["serve", "--schedule", "1h"], environment: ["SAVEFERRY_LOG": "info"])
                try await eventually("every device was run") {
                    let log = installation.log
                    let runs = log.split(separator: "\n").filter { !$0.contains(" info: online ") }
                    return ["pocket", "second", "strange"].allSatisfy { name in
                        runs.contains { $0.contains("device=\(name)") }
                    }
                }
                daemon.signal(SIGTERM)
                #expect(try await daemon.waitForEnd() == 0)
            }
            try await serve()
            let arrived = try await server.requests(2).map(\.json)
            let conflict = try #require(arrived.first { $0["event"] as? String == "conflict-opened" })
            #expect(conflict["device"] as? String == "pocket")
            #expect(conflict["saves"] as? [String] == ["gba/Metroid"])
            let key = try #require(arrived.first { $0["event"] as? String == "host-key-changed" })
            #expect(key["device"] as? String == "strange")
            #expect((key["message"] as? String)?.contains("is not the pinned one") == true)
            // Neither is new after a restart.
            try await serve()
            #expect(server.requests.count == 2)
        }
    }
}
