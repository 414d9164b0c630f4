import Foundation
import TestSupport
import Testing

extension ProgramTests {
    /// `serve` as it is started, with devices that others add and change meanwhile.
    @Suite struct ServeScheduleTests {
        @Test func `serve needs no setting, and devices that are added and edited meanwhile are picked up`()
            async throws
        {
            let installation = try await Installation()
            try installation.handheld.write("x", to: "gba/Metroid.srm")
            let daemon = try installation.start("serve")
            let fingerprint = try await SSHKeys.shared.fingerprint("host_ed25519")
            try await eventually("it serves") { installation.log.contains("serving") }
            try await installation.addDevice("pocket", more: ["--trust", fingerprint])
            try await eventually("the new device is synced") {
                try await sessions(installation, "pocket") == "COMPLETED\n"
            }
            let edited = try await installation.run("device", "disable", "pocket")
            #expect(edited.status == 0)
            try await installation.addDevice("second", more: ["--trust", fingerprint, "--owner", "other"])
            try await eventually("the other is synced") { try await sessions(installation, "second") == "COMPLETED\n" }
            daemon.signal(SIGTERM)
            #expect(try await daemon.waitForEnd() == 0)
            #expect(try await sessions(installation, "pocket") == "COMPLETED\n")
            #expect(installation.log.split(separator: "\n").count { $0.contains("synced: 1 pulled") } == 2)
        }

        @Test func `with wake off in the settings a device that is away is tried, and told once`() async throws {
            let installation = try await Installation()
            try installation.home.write("wake: off\nschedule: 10s\n", to: "saveferry.yaml")
            let fingerprint = try await SSHKeys.shared.fingerprint("host_ed25519")
            try await installation.addDevice("pocket", port: try freePort(), more: ["--trust", fingerprint])
            let daemon = try installation.start("serve")
            try await eventually("it was tried") { try await sessions(installation, "pocket") == "FAILED\n" }
            daemon.signal(SIGTERM)
            #expect(try await daemon.waitForEnd() == 0)
            #expect(installation.log.split(separator: "\n").count { $0.contains("Z warning: 127.0.0.1 port") } == 1)
        }

        @Test func `a schedule and a wake that can't be used are refused with what was expected`() async throws {
            let installation = try await Installation.withDevice()
            for (arguments, words) in [
                (["serve", "--wake", "soon"], "--wake: \"soon\" can't be used; expected an interval from 5s to 1h"),
                (["serve", "--schedule", "* 25 * * *"], "--schedule: the hour field \"25\" is wrong"),
                (["device", "edit", "pocket", "--schedule", "0 0 30 2 *"], "\"0 0 30 2 *\" never occurs"),
                (["device", "edit", "pocket", "--schedule", "@reboot"], "\"@reboot\" names no time"),
            ] {
                let result = try await installation.run(arguments)
                #expect(result.status == 2 && result.errorOutput.contains(words), "\(result.errorOutput)")
            }
            let exported = try await installation.run("device", "export").output
            let file = try installation.home.write(
                exported.replacingOccurrences(of: "name: pocket", with: "name: pocket\n  schedule: often"), to: "d.yaml"
            )
            let applied = try await installation.run("device", "apply", file)
            #expect(applied.status == 2 && applied.errorOutput.contains(": schedule: \"often\""))
            #expect(try await installation.run("device", "edit", "pocket", "--schedule", "off").status == 0)
        }

        private func sessions(_ installation: Installation, _ device: String) async throws -> String {
            try await installation.sql("SELECT status FROM sync_sessions WHERE device_name = '\(device)'")
        }
    }
}
