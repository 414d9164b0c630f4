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
            ("ForceCommand true", "accepted the login, but no SFTP came", "ForceCommand"),
            ("ForceCommand kill -9 $$", "ended at once by the signal KILL", "memory"),
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

        /// Its server took the login and started something: that it sleeps is the lesser guess.
        @Test(arguments: ["sleep 20", "exec sleep 20 >&-"])
        func `a forced command without a word is no device that fell asleep`(_ command: String) async throws {
            var options = OpenSSHServer.Options()
            options.lines = "ForceCommand \(command)"
            let server = try await OpenSSHServer(options)
            let connection = try await server.connect(
                deadlines: Deadlines(connect: .seconds(60), handshake: .seconds(60), idle: .seconds(2)))
            let error = await #expect(throws: SSHError.self) { try await connection.openSFTP() }
            #expect(error?.code == .timedOut)
            #expect(
                error?.what.hasPrefix("the device accepted the login, but no SFTP came: ") == true,
                "\(String(describing: error))")
            #expect(error?.advice.contains("ForceCommand") == true, "\(String(describing: error))")
        }
    }
}
