import Foundation
import TestSupport
import Testing

extension ProgramTests {
    /// Every exit code that scripts depend on, from the program itself.
    @Suite struct ExitCodeTests {
        @Test func `0 when all is done`() async throws {
            let installation = try await Installation.withDevice()
            let result = try await installation.run("sync", "pocket")
            #expect(result.status == 0, "\(result.errorOutput)")
            #expect(result.output.contains("1 pulled"))
            #expect(try await installation.run("plan").status == 0)
        }

        @Test func `1 when an operation failed`() async throws {
            let installation = try await Installation.withDevice()
            try installation.handheld.write("y", to: "gba/Metroid.sav")
            let result = try await installation.run("sync")
            #expect(result.status == 1)
            #expect(result.output.contains("pairing error"))
            let plan = try await installation.run("plan")
            #expect(plan.status == 1 && plan.output.contains("pairing error"), "\(plan.output)")
        }

        @Test(arguments: [
            ["sync", "nobody"], ["sync", "--no-such-option"], ["nonsense"], ["device", "add", "x"],
            ["device", "add", "x", "--host", "h"], ["device", "add", "a/b", "--host", "h", "--dir", "gba=/g"],
            ["device", "add", "x", "--host", "h", "--dir", "gba"],
            ["device", "add", "x", "--host", "h", "--port", "0", "--dir", "g=/g"],
            ["sync", "--allow", "everything"], ["conflicts", "resolve", "1", "--keep", "newest"],
            ["history", "nothing"],
            ["serve", "--schedule", "now and then"], ["serve", "--schedule", "0 0 30 2 *"], ["serve", "--wake", "1s"],
        ])
        func `2 for wrong usage`(_ arguments: [String]) async throws {
            let result = try await Installation().run(arguments)
            #expect(result.status == 2, "\(result.output)\(result.errorOutput)")
            #expect(!result.errorOutput.isEmpty)
            #expect(result.output.isEmpty)
        }

        @Test(arguments: [
            (
                "concurrency: many",
                "saveferry.yaml:2: concurrency: \"many\" can't be used; expected a number from 1 to 64"
            ),
            ("conflicts: newer", "saveferry.yaml:2: conflicts: \"newer\" can't be used; expected ask, newest,"),
            (
                "schedule: sometimes",
                "saveferry.yaml:2: schedule: \"sometimes\" is not a schedule; expected an interval"
            ),
            ("schedule: 0 0 30 2 *", "saveferry.yaml:2: schedule: \"0 0 30 2 *\" never occurs"),
            ("wake: 1s", "saveferry.yaml:2: wake: \"1s\" can't be used; expected an interval from 5s to 1h"),
            ("libary_dir: /x", "saveferry.yaml:2: unknown key \"libary_dir\"; expected one of state_dir, library_dir"),
            (
                "library_dir: /srv/saves\nsnapshots_dir: /srv/saves/old/snapshots",
                "saveferry.yaml:3: snapshots_dir: /srv/saves/old/snapshots is in the library /srv/saves, where"
            ),
            (
                "library_dir: /srv/saves\nstate_dir: /srv/saves",
                "saveferry.yaml:3: state_dir: /srv/saves is in the library"
            ),
            ("state_dir: [a, b]", "saveferry.yaml:2: state_dir: expected a single value"), ("a: 'b", "saveferry.yaml:"),
        ])
        func `2 for wrong configuration, with file, line, key and what was expected`(_ line: String, _ message: String)
            async throws
        {
            let installation = try await Installation()
            try installation.home.write("# settings\n\(line)\n", to: "saveferry.yaml")
            let result = try await installation.run("status")
            #expect(result.status == 2)
            #expect(result.errorOutput.contains(message), "\(result.errorOutput)")
        }

