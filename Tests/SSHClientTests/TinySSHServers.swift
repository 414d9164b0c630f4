import Logging
import TestSupport
import Testing

@testable import SSHClient

extension ServerTests {
    /// The client against tinysshd, which has no cipher that we offer.
    @Suite(.enabled("SAVEFERRY_SERVERS is set", { areServersWanted("tinysshd") })) struct TinySSHServers {
        @Test func `no common cipher is said, and nothing else`() async throws {
            let server = try await TinySSHServer()
            let error = await #expect(throws: SSHError.self) {
                try await SSHConnection.probeHostKeys(
                    of: Endpoint(host: "127.0.0.1", port: server.port, user: "root"), deadlines: .patient,
                    logger: Logger(label: "test"))
            }
            #expect(error?.code == .noCommonAlgorithm)
            #expect(error?.what.contains("cipher: the device has chacha20-poly1305@openssh.com") == true)
            #expect(error?.what.contains("nistp521") == false, "\(String(describing: error))")
            withExtendedLifetime(server) {}
        }
    }
}
