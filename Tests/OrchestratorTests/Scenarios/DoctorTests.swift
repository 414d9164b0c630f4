import Foundation
import Planner
import Store
import TestSupport
import Testing

@testable import Orchestrator

extension ScenarioTests {
    /// What `doctor` files where: each fault under the check that it belongs to, and once.
    @Suite struct DoctorTests {
        let hub: Hub

        init() async throws { hub = try await Hub() }

        private func examine(_ handheld: Handheld) async throws -> [Finding] {
            await hub.orchestrator.examine(try await handheld.device, writeTest: false)
        }

        /// The checks that failed, in their order.
        private func failed(_ findings: [Finding]) -> [String] {
            findings.filter { $0.result == .failed }.map(\.check)
        }

        @Test(arguments: ["", "ForceCommand true", "ForceCommand sleep 20"])
        func `where SFTP does not come, the login is fine all the same`(_ line: String) async throws {
            var options = OpenSSHServer.Options(offersSFTP: !line.isEmpty)
            options.lines = line
            let hub = try await Hub(deadlines: .init(idle: .seconds(2)))
            let pocket = try await Handheld(of: hub, server: try await OpenSSHServer(options))
            let findings = await hub.orchestrator.examine(try await pocket.device, writeTest: false)
            #expect(failed(findings) == ["SFTP"], "\(findings)")
            #expect(findings.first { $0.check == "login" }?.result == .fine)
        }

        @Test func `a missing key file is told once, and the device is looked at as far as that goes`() async throws {
            let pocket = try await Handheld(of: hub)
            try await pocket.edit { $0.authentication = .keyFile(path: hub.folder("missing")) }
            let findings = try await examine(pocket)
            #expect(failed(findings) == ["credentials"], "\(findings)")
            #expect(findings.map(\.check) == ["credentials", "name and port", "host key", "algorithms"])
        }

        @Test func `a key that is not accepted fails the login`() async throws {
            let pocket = try await Handheld(of: hub)
            try await pocket.edit { $0.authentication = .keyFile(path: SSHKeys.shared.path("stranger")) }
            #expect(failed(try await examine(pocket)) == ["login"])
        }

        @Test(arguments: [
            ("ssh-ed25519", "changed; offered: "), ("ssh-dss", "the pinned one is of a kind that libssh2 "),
        ])
        func `another host key is told once`(_ algorithm: String, _ detail: String) async throws {
            let pocket = try await Handheld(of: hub)
            let other = try await SSHKeys.shared.fingerprint("other_host_ed25519")
            try await hub.store.pinHostKeys(
                [PinnedHostKey(algorithm: algorithm, fingerprint: other)], for: try await pocket.device.id)
            let findings = try await examine(pocket)
            #expect(failed(findings) == ["host key"], "\(findings)")
            #expect(findings.first { $0.check == "host key" }?.detail.hasPrefix(detail) == true, "\(findings)")
        }

        @Test func `a device that answers and has no algorithm in common fails that check`() async throws {
            var options = OpenSSHServer.Options()
            options.lines = "Ciphers chacha20-poly1305@openssh.com"
            let pocket = try await Handheld(of: hub, server: try await OpenSSHServer(options))
            let findings = try await examine(pocket)
            #expect(findings.map(\.check) == ["credentials", "name and port", "algorithms"])
            #expect(failed(findings) == ["algorithms"])
        }
    }
}