        @Test func `2 for a settings file that can't be read or is empty: its settings are not the defaults`()
            async throws
        {
            let installation = try await Installation()
            let settings = try installation.home.write("", to: "saveferry.yaml")
            let empty = try await installation.run("status")
            #expect(empty.status == 2 && empty.errorOutput.contains("\(settings): the settings file is empty."))
            try FileManager.default.removeItem(atPath: settings)
            try FileManager.default.createDirectory(atPath: settings, withIntermediateDirectories: false)
            let folder = try await installation.run("status")
            #expect(folder.status == 2)
            #expect(folder.errorOutput.contains("\(settings): the settings file can't be read: Is a directory"))
            let missing = try await installation.run("status", "--config", installation.home("other.yaml"))
            #expect(missing.status == 2 && missing.errorOutput.contains("other.yaml: there is no such settings file"))
            #expect(try await installation.run("status", "--config", "/dev/null").status == 0)
        }

        @Test func `1 when the library is not there although versions are recorded, and it is not begun anew`()
            async throws
        {
            let installation = try await Installation.withDevice()
            #expect(try await installation.run("sync").status == 0)
            let library = installation.home("library")
            try FileManager.default.moveItem(atPath: library, toPath: installation.home("away"))
            for arguments in [
                ["serve"], ["sync"], ["plan"], ["restore", "1", "--version", "1"],
                ["export", "1", "--to", installation.home("out")], ["verify", "--repair"],
            ] {
                let refused = try await installation.run(arguments)
                #expect(refused.status == 1, "\(arguments)")
                #expect(
                    refused.errorOutput.contains("the library \(library) is not there, and versions are recorded"),
                    "\(refused.errorOutput)")
            }
            #expect(try await installation.run("status").status == 0)
            #expect(try await installation.run("verify").output.contains("missing"))
            #expect(!FileManager.default.fileExists(atPath: library))
            try FileManager.default.moveItem(atPath: installation.home("away"), toPath: library)
            #expect(try await installation.run("sync").status == 0)
        }

