import Logging
import NIOCore
import NIOPosix
import Synchronization
import TestSupport
import Testing

@testable import SSHClient

extension ServerTests {
    /// Which servers are trusted, and that the others are shown no credential.
    @Suite struct HostKeyTests {
        private func fingerprint(_ name: String) async throws -> String { try await SSHKeys.shared.fingerprint(name) }

        /// sshd's own words once a login was begun, which never come where the key was not trusted.
        private static let signOfLogin = "userauth-request"

        /// The server's log when every connection to it has ended, and nothing more can be written of them.
        private func finalLog(_ server: OpenSSHServer) async throws -> String {
            try await eventually("sshd has seen every connection end") {
                let ends = ["Connection closed by 127", "Connection reset by 127", "Unable to negotiate with 127"]
                let ended = ends.reduce(0) { $0 + server.log.occurrences(of: $1) }
                return ended > 1 && ended == server.log.occurrences(of: "Connection from 127")
            }
            return server.log
        }

        @Test func `a trusted server's log shows the login`() async throws {
            let server = try await OpenSSHServer()
            (try await server.connect()).close()
            // What the tests below say never comes must be what comes here.
            try await eventually("sshd logs the login") { server.log.contains(Self.signOfLogin) }
        }

        @Test func `a pin of a kind that the library can't use says so, and nothing is sent`() async throws {
            let server = try await OpenSSHServer()
            let pin = HostKeyPin(algorithm: "ssh-dss", fingerprint: try await fingerprint("host_ed25519"))
            let error = await #expect(throws: SSHError.self) { try await server.connect(pins: [pin]) }
            #expect(error?.code == .hostKeyUnusable)
            #expect(error?.what.contains("ssh-dss") == true)
            // sshd names every client that shows itself.
            #expect(!server.log.contains("remote software version libssh2"))
        }

        @Test func `without a pin nobody logs in, and the offered key is told`() async throws {
            let server = try await OpenSSHServer()
            let error = await #expect(throws: SSHError.self) { try await server.connect(pins: []) }
            guard case .hostKeyUnknown(let offered) = error?.code else {
                Issue.record("\(String(describing: error))"); return
            }
            #expect(try await offered.fingerprint == fingerprint("host_ed25519"))
            #expect(try await !finalLog(server).contains(Self.signOfLogin))
        }

        @Test(arguments: [nil, "ssh-ed25519"]) func `with another key than the pinned one nobody logs in`(
            _ algorithm: String?
        ) async throws {
            let server = try await OpenSSHServer()
            let pin = HostKeyPin(algorithm: algorithm, fingerprint: try await fingerprint("other_host_ed25519"))
            let error = await #expect(throws: SSHError.self) { try await server.connect(pins: [pin]) }
            guard case .hostKeyChanged(let offered, let pinned) = error?.code else {
                Issue.record("\(String(describing: error))"); return
            }
            #expect(pinned == [pin])
            #expect(try await offered.first?.fingerprint == fingerprint("host_ed25519"))
            #expect(error?.isRetryable == false)
            #expect(try await !finalLog(server).contains(Self.signOfLogin))
        }

        @Test func `a pinned kind of key that the server lost is a changed key`() async throws {
            let server = try await OpenSSHServer(OpenSSHServer.Options(hostKeys: ["host_ecdsa"]))
            let pin = HostKeyPin(algorithm: "ssh-ed25519", fingerprint: try await fingerprint("host_ed25519"))
            let error = await #expect(throws: SSHError.self) { try await server.connect(pins: [pin]) }
            guard case .hostKeyChanged(let offered, _) = error?.code else {
                Issue.record("\(String(describing: error))"); return
            }
            #expect(offered.map(\.algorithm) == ["ecdsa-sha2-nistp256"])
            #expect(try await !finalLog(server).contains(Self.signOfLogin))
        }

        @Test(
            arguments: [
                ("host_ed25519", "ssh-ed25519"), ("host_ed25519", nil), ("host_ecdsa", "ecdsa-sha2-nistp256"),
                ("host_ecdsa", nil),
            ] as [(String, String?)])
        func `any of the server's keys can be pinned, with and without its algorithm`(
            _ name: String, _ algorithm: String?
        )
            async throws
        {
            let server = try await OpenSSHServer()
            let pin = HostKeyPin(algorithm: algorithm, fingerprint: try await fingerprint(name))
            let connection = try await server.connect(pins: [pin])
            #expect(connection.hostKey.fingerprint == pin.fingerprint)
            #expect(try await connection.execute("true").status == 0)
            connection.close()
        }

        @Test func `one good pin among others is enough`() async throws {
            let server = try await OpenSSHServer()
            let pins = [
                HostKeyPin(algorithm: "ssh-ed25519", fingerprint: try await fingerprint("other_host_ed25519")),
                HostKeyPin(algorithm: "ssh-ed25519", fingerprint: try await fingerprint("host_ed25519")),
            ]
            (try await server.connect(pins: pins)).close()
        }

