import Logging
import TestSupport
import Testing

@testable import SSHClient

extension ServerTests {
    /// What answers where a device should be, and is none.
    @Suite struct UnreachableTests {
        private let impatient = Deadlines(connect: .seconds(2), handshake: .milliseconds(500), idle: .seconds(1))

        private func connect(port: Int, host: String = "127.0.0.1") async -> SSHError.Code? {
            await code {
                _ = try await SSHConnection.connect(
                    to: Endpoint(host: host, port: port, user: "nobody"),
                    pins: [HostKeyPin(algorithm: "ssh-ed25519", fingerprint: "SHA256:")], credentials: [],
                    deadlines: impatient, logger: Logger(label: "test"))
            }
        }

        @Test func `a port on which nobody listens is unreachable`() async throws {
            #expect(await connect(port: try freePort()) == .unreachable)
        }

        @Test func `a name that nobody has is unreachable`() async throws {
            #expect(await connect(port: 22, host: "device.invalid") == .unreachable)
        }

        @Test func `a server that says nothing is given up in time`() async throws {
            let server = try await MuteServer()
            #expect(await connect(port: server.port) == .timedOut)
            await server.close()
        }

        struct Speech: CustomTestStringConvertible {
            let what: String
            let bytes: [UInt8]
            let isEndless: Bool
            var testDescription: String { what }

            init(_ what: String, _ bytes: [UInt8], _ isEndless: Bool) {
                (self.what, self.bytes, self.isEndless) = (what, bytes, isEndless)
            }
        }

        static let speeches = [
            Speech("a web server", Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), false),
            Speech("a line without end", [UInt8](repeating: 0x41, count: 4_096), true),
            Speech("lines without end", Array(repeatElement(Array("welcome\r\n".utf8), count: 400).joined()), true),
            Speech("zeros", [UInt8](repeating: 0, count: 4_096), true),
            Speech(
                "a name and then garbage",
                Array("SSH-2.0-x\r\n".utf8) + (0..<4_096).map { UInt8(truncatingIfNeeded: $0 &* 31) }, false),
            Speech(
                "a name and a packet of 4 GiB", Array("SSH-2.0-x\r\n".utf8) + [0xff, 0xff, 0xff, 0xff, 4, 20], false),
            Speech("a name over and over", Array("SSH-2.0-x\r\n".utf8), true),
            Speech("an old name", Array("SSH-1.5-x\r\n".utf8), false),
        ]

        @Test(arguments: speeches) func `a server that talks nonsense is given up in time`(_ speech: Speech)
            async throws
        {
            let server = try await MuteServer(saying: speech.bytes, isEndless: speech.isEndless)
            let code = await connect(port: server.port)
            #expect(code == .timedOut || code == .disconnected, "\(speech.what): \(String(describing: code))")
            await server.close()
        }

        @Test func `after the end nothing is asked of libssh2 any more`() async throws {
            let server = try await MuteServer()
            let driver = try await SSHDriver.connect(
                to: Endpoint(host: "127.0.0.1", port: server.port, user: "nobody"), deadlines: impatient)
            driver.fail(SSHError(.cancelled, "the test ended it"))
            let code = await code {
                try await driver.perform { _ in
                    Issue.record("what a step holds was freed by now")
                    return .done(())
                }
            }
            #expect(code == .cancelled)
            await server.close()
        }
    }
}
