import Logging
import TestSupport
import Testing

@testable import SSHClient

extension ServerTests {
    /// Servers that have little in common with us, or nothing.
    @Suite struct OldServerTests {
        private func start(_ lines: String, hostKeys: [String] = ["host_ed25519"]) async throws -> OpenSSHServer {
            var options = OpenSSHServer.Options(hostKeys: hostKeys)
            options.lines = lines
            return try await OpenSSHServer(options)
        }

        private func probe(_ server: OpenSSHServer) async throws -> OfferedHostKeys {
            try await SSHConnection.probeHostKeys(
                of: server.endpoint, deadlines: .patient, logger: Logger(label: "test"))
        }

        @Test func `a server with nothing newer is reached by old algorithms, and they are named`() async throws {
            let server = try await start("MACs hmac-sha1\nKexAlgorithms diffie-hellman-group14-sha256")
            let old = ["diffie-hellman-group14-sha256", "hmac-sha1"]
            #expect(try await probe(server).algorithms.old == old)
            let connection = try await server.connect()
            #expect(connection.algorithms.old == old)
            #expect(try await connection.openSFTP().canonicalPath(of: RemotePath("/")) == RemotePath("/"))
            connection.close()
        }

        @Test func `a server with anything newer agrees on that`() async throws {
            let server = try await start(
                "MACs hmac-sha1,hmac-sha2-512\nKexAlgorithms diffie-hellman-group14-sha256,ecdh-sha2-nistp384")
            #expect(
                try await probe(server).algorithms
                    == AgreedAlgorithms(
                        keyExchange: "ecdh-sha2-nistp384", hostKey: "ssh-ed25519", cipher: "aes128-ctr",
                        mac: "hmac-sha2-512"))
        }

        @Test(arguments: [true, false])
        func `where nothing is common, what each side has is said, and nothing else`(isPinned: Bool) async throws {
            let server = try await start("Ciphers chacha20-poly1305@openssh.com")
            let error = await #expect(throws: SSHError.self) {
                if isPinned { _ = try await server.connect() } else { _ = try await probe(server) }
            }
            #expect(error?.code == .noCommonAlgorithm)
            #expect(
                error?.what
                    == "no algorithm in common with 127.0.0.1: cipher: the device has chacha20-poly1305@openssh.com; "
                    + "SaveFerry has aes128-ctr, aes256-ctr")
        }

        @Test(.disabled(if: SSHLibrary.supportsRSA, "this libssh2 speaks rsa-sha2"))
        func `a server with host keys for RSA only is said to have just those`() async throws {
            let server = try await start("HostKeyAlgorithms rsa-sha2-512,ssh-rsa", hostKeys: ["user_rsa"])
            let error = await #expect(throws: SSHError.self) { _ = try await probe(server) }
            #expect(error?.code == .noCommonAlgorithm)
            #expect(
                error?.what.hasPrefix("127.0.0.1 has only RSA or DSA host keys") == true, "\(String(describing: error))"
            )
            #expect(error?.what.contains("the device has rsa-sha2-512, ssh-rsa") == true)
            #expect(error?.advice.contains("other SSH server") == true)
        }
    }
}
