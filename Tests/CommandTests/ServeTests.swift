import Foundation
import TestSupport
import Testing

extension ProgramTests {
    /// `serve` as a service: one a state directory, its signals, and what its manager is told.
    @Suite struct ServeTests {
        @Test
        func `a second daemon refuses with exit code 8 and names the first, and a killed one is taken over at once`()
            async throws
        {
            let installation = try await Installation.withDevice()
            #expect(try await installation.run("serve", "--check").status == 1)
            let first = try installation.start("serve", "--schedule", "1h")
            try await serving(installation)
            let second = try await installation.run("serve", "--schedule", "1h")
            #expect(second.status == 8)
            #expect(
                second.errorOutput.contains(
                    "another saveferry serves the state directory \(installation.home("state")) (process \(first.pid) on "
                ),
                "\(second.errorOutput)")
            let check = try await installation.run("serve", "--check")
            #expect(
                check.status == 0 && check.output.contains("is served by process \(first.pid) on"), "\(check.output)")
            first.signal(SIGKILL)
            _ = try await first.waitForEnd()
            let third = try installation.start("serve", "--schedule", "1h")
            try await eventually("the third one serves") {
                try await installation.run("serve", "--check").output.contains("process \(third.pid) on")
            }
        }

        @Test func `SIGHUP puts the settings file in force, or says what is wrong with it and keeps the old ones`()
            async throws
        {
            let installation = try await Installation.withDevice()
            let daemon = try installation.start("serve", "--schedule", "1h")
            try await eventually("the first run is recorded") {
                try await installation.sql("SELECT count(*) FROM sync_sessions WHERE status = 'COMPLETED'") != "0\n"
            }
            try installation.home.write("conflicts: sometimes\n", to: "saveferry.yaml")
            daemon.signal(SIGHUP)
            try await logs(
                "saveferry.yaml:1: conflicts: \"sometimes\" can't be used; expected ask, newest, device, server or keep-both. "
                    + "The old settings stay in force.", installation)
            try installation.home.write(
                "conflicts: server\nstate_dir: elsewhere\nlog_format: json\n", to: "saveferry.yaml")
            daemon.signal(SIGHUP)
            try await logs(#""message":"read the settings anew""#, installation)
            try await logs("state_dir takes effect at the next start", installation)
            try installation.home.write("conflicts: server\nlog_level: debug\n", to: "saveferry.yaml")
            daemon.signal(SIGHUP)
            try await eventually("it is read once more: \(installation.log)") {
                installation.log.components(separatedBy: "read the settings anew").count == 3
            }
            // Two contents of one size that never agreed: with the new policy the server's wins, where the old one asked.
            let deck = try TemporaryFolder()
            try deck.write("y", to: "gba/Metroid.srm")
            let fingerprint = try await SSHKeys.shared.fingerprint("host_ed25519")
            try await installation.addDevice("deck", saves: deck, more: ["--trust", fingerprint])
            try await eventually("the server's content is on the deck") {
                deck.read("gba/Metroid.srm") == Array("x".utf8)
            }
            #expect(try await installation.sql("SELECT count(*) FROM conflicts WHERE resolved_at IS NULL") == "0\n")
            try await logs("debug: planned", installation)
            daemon.signal(SIGTERM)
            #expect(try await daemon.waitForEnd() == 0)
        }

        @Test func `a settings file that is gone, empty or unreadable at SIGHUP is not taken for the defaults`()
            async throws
        {
            let installation = try await Installation.withDevice()
            let settings = installation.home("saveferry.yaml")
            try installation.home.write("keep_versions: all\nsnapshots: 365\n", to: "saveferry.yaml")
            let daemon = try installation.start("serve", "--schedule", "1h")
            try await serving(installation)
            try FileManager.default.removeItem(atPath: settings)
            daemon.signal(SIGHUP)
            try await logs(
                "\(settings): there is no such settings file. The old settings stay in force.", installation)
            try installation.home.write("", to: "saveferry.yaml")
            daemon.signal(SIGHUP)
            try await logs("\(settings): the settings file is empty.", installation)
            try FileManager.default.removeItem(atPath: settings)
            try FileManager.default.createDirectory(atPath: settings, withIntermediateDirectories: false)
            daemon.signal(SIGHUP)
            try await logs("\(settings): the settings file can't be read: Is a directory.", installation)
            #expect(!installation.log.contains("read the settings anew"))
            daemon.signal(SIGTERM)
            #expect(try await daemon.waitForEnd() == 0)
        }

        @Test func `a device that another process adds is picked up without a restart`() async throws {
            let installation = try await Installation.withDevice()
            let daemon = try installation.start("serve", "--schedule", "1h")
            try await serving(installation)
            let fingerprint = try await SSHKeys.shared.fingerprint("host_ed25519")
            try await installation.addDevice("deck", more: ["--trust", fingerprint])
            try await eventually("it is synced") {
                try await installation.sql(
                    "SELECT count(*) FROM sync_sessions JOIN devices ON devices.id = device_id WHERE name = 'deck'")
                    != "0\n"
            }
            daemon.signal(SIGTERM)
            #expect(try await daemon.waitForEnd() == 0)
        }

        @Test func `67 SIGTERM while a device says nothing at all ends it in time`() async throws {
            let installation = try await Installation()
            let silent = try SilentServer()
            let fingerprint = try await SSHKeys.shared.fingerprint("host_ed25519")
            try await installation.addDevice("silent", port: silent.port, more: ["--trust", fingerprint])
            let daemon = try installation.start("serve", "--schedule", "1h")
            try await eventually("it is being reached") {
                try await Command.run("flock", ["--nonblock", installation.home("state/leases/1.lock"), "true"]).status
                    == 1
            }
            daemon.signal(SIGTERM)
            #expect(try await daemon.waitForEnd() == 0)
            #expect(try await installation.sql("SELECT status FROM sync_sessions") == "CANCELLED\n")
        }

        @Test func `67 SIGTERM while the database takes no writes ends it in time, and the next run finishes the work`()
            async throws
        {
            let (installation, daemon) = try await transferring()
            let holder = try await holdDatabase(of: installation)
            daemon.signal(SIGTERM)
            #expect(try await daemon.waitForEnd() == 0)
            #expect(installation.log.contains("the next run finishes what was in hand"))
            holder.signal(SIGKILL)
            installation.server.release()
            let next = try await installation.run("sync")
            #expect(next.status == 0 && next.output.contains("2 pulled"), "\(next.output)\(next.errorOutput)")
        }

        @Test(arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143))])
        func `a second signal ends it at once, and the next run finishes the work`(_ second: Int32, _ code: Int32)
            async throws
        {
            let (installation, daemon) = try await transferring()
            // With the database held, the end in order would take its time.
            let holder = try await holdDatabase(of: installation)
            daemon.signal(SIGINT)
            try await logs("a second signal ends at once", installation)
            daemon.signal(second)
            #expect(try await daemon.waitForEnd() == code)
            holder.signal(SIGKILL)
            installation.server.release()
            #expect(try await installation.run("sync").status == 0)
        }

        @Test(arguments: [(1, Int32(0)), (2, Int32(143))])
        func `it ends in time, and at once when told twice, where nobody reads its log`(_ times: Int, _ code: Int32)
            async throws
        {
            let installation = try await Installation.withDevice()
            #expect(mkfifo(installation.home("log"), 0o600) == 0)
            // The only reader reads nothing.
            let reader = open(installation.home("log"), O_RDWR | O_NONBLOCK | O_CLOEXEC)
            defer { close(reader) }
            let daemon = try installation.start("serve", "--schedule", "off", "--wake", "off")
            try await eventually("it answers") {
                try await installation.run("status", "--json").output.contains("\"pid\" : \(daemon.pid)")
            }
            while write(reader, "x", 1) == 1 {}
            daemon.signal(SIGTERM)
            // Signals that come together are one (signal(7)).
            while times > 1, (try? await daemon.waitForEnd(within: 0.2)) == nil { daemon.signal(SIGTERM) }
            #expect(try await daemon.waitForEnd() == code)
        }

        @Test func `its service manager hears that it is ready, what it does, that it lives and that it ends`()
            async throws
        {
            let installation = try await Installation.withDevice(.init(holdsAfter: 1_000_000))
            try installation.handheld.write(String(repeating: "big", count: 1 << 20), to: "gba/Big.srm")
            let manager = try DatagramSocket(installation.home("notify"))
            let daemon = try installation.start(
                ["serve", "--schedule", "1h"],
                environment: ["NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "400000"])
            try await eventually("it is ready") {
                manager.messages.contains { $0.hasPrefix("READY=1\nSTATUS=") }
            }
            try await eventually("it lives") { manager.messages.contains("WATCHDOG=1") }
            try await eventually("it has looked at the devices") { manager.messages.contains("STATUS=1 device") }
            let variables = try #require(FileManager.default.contents(atPath: "/proc/\(daemon.pid)/environ"))
            #expect(String(decoding: variables, as: UTF8.self).contains("NOTIFY_SOCKET"), "as it was started")
            daemon.signal(SIGTERM)
            #expect(try await daemon.waitForEnd() == 0)
            #expect(manager.messages.contains { $0.hasPrefix("STOPPING=1") })
            installation.server.release()
        }

        @Test(.enabled(if: getuid() == 0, "a process namespace needs root"))
        func `as process 1 of a container it ends at SIGTERM too`() async throws {
            let installation = try await Installation.withDevice()
            let container = try ServerProcess(
                "/usr/bin/unshare",
                ["--pid", "--fork", "--kill-child", Installation.program, "serve", "--schedule", "1h", "--home"]
                    + [installation.home.path],
                log: installation.home("log"))
            try await serving(installation)
            let daemon = try await Command.run("pgrep", ["-P", "\(container.pid)"]).output
            kill(try #require(pid_t(daemon.trimmingCharacters(in: .newlines))), SIGTERM)
            #expect(try await container.waitForEnd() == 0)
            #expect(installation.log.contains("stopped"))
        }

        @Test func `closing the terminal that it was started in ends it`() async throws {
            let installation = try await Installation.withDevice()
            let terminal = try ServerProcess(
                "/usr/bin/script",
                [
                    "-qfec", "exec \(Installation.program) serve --schedule 1h --home \(installation.home.path)",
                    "/dev/null",
                ],
                log: installation.home("log"))
            try await serving(installation)
            let daemon = try await Command.run("pgrep", ["-P", "\(terminal.pid)"]).output
            let pid = try #require(pid_t(daemon.trimmingCharacters(in: .newlines)))
            kill(terminal.pid, SIGKILL)
            do {
                try await eventually("nobody serves any more") {
                    try await installation.run("serve", "--check").status == 1
                }
            } catch {
                kill(pid, SIGKILL)
                throw error
            }
        }

        /// A daemon in the middle of receiving a save from a device that fell silent.
        private func transferring() async throws -> (Installation, ServerProcess) {
            let installation = try await Installation.withDevice(.init(holdsAfter: 1_000_000))
            try installation.handheld.write(String(repeating: "big", count: 1 << 20), to: "gba/Big.srm")
            let daemon = try installation.start("serve", "--schedule", "1h")
            try await eventually("the first bytes arrived") {
                (FileManager.default.subpaths(atPath: installation.home("library/.saveferry/staging")) ?? [])
                    .contains { $0.contains("/") }
            }
            return (installation, daemon)
        }

        /// A process that lets nobody write to the database, for as long as it lives.
        private func holdDatabase(of installation: Installation) async throws -> ServerProcess {
            let sign = installation.home("held")
            let holder = try ServerProcess(
                "/usr/bin/sqlite3",
                [installation.database, "BEGIN IMMEDIATE;", ".shell touch \(sign)", ".shell sleep 1000"],
                log: installation.home("holder"))
            try await eventually("the database is held") { FileManager.default.fileExists(atPath: sign) }
            return holder
        }

        private func serving(_ installation: Installation) async throws {
            try await logs("serving", installation)
        }

        private func logs(_ words: String, _ installation: Installation) async throws {
            try await eventually("it logs \(words)") { installation.log.contains(words) }
        }

    }
}
