import Foundation
import Planner
import Store
import TestSupport
import Testing

@testable import Orchestrator
@testable import SSHClient

extension ScenarioTests {
    /// Who may connect, and what a dry run leaves alone, over a real sshd.
    @Suite struct AccessTests {
        let hub: Hub
        let pocket: Handheld

        init() async throws {
            hub = try await Hub()
            pocket = try await Handheld(of: hub)
            try pocket.write("Metroid.srm", "x")
        }

        @Test func `60 an unknown host key: no authentication, and the offered fingerprint is shown`() async throws {
            try await hub.store.pinHostKeys([], for: try await pocket.device.id)
            let report = try await pocket.sync()
            let failure = try #require(report.failure)
            #expect(failure.code == .hostKey)
            #expect(failure.message.contains(try await SSHKeys.shared.fingerprint("host_ed25519")))
            #expect(failure.advice.contains("saveferry device trust pocket"))
            #expect(!pocket.server.log.contains("userauth-request"))
            #expect(try await hub.store.sessions().map(\.status) == [.failed])
        }

        @Test func `60 a changed host key: no authentication, and both fingerprints are shown`() async throws {
            let other = try await SSHKeys.shared.fingerprint("other_host_ed25519")
            try await hub.store.pinHostKeys(
                [PinnedHostKey(algorithm: "ssh-ed25519", fingerprint: other)], for: try await pocket.device.id)
            let failure = try #require(try await pocket.sync().failure)
            #expect(failure.code == .hostKey)
            #expect(failure.message.contains(try await SSHKeys.shared.fingerprint("host_ed25519")))
            #expect(failure.message.contains(other))
            #expect(!pocket.server.log.contains("userauth-request"))
        }

        @Test func `61 a key that the device does not accept is named`() async throws {
            try await pocket.edit { $0.authentication = .keyFile(path: SSHKeys.shared.path("stranger")) }
            let failure = try #require(try await pocket.sync().failure)
            #expect(failure.code == .authentication)
            let path = SSHKeys.shared.path("stranger")
            #expect(failure.message.hasSuffix("does not accept the key \(path)"), "\(failure)")
            #expect(failure.advice.contains("authorized_keys"))
        }

        @Test func `61 a key file that others can read is refused before anything is sent`() async throws {
            let key = try hub.folder.write(SSHKeys.shared.privateText("user"), to: "open_key")
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: key)
            try await pocket.edit { $0.authentication = .keyFile(path: key) }
            let failure = try #require(try await pocket.sync().failure)
            #expect(failure.code == .authentication)
            #expect(failure.message == "others can read the key file \(key)")
            #expect(failure.advice == "Give it mode 600 (chmod 600).")
            #expect(!pocket.server.log.contains("userauth-request"))
        }

        @Test func `an empty password file is right only where the user says so`() async throws {
            let file = try hub.folder.write("", to: "empty", mode: 0o600)
            try await pocket.edit { $0.authentication = .passwordFile(path: file) }
            #expect(try await pocket.sync().failure?.message == "the password file \(file) is empty or not text")
            try await pocket.edit { $0.allowsEmptyPassword = true }
            let failure = try #require(try await pocket.sync().failure)
            #expect(failure.message.contains("does not accept the password"), "\(failure)")
        }

        @Test func `a key that several devices share is decrypted once`() async throws {
            let name = "keys/id_ed25519"
            try hub.folder.write(SSHKeys.shared.privateText("user_passphrase"), to: name, mode: 0o600)
            var devices: [Device] = []
            for name in ["a", "b", "c"] {
                try hub.folder.write("correct horse\n", to: "keys/\(name).passphrase", mode: 0o600)
                devices.append(try await Handheld(name, of: hub, server: pocket.server).device)
            }
            let reports = await hub.orchestrator.sync(devices, trigger: .onDemand)
            #expect(reports.allSatisfy { $0.failure == nil })
            #expect(await hub.orchestrator.keys.decryptions == 1)
        }

        @Test(arguments: SaveForm.allCases)
        func `64 a dry run changes not a byte on the device, in the library or in the database`(form: SaveForm)
            async throws
        {
            let psp = try await Handheld("psp", of: hub, server: pocket.server, form: .folder)
            try psp.write(save: "Metroid", "x")
            let pocket = form == .file ? pocket : psp
            try pocket.write(save: "Zelda", "zelda")
            try await pocket.sync(expecting: [.pull: 2])
            let other = try await Handheld("other", of: hub, server: pocket.server, form: form)
            try await other.sync(expecting: [.push: 2])
            try other.write(save: "Metroid", "from the other")
            try other.write(save: "Zelda", "from the other")
            try await other.sync(expecting: [.pull: 2])
            try pocket.write(save: "Zelda", "both sides")
            try pocket.write(save: "New", "new")
            try pocket.write(".saveferry-0123456789abcdef.tmp", "left by a transfer")
            let (server, device) = (try await hub.snapshot(), try pocket.snapshot())

            let plan = try await pocket.plan()
            #expect(plan.count(.pull) == 1 && plan.count(.push) == 1 && plan.count(.conflict) == 1)
            #expect(try await hub.snapshot() == server)
            #expect(try pocket.snapshot() == device)
            // And the sync does what the plan said.
            try await pocket.sync(expecting: [.pull: 1, .push: 1, .conflict: 1])
        }

        @Test func `62 while one run holds the device, every other one is refused`() async throws {
            let device = try await pocket.device
            let orchestrator = hub.orchestrator
            let lease = try await Lease.acquire(device: device, in: hub.store)
            for report in await orchestrator.sync([device, device], trigger: .onDemand) {
                #expect(report.failure?.code == .busy)
            }
            lease.release()
            try await pocket.sync(expecting: [.pull: 1])
        }

        @Test func `several devices are synced at once, and a dead one fails alone`() async throws {
            let dead = try await Handheld("dead", of: hub, server: pocket.server)
            let port = try freePort()
            try await dead.edit { $0.port = port }
            let second = try await Handheld("second", of: hub, server: pocket.server)
            try second.write("Zelda.srm", "z")
            let devices = [try await pocket.device, try await dead.device, try await second.device]
            let reports = await hub.orchestrator.sync(devices, trigger: .onDemand)
            #expect(reports.map(\.device) == ["pocket", "dead", "second"])
            #expect(reports.map(\.failure?.code) == [nil, .unreachable, nil])
            #expect(try await hub.content("Metroid") == "x")
            #expect(try await hub.content("Zelda") == "z")
        }

        @Test func `56 a device that stops answering ends in a deadline, not a hang`() async throws {
            let hub = try await Hub(deadlines: Deadlines(idle: .seconds(2)))
            let server = try await OpenSSHServer(.init(holdsAfter: 1_000_000))
            let handheld = try await Handheld("asleep", of: hub, server: server)
            try handheld.write("Big.srm", String(repeating: "big", count: 1 << 20))
            let failure = try #require(try await handheld.sync().failure)
            #expect(failure.code == .unreachable, "\(failure)")
            #expect(failure.message.contains("stopped answering"))
        }
    }
}
