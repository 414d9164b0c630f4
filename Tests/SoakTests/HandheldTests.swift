import Foundation
import TestSupport
import Testing

@testable import soak

/// Troubles are what they say, on servers that are really there.
@Suite struct HandheldTests {
    @Test(arguments: [Handheld.Kind.openSSH, .dropbear])
    func `a handheld falls into every trouble and recovers on its port`(kind: Handheld.Kind) async throws {
        if kind == .dropbear, await DropbearServer.whatIsMissing() != nil { return }
        let handheld = try Handheld("handheld0", owner: "owner0", kind)
        try await handheld.switchOn()
        #expect(try await login(handheld, trusting: "host_ed25519") == 0)
        for trouble in Trouble.allCases {
            try await handheld.fall(into: trouble)
            switch trouble {
            case .away: #expect(!accepts(handheld.port))
            case .frozen, .silent: #expect(accepts(handheld.port))
            case .locked, .otherKey: #expect(try await login(handheld, trusting: "host_ed25519") != 0)
            case .cardMissing: #expect(!FileManager.default.fileExists(atPath: handheld.saves))
            case .cardEmptied: #expect(handheld.names().isEmpty)
            }
            try await handheld.recover(keepingKey: false) { _ in }
            #expect(try await login(handheld, trusting: "host_ed25519") == 0, "after \(trouble)")
        }
        try await handheld.fall(into: .otherKey)
        try await handheld.recover(keepingKey: true) { fingerprint in
            let other = try await SSHKeys.shared.fingerprint("other_host_ed25519")
            #expect(fingerprint == other)
        }
        #expect(try await login(handheld, trusting: "other_host_ed25519") == 0)
    }

    @Test func `what is put where a card's saves were is found when the card comes back`() async throws {
        let handheld = try Handheld("handheld0", owner: "owner0", .openSSH)
        try await handheld.fall(into: .cardEmptied)
        try Data().write(to: URL(fileURLWithPath: handheld.path(1)))
        await #expect(throws: SoakError.self) { try await handheld.recover(keepingKey: false) { _ in } }
    }

    /// Exit status of ssh(1), which logs in and does nothing.
    private func login(_ handheld: Handheld, trusting key: String) async throws -> Int32 {
        let folder = try TemporaryFolder()
        let line = SSHKeys.shared.publicLine(key)
        try folder.write("[127.0.0.1]:\(handheld.port) \(line)", to: "known")
        return try await Command.run(
            "ssh",
            [
                "-F", "none", "-i", SSHKeys.shared.path("user"), "-o", "UserKnownHostsFile=\(folder("known"))", "-o",
                "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-p", "\(handheld.port)",
                "\(OpenSSHServer.user)@127.0.0.1", "true",
            ]
        ).status
    }
}