        @Test func `every key of a server can be asked for without logging in`() async throws {
            let server = try await OpenSSHServer()
            let keys = try await SSHConnection.probeHostKeys(
                of: server.endpoint, deadlines: .patient, logger: Logger(label: "test")
            ).keys
            #expect(keys.map(\.algorithm) == ["ssh-ed25519", "ecdsa-sha2-nistp256"])
            #expect(try await keys.map(\.fingerprint) == [fingerprint("host_ed25519"), fingerprint("host_ecdsa")])
            #expect(try await !finalLog(server).contains(Self.signOfLogin))
        }

        private func endpoint(_ relay: Relay) -> Endpoint {
            Endpoint(host: "127.0.0.1", port: relay.port, user: "nobody")
        }

        /// With libssh2 1.10 nobody asks for RSA.
        @Test func `a server that ends when it is asked for RSA has shown its other keys`() async throws {
            let server = try await OpenSSHServer()
            let relay = try await Relay(to: server.port, connections: 4)
            let keys = try await SSHConnection.probeHostKeys(
                of: endpoint(relay), deadlines: .patient, logger: Logger(label: "test")
            ).keys
            #expect(keys.map(\.algorithm) == ["ssh-ed25519", "ecdsa-sha2-nistp256"])
            withExtendedLifetime(relay) {}
        }

        @Test func `a server that says something before which it is, even nothing, is reached`() async throws {
            let server = try await OpenSSHServer()
            let relay = try await Relay(to: server.port, connections: 1, after: "\r\nWelcome!\n")
            let pin = HostKeyPin(algorithm: "ssh-ed25519", fingerprint: try await fingerprint("host_ed25519"))
            let credential = try await Credential.keyFile(at: SSHKeys.shared.path("user"), passphrase: nil)
            let connection = try await SSHConnection.connect(
                to: Endpoint(host: "127.0.0.1", port: relay.port, user: OpenSSHServer.user), pins: [pin],
                credentials: [credential], deadlines: .patient, logger: Logger(label: "test"))
            #expect(connection.serverBanner.hasPrefix("SSH-2.0-OpenSSH"))
            connection.close()
            withExtendedLifetime(relay) {}
        }

        @Test func `a connection that is lost between two kinds of key says nothing of the keys`() async throws {
            let server = try await OpenSSHServer()
            let pin = HostKeyPin(algorithm: nil, fingerprint: try await fingerprint("host_ecdsa"))
            let relay = try await Relay(to: server.port, connections: 1)
            let connecting = await code {
                _ = try await SSHConnection.connect(
                    to: endpoint(relay), pins: [pin], credentials: [], deadlines: .patient,
                    logger: Logger(label: "test"))
            }
            #expect(connecting == .disconnected)
            let other = try await Relay(to: server.port, connections: 1)
            let probing = await code {
                _ = try await SSHConnection.probeHostKeys(
                    of: endpoint(other), deadlines: .patient, logger: Logger(label: "test"))
            }
            #expect(probing == .disconnected)
            withExtendedLifetime((relay, other)) {}
        }

        @Test(
            arguments: [
                (.noCommonAlgorithm, "ssh-ed25519", false, true), (.noCommonAlgorithm, "rsa-sha2-512", true, true),
                (.disconnected, "rsa-sha2-512", true, true), (.disconnected, "rsa-sha2-512", false, false),
                (.disconnected, "ecdsa-sha2-nistp256", true, false), (.timedOut, "rsa-sha2-512", true, false),
            ] as [(SSHError.Code, String, Bool, Bool)])
        func `only a server that has shown another key may end instead of saying that it has none for RSA`(
            _ code: SSHError.Code, _ algorithm: String, hasShown: Bool, expected: Bool
        ) throws {
            let blob: [UInt8] = [0, 0, 0, 11] + Array("ssh-ed25519".utf8)
            let key = try #require(HostKey(blob: blob))
            let error = SSHError(code, "it failed")
            #expect(error.meansNoSuchKey(of: [algorithm], after: hasShown ? [key] : []) == expected)
        }
    }
}

/// Passes its first connections on to a server, after some words of its own, and ends every later one.
private final class Relay: Sendable {
    private let channel: any Channel
    var port: Int { channel.localAddress?.port ?? 0 }

    init(to port: Int, connections: Int, after words: String = "") async throws {
        let left = Mutex(connections)
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { client in
                let isLate = left.withLock { left in
                    left -= 1
                    return left < 0
                }
                guard !isLate else { return client.close() }
                if !words.isEmpty { client.pipeline.writeAndFlush(ByteBuffer(string: words), promise: nil) }
                return ClientBootstrap(group: client.eventLoop).connect(host: "127.0.0.1", port: port)
                    .flatMapThrowing { server in
                        try client.pipeline.syncOperations.addHandler(Passing(to: server))
                        try server.pipeline.syncOperations.addHandler(Passing(to: client))
                    }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    deinit { channel.close(promise: nil) }

    private final class Passing: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let other: any Channel

        init(to other: any Channel) { self.other = other }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            other.writeAndFlush(unwrapInboundIn(data), promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }
    }
}

extension String {
    fileprivate func occurrences(of part: String) -> Int { components(separatedBy: part).count - 1 }
}
