import Dispatch
import NIOCore
import NIOPosix
import Synchronization
import TestSupport
import Testing

@testable import SSHClient

extension ServerTests {
    /// Whether a device is online, told by a TCP connection alone.
    @Suite struct ProbeTests {
        private let probe = Probe(deadline: .seconds(5))

        private func isOnline(_ port: Int, at host: String = "127.0.0.1") async -> Bool {
            await probe.isOnline(Endpoint(host: host, port: port, user: "nobody"))
        }

        @Test func `a server is online, and is told nothing`() async throws {
            let server = try await OpenSSHServer()
            #expect(await isOnline(server.port))
            try await eventually("sshd saw the end: \(server.log)") {
                server.log.contains("kex_exchange_identification")
            }
            #expect(!server.log.contains("Remote protocol version"))
        }

        @Test func `a server that accepts and says nothing is online`() async throws {
            let server = try SilentServer()
            #expect(await isOnline(server.port))
            withExtendedLifetime(server) {}
        }

        @Test func `a port on which nobody listens is not online, by address and by name`() async throws {
            let port = try freePort()
            #expect(await !isOnline(port))
            #expect(await !isOnline(port, at: "localhost"))
        }

        @Test func `a host that does not answer frees its place at the deadline`() async throws {
            let server = try SilentServer(isFull: true)
            let probe = Probe(deadline: .milliseconds(200))
            for host in ["127.0.0.1", "localhost"] {
                let isOnline = try await finish("the probe ends") {
                    await probe.isOnline(Endpoint(host: host, port: server.port, user: "nobody"))
                }
                #expect(!isOnline, "\(host)")
            }
            withExtendedLifetime(server) {}
        }

        @Test func `a probe that nobody waits for any more ends at once`() async throws {
            let server = try SilentServer(isFull: true)
            let patient = Probe(deadline: .seconds(3_600))
            let port = server.port
            let probing = Task { await patient.isOnline(Endpoint(host: "127.0.0.1", port: port, user: "nobody")) }
            probing.cancel()
            #expect(try await finish("the probe ends") { await probing.value } == false)
            withExtendedLifetime(server) {}
        }

        @Test func `a name is found, and again when its server comes back`() async throws {
            let port = try freePort()
            var server: OpenSSHServer? = try await OpenSSHServer(port: port)
            #expect(await isOnline(port, at: "localhost"))
            server = nil
            try await eventually("the server is gone") { await !isOnline(port, at: "localhost") }
            server = try await OpenSSHServer(port: port)
            #expect(await isOnline(port, at: "localhost"))
            #expect(server != nil)
        }

        @Test func `a name that nobody has is not online`() async {
            #expect(await !isOnline(22, at: "device.invalid"))
        }

        // MARK: Names

        private func endpoint(_ name: String, _ port: Int) -> Endpoint {
            Endpoint(host: name, port: port, user: "nobody")
        }

        @Test func `a name that was found is seen again, however many look-ups hang`() async throws {
            let (names, port) = (Names(), try freePort())
            names.set("pocket", "127.0.0.1")
            let probe = names.probe(deadline: .milliseconds(200))
            #expect(await !probe.isOnline(endpoint("pocket", port)))
            for number in 0..<5 { #expect(await !probe.isOnline(endpoint("hung\(number)", port))) }
            #expect((0..<5).map { names.count("hung\($0)") } == [1, 1, 1, 0, 0])
            let server = try await OpenSSHServer(port: port)
            #expect(await probe.isOnline(endpoint("pocket", port)))
            #expect(names.count("pocket") == 1)
            for _ in 0..<5 { names.release.signal() }
            withExtendedLifetime(server) {}
        }

        @Test func `a look-up that ends after its probe counts for the next`() async throws {
            let (names, server) = (Names(), try SilentServer())
            names.set("hung", "127.0.0.1")
            let probe = names.probe(deadline: .milliseconds(200))
            #expect(await !probe.isOnline(endpoint("hung", server.port)))
            names.release.signal()
            try await eventually("it is found") { await probe.isOnline(endpoint("hung", server.port)) }
            #expect(names.count("hung") == 1)
            withExtendedLifetime(server) {}
        }

        @Test func `every address of a name is tried`() async throws {
            let (names, server) = (Names(), try SilentServer())
            names.set("pocket", "::1", "127.0.0.77", "127.0.0.1")
            #expect(await names.probe().isOnline(endpoint("pocket", server.port)))
            withExtendedLifetime(server) {}
        }

        @Test func `a name is looked up again when another machine has its address`() async throws {
            let (names, server) = (Names(), try SilentServer())
            names.set("pocket", "127.0.0.1")
            let probe = names.probe(lifetime: .zero)
            #expect(await probe.isOnline(endpoint("pocket", server.port)))
            names.set("pocket", "127.0.0.77")
            #expect(await probe.isOnline(endpoint("pocket", server.port)))
            await probe.doubt(endpoint("pocket", server.port))
            #expect(await !probe.isOnline(endpoint("pocket", server.port)))
            // But not where it was just looked up.
            let patient = names.probe()
            names.set("pocket", "127.0.0.1")
            #expect(await patient.isOnline(endpoint("pocket", server.port)))
            let count = names.count("pocket")
            await patient.doubt(endpoint("pocket", server.port))
            #expect(await patient.isOnline(endpoint("pocket", server.port)))
            #expect(names.count("pocket") == count)
            withExtendedLifetime(server) {}
        }

        @Test func `a device that moved to another address is found there`() async throws {
            let (names, server) = (Names(), try SilentServer())
            names.set("pocket", "127.0.0.77")
            let probe = names.probe(lifetime: .zero)
            #expect(await !probe.isOnline(endpoint("pocket", server.port)))
            names.set("pocket", "127.0.0.1")
            #expect(await probe.isOnline(endpoint("pocket", server.port)))
            withExtendedLifetime(server) {}
        }

        @Test func `names that are found quickly go first, and those that are not found rest`() {
            var line = NameLine()
            let start = NIODeadline.now()
            func add(_ name: String, at time: NIODeadline) -> Bool { line.add(name, at: time) }
            func next() -> String? { line.next() }
            for (name, isFound, time) in [
                ("quick", true, TimeAmount.milliseconds(5)), ("slow", true, .seconds(2)),
                ("absent", false, .seconds(5)),
            ] {
                #expect(add(name, at: start))
                #expect(next() == name)
                line.end(name, isFound: isFound, after: time, at: start)
            }
            #expect(!add("absent", at: start + .seconds(1)))
            let later = start + .seconds(5)
            for name in ["absent", "slow", "absent", "new", "quick"] { #expect(add(name, at: later)) }
            // What is under way is not looked up twice.
            let order = (0..<4).map { _ in next() }
            #expect(order == ["quick", "new", "absent", "slow"])
            #expect(add("new", at: later) && next() == nil)
        }

        @Test func `names that take long leave a place for those that don't`() {
            var line = NameLine()
            let start = NIODeadline.now()
            func add(_ name: String, at time: NIODeadline) -> Bool { line.add(name, at: time) }
            func next() -> String? { line.next() }
            #expect(add("quick", at: start) && next() == "quick")
            line.end("quick", isFound: true, after: .zero, at: start)
            for number in 0..<4 { #expect(add("asleep\(number)", at: start)) }
            let order = (0..<4).map { _ in next() }
            #expect(order == ["asleep0", "asleep1", "asleep2", nil])
            #expect(add("quick", at: start) && next() == "quick" && next() == nil)
            line.end("asleep1", isFound: false, after: .seconds(5), at: start)
            #expect(next() == "asleep3" && next() == nil)
        }
    }
}