        @Test(arguments: ["state", "library/.saveferry.db"])
        func `1 while what a link leads to is not mounted, so that a service is tried again`(link: String) async throws
        {
            let installation = try await Installation()
            try FileManager.default.createDirectory(
                atPath: installation.home("library"), withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(
                atPath: installation.home(link), withDestinationPath: installation.home("unmounted/it"))
            let refused = try await installation.run("serve")
            #expect(refused.status == 1, "\(refused.errorOutput)")
            #expect(refused.errorOutput.contains("\(installation.home(link)) is a link to something that is missing"))
        }

        @Test func `3 when conflicts are open`() async throws {
            let installation = try await Installation.withDevice()
            _ = try await installation.run("sync")
            let second = try TemporaryFolder()
            try second.write("y", to: "gba/Metroid.srm")
            let fingerprint = try await SSHKeys.shared.fingerprint("host_ed25519")
            _ = try await installation.run([
                "device", "add", "second", "--host", "127.0.0.1", "--port", "\(installation.server.port)", "--user",
                OpenSSHServer.user, "--dir", "gba=\(second("gba"))", "--trust", fingerprint,
            ])
            #expect(try await installation.run("plan", "second").status == 3)
            let result = try await installation.run("sync", "second")
            #expect(result.status == 3)
            #expect(result.output.contains("1 conflict open: see `saveferry conflicts`"))
        }

        @Test func `4 when a safety limit halted, naming its override`() async throws {
            let installation = try await Installation.withDevice()
            for game in 1...5 { try installation.handheld.write("\(game)", to: "gba/Game \(game).srm") }
            _ = try await installation.run("sync")
            for game in 1...5 {
                try FileManager.default.removeItem(atPath: installation.handheld("gba/Game \(game).srm"))
            }
            let halted = try await installation.run("sync")
            #expect(halted.status == 4)
            #expect(halted.output.contains("--allow mass-deletion"))
            // No view of the record takes it for a success.
            let status = try await installation.run("status").output
            #expect(status.contains("1 halted") && !status.contains("nothing to do"), "\(status)")
            #expect(
                status.contains("HALTED pocket: \(installation.handheld("gba")): 5 of 6 saves vanished"), "\(status)")
            #expect(
                status.contains(
                    "To have the saves there again, run `saveferry sync pocket --put-back`. "
                        + "If it is meant, run `saveferry sync pocket --allow mass-deletion`."), "\(status)")
            let device = try #require((try await installation.json("status")["devices"] as? [[String: Any]])?.first)
            #expect(device["errors_in_a_row"] as? Int == 1)
            #expect((device["halts"] as? [[String: Any]])?.first?["code"] as? String == "mass-deletion")
            let sessions = try #require(try await installation.json("sessions")["sessions"] as? [[String: Any]])
            #expect(sessions.map { $0["status"] as? String } == ["HALTED", "COMPLETED"])
            #expect(
                try await installation.run("sessions").output.contains("\(installation.handheld("gba")): mass-deletion")
            )
            #expect(try await installation.run("sessions", "show", "2").output.contains("HALTED pocket: "))
            #expect(try await installation.run("sync", "--allow", "mass-deletion").status == 0)
            #expect(try await installation.run("sync").status == 0)
        }

        @Test func `5 when the device can't be reached`() async throws {
            let installation = try await Installation.withDevice()
            try await installation.addDevice(
                "away", port: freePort(), more: ["--trust", "SHA256:" + String(repeating: "A", count: 43)])
            let result = try await installation.run("sync", "away")
            #expect(result.status == 5)
            #expect(result.errorOutput.contains("Is the device awake"))
        }

        @Test func `6 when the host key is unknown, and nothing was authenticated`() async throws {
            let installation = try await Installation()
            try await installation.addDevice("pocket")
            let result = try await installation.run("sync")
            #expect(result.status == 6)
            #expect(result.errorOutput.contains(try await SSHKeys.shared.fingerprint("host_ed25519")))
            #expect(result.errorOutput.contains("saveferry device trust pocket"))
            #expect(!installation.server.log.contains("userauth-request"))
        }

        @Test func `7 when the key is refused`() async throws {
            let installation = try await Installation.withDevice()
            _ = try await installation.run("device", "edit", "pocket", "--key", SSHKeys.shared.path("stranger"))
            let result = try await installation.run("sync")
            #expect(result.status == 7)
            let path = SSHKeys.shared.path("stranger")
            #expect(result.errorOutput.contains("does not accept the key \(path)."), "\(result.errorOutput)")
        }

        @Test func `8 while another run holds the device`() async throws {
            let installation = try await Installation.withDevice()
            _ = try await installation.run("sync")
            let lock = installation.home("state/leases/1.lock")
            let holder = try ServerProcess(
                "/usr/bin/flock", [lock, "sh", "-c", "echo held; exec sleep 1000"], log: installation.home("holder"))
            try await eventually("the lease is held") { installation.home.read("holder")?.isEmpty == false }
            let result = try await installation.run("sync")
            #expect(result.status == 8)
            #expect(result.errorOutput.contains("pocket is being synced by another run"))
            holder.signal(SIGKILL)
            _ = try await holder.waitForEnd()
            // A killed holder is taken over at once.
            #expect(try await installation.run("sync").status == 0)
        }

        @Test func `with several devices the highest wins`() async throws {
            let installation = try await Installation.withDevice()
            try await installation.addDevice("untrusted")
            try await installation.addDevice(
                "away", port: freePort(), more: ["--trust", "SHA256:" + String(repeating: "A", count: 43)])
            let result = try await installation.run("sync")
            #expect(result.status == 6)
            #expect(result.errorOutput.contains("error: away: "))
            #expect(result.errorOutput.contains("error: untrusted: "))
            #expect(result.output.contains("pocket: 1 pulled"))
        }
    }
}
