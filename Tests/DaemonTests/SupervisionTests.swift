import Foundation
import Logging
import Orchestrator
import ServiceLifecycle
import TestSupport
import Testing

@testable import Daemon

/// What a service manager is told (sd_notify(3)), over real sockets.
@Suite struct SupervisionTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test(arguments: [false, true])
    func `messages arrive at a path and in the abstract namespace`(_ isAbstract: Bool) throws {
        let socket = try DatagramSocket(isAbstract ? "@\(UUID())" : folder("notify"))
        ServiceManager(socket: socket.name, watchdog: nil).tell("READY=1", "STATUS=1 device")
        #expect(socket.messages == ["READY=1\nSTATUS=1 device"])
    }

    @Test(arguments: ["", "/", "@", "relative", "vsock:2:1", "/" + String(repeating: "x", count: 200)])
    func `where nobody can listen, nobody is told and nothing fails`(_ name: String) {
        ServiceManager(socket: name, watchdog: .seconds(1)).tell("READY=1")
    }

    @Test func `a manager that does not read does not hold up the daemon`() async throws {
        let socket = try DatagramSocket(folder("notify"))
        let manager = ServiceManager(socket: socket.name, watchdog: nil)
        try await finish("every message is sent or lost") {
            for number in 0..<10_000 { manager.tell("STATUS=\(number)") }
        }
        #expect(socket.messages.first == "STATUS=0")
    }

    @Test func `the daemon is ready, alive as long as its hearts beat, and stopping`() async throws {
        let socket = try DatagramSocket(folder("notify"))
        let (heart, notBegun) = (Heartbeat(), Heartbeat())
        let supervision = Supervision(
            by: ServiceManager(socket: socket.name, watchdog: .milliseconds(100)), hearts: [heart, notBegun],
            patience: .milliseconds(500)
        ) { "2 devices" }
        let group = ServiceGroup(services: [supervision], logger: Logger(label: "test"))
        async let run: Void = group.run()
        try await eventually("it is alive") {
            heart.beat()
            return socket.messages.contains("WATCHDOG=1")
        }
        #expect(socket.messages.first == "READY=1\nSTATUS=2 devices")
        // The heart stands still: then there are words, and no sign of life.
        try await eventually("no sign of life comes any more") {
            socket.messages.suffix(3).allSatisfy { $0 == "STATUS=2 devices" }
        }
        try await eventually("it is alive again") {
            heart.beat()
            return socket.messages.last == "WATCHDOG=1"
        }
        await group.triggerGracefulShutdown()
        try await run
        #expect(socket.messages.last == "STOPPING=1\nSTATUS=finishing what is in hand")
    }

    @Test func `a start that takes long asks for time, over and over, until it is done`() async throws {
        let socket = try DatagramSocket(folder("notify"))
        let manager = ServiceManager(socket: socket.name, watchdog: nil)
        try await manager.waiting {
            try await eventually("it asks for time") { socket.messages == ["EXTEND_TIMEOUT_USEC=60000000"] }
        }
    }
}
