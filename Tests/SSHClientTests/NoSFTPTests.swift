import Logging
import TestSupport
import Testing

@testable import SSHClient

extension ServerTests {
    /// Accounts that log in and don't get to SFTP: the cause is said.
    @Suite struct NoSFTPTests {
        @Test(arguments: [
            ("Subsystem sftp /nonexistent/sftp-server", "exit status 127", "sftp-server"),
            ("ForceCommand false", "exit status 1", "shell"),
            ("ForceCommand /usr/sbin/nologin", "before SFTP: \"This account is currently not available.\"", "log in"),
            (
                "ForceCommand echo Welcome; exec /usr/lib/openssh/sftp-server", "before SFTP: \"Welcome\"",
                "start-up file"
            ),
        ])
        func `what keeps SFTP from beginning is said`(_ line: String, _ part: String, _ advice: String) async throws {
            var options = OpenSSHServer.Options(offersSFTP: !line.hasPrefix("Subsystem"))
            options.lines = line
            let server = try await OpenSSHServer(options)
            let connection = try await server.connect()
            let error = await #expect(throws: SSHError.self) { try await connection.openSFTP() }
            #expect(error?.code == .unsupported)
            #expect(error?.what.contains(part) == true, "\(String(describing: error))")
            #expect(error?.advice.contains(advice) == true, "\(String(describing: error))")
            connection.close()
        }
    }
}
