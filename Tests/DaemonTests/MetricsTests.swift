import Foundation
import Planner
import Store
import TestSupport
import Testing

@testable import Daemon
@testable import Orchestrator
@testable import Planner

/// What Prometheus and a health check get, over real connections.
@Suite struct MetricsTests {
    /// A request with `Connection: close`, and the whole answer.
    private func http(
        _ request: String, _ port: Int, host: String = "localhost", more: String = ""
    ) async throws -> String {
        let peer = try await Peer(port: port)
        try await peer.write("\(request) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\(more)\r\n")
        return await peer.text()
    }

    @Test func `metrics count what was done, and show how each device fares`() async throws {
        let outlook = DeviceOutlook(
            id: 1, name: "pocket", isOnline: true, nextRun: nil, isRunning: false, failuresInARow: 0, lastFailure: nil)
        try await Watched.run(outlook: [outlook]) { daemon in
            let device = try await daemon.store.addDevice(
                DeviceSettings(
                    name: "pocket", host: "h",
                    directories: [SaveDirectory(id: 0, path: "/s", platform: .named("gba"), extensions: ["srm"])]))
            for status in [SessionStatus.completed, .failed] {
                let session = try await daemon.store.beginSession(device: device, trigger: .scheduled, operations: [])
                try await daemon.store.finishSession(session.id, status: status, error: nil, totals: SessionTotals())
            }
            let totals = SessionTotals(pulled: 3, pushed: 2, removed: 1, conflicts: 1, unchanged: 9, bytes: 4_096)
            daemon.publish(.started(operations: 7, bytes: 4_096))
            daemon.publish(.completed(totals, halts: []), totals: totals)
            let halt = SessionHalt(code: "mass-deletion", directory: "/s", message: "m")
            let halted = try await daemon.store.beginSession(device: device, trigger: .scheduled, operations: [])
            try await daemon.store.finishSession(
                halted.id, status: .halted, error: nil, totals: SessionTotals(held: 3), halts: [halt])
            daemon.publish(
                .completed(SessionTotals(), halts: [Halt(valve: .massDeletion, directory: "/s", message: "m")]),
                totals: SessionTotals())
            daemon.publish(
                .error(DeviceFailure(code: .unreachable, message: "m")), session: 2,
                totals: SessionTotals(pulled: 1, bytes: 4))
            // No session: another process holds the device.
            daemon.publish(.error(DeviceFailure(code: .busy, message: "m")), session: nil)

            let answer = try await http("GET /metrics", daemon.port)
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(answer.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"))
            let lines = Set(answer.split(separator: "\n").map(String.init))
            for line in [
                #"saveferry_sessions_total{device="pocket",status="completed"} 1"#,
                #"saveferry_sessions_total{device="pocket",status="failed"} 1"#,
                #"saveferry_sessions_total{device="pocket",status="halted"} 1"#,
                #"saveferry_halts_open{device="pocket"} 1"#, #"saveferry_saves_held{device="pocket"} 3"#,
                #"saveferry_sessions_total{device="pocket",status="cancelled"} 0"#,
                #"saveferry_operations_total{device="pocket",action="pull"} 4"#,
                #"saveferry_operations_total{device="pocket",action="push"} 2"#,
                #"saveferry_transferred_bytes_total{device="pocket"} 4100"#,
                #"saveferry_session_duration_seconds_count{device="pocket"} 1"#,
                #"saveferry_device_failures_in_a_row{device="pocket"} 2"#,
                #"saveferry_conflicts_open{device="pocket"} 0"#,
                #"saveferry_device_online{device="pocket"} 1"#,
                #"saveferry_build_info{version="1.2.3"} 1"#,
            ] {
                #expect(lines.contains(line), "\(line)\n\(answer)")
            }
            func value(_ name: String) -> Double {
                lines.first { $0.hasPrefix("\(name) ") }.flatMap { Double($0.dropFirst(name.count + 1)) } ?? -1
            }
            let success = value(#"saveferry_last_success_timestamp_seconds{device="pocket"}"#)
            #expect(abs(success - Date().timeIntervalSince1970) < 600)
            #expect(value("process_resident_memory_bytes") > 1_000_000)
            #expect(value("process_open_fds") > 3)
        }
    }

    @Test func `healthz says ok, or what is wrong`() async throws {
        try await Watched.run { daemon in
            let answer = try await http("GET /healthz", daemon.port)
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.hasSuffix("\r\n\r\nok\n"))
            daemon.store.close()
            let ill = try await http("GET /healthz", daemon.port)
            #expect(ill.hasPrefix("HTTP/1.1 503 Service Unavailable\r\n"))
            #expect(ill.contains("the database can't be read: "))
            #expect(try await http("GET /metrics", daemon.port).hasPrefix("HTTP/1.1 503 "))
        }
    }

    @Test func `HEAD, other methods, other paths, and a connection that is kept`() async throws {
        try await Watched.run { daemon in
            let head = try await http("HEAD /healthz", daemon.port)
            #expect(head.contains("Content-Length: 3\r\n") && head.hasSuffix("\r\n\r\n"))
            let post = try await http("POST /metrics", daemon.port, more: "Content-Length: 0\r\n")
            #expect(post.hasPrefix("HTTP/1.1 405 ") && post.contains("Allow: GET, HEAD\r\n"))
            #expect(try await http("GET /", daemon.port).hasPrefix("HTTP/1.1 404 "))
            #expect(try await http("GET /healthz?verbose", daemon.port).hasPrefix("HTTP/1.1 200 "))

            let kept = try await Peer(port: daemon.port)
            let request = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            try await kept.write(request + request)
            let answers = await kept.text { $0.components(separatedBy: "\r\n\r\nok\n").count == 3 }
            #expect(!answers.contains("close"))
            try await kept.close()
        }
    }

    @Test func `only who asks by address or as localhost is answered`() async throws {
        try await Watched.run { daemon in
            for host in ["127.0.0.1", "127.0.0.1:\(daemon.port)", "LocalHost:1", "[::1]:1", "192.0.2.1"] {
                #expect(try await http("GET /healthz", daemon.port, host: host).hasPrefix("HTTP/1.1 200 "), "\(host)")
            }
            for host in [
                "rebound.example", "rebound.example:\(daemon.port)", "127.0.0.1.rebound.example", "", "[rebound]",
            ] {
                let answer = try await http("GET /metrics", daemon.port, host: host)
                #expect(answer.hasPrefix("HTTP/1.1 421 ") && answer.contains("localhost\n"), "\(host): \(answer)")
            }
        }
    }

    @Test func `a header without end and what is no HTTP are refused`() async throws {
        try await Watched.run { daemon in
            let long = try await http(
                "GET /metrics", daemon.port, more: "X: \(String(repeating: "x", count: 20_000))\r\n")
            #expect(long.hasPrefix("HTTP/1.1 4"), "\(long.prefix(200))")
            let peer = try await Peer(port: daemon.port)
            try await peer.write("SSH-2.0-OpenSSH_9.2\r\n\r\n")
            #expect(await peer.text().hasPrefix("HTTP/1.1 400 "))
            let mixed = try await Peer(port: daemon.port)
            try await mixed.write("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nnonsense\r\n\r\n")
            #expect(await mixed.text().hasPrefix("HTTP/1.1 "))
            #expect(try await http("GET /healthz", daemon.port).hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test func `32 connections are served at once, and a place that is left is taken`() async throws {
        try await Watched.run { daemon in
            var peers: [Peer] = []
            for _ in 0..<32 {
                let peer = try await Peer(port: daemon.port)
                try await peer.write("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                _ = await peer.text { $0.hasSuffix("ok\n") }
                peers.append(peer)
            }
            let refused = try await Peer(port: daemon.port)
            #expect(await refused.text().isEmpty)
            try await peers.removeLast().close()
            try await eventually("there is room again") {
                // A connection that is refused may be gone before the request is written.
                (try? await http("GET /healthz", daemon.port))?.hasPrefix("HTTP/1.1 200 ") == true
            }
        }
    }

    @Test func `who connects and asks for nothing keeps nobody out: the first to come loses its place first`()
        async throws
    {
        try await Watched.run { daemon in
            let asked = try await Peer(port: daemon.port)
            try await asked.write("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            _ = await asked.text { $0.hasSuffix("ok\n") }
            var silent: [Peer] = []
            for number in 0..<40 {
                silent.append(try await Peer(port: daemon.port))
                if number % 2 == 0 { try await silent[number].write("GET /healthz HT") }
            }
            #expect(try await http("GET /healthz", daemon.port).hasPrefix("HTTP/1.1 200 "))
            #expect(try await http("GET /metrics", daemon.port).hasPrefix("HTTP/1.1 200 "))
            for peer in silent.prefix(9) { #expect(await peer.text().isEmpty) }
            // Who asked before still has its place.
            try await asked.write("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            #expect(await asked.text { $0.hasSuffix("ok\n") }.hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test func `clients that asked once and stay take no place from others`() async throws {
        try await Watched.run { daemon in
            var idle: [Peer] = []
            for _ in 0..<40 {
                let peer = try await Peer(port: daemon.port)
                try await peer.write("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                #expect(await peer.text { $0.hasSuffix("ok\n") }.hasPrefix("HTTP/1.1 200 "))
                idle.append(peer)
            }
            #expect(try await http("GET /metrics", daemon.port).hasPrefix("HTTP/1.1 200 "))
            for peer in idle.prefix(9) { #expect(await peer.text().isEmpty) }
        }
    }

    @Test func `a request that does not arrive in time is not waited for`() async throws {
        try await Watched.run { daemon in
            let endpoint = try MetricsEndpoint(
                try #require(LoopbackAddress("127.0.0.1:0")), counts: SessionCounts(), store: daemon.store,
                vitals: Vitals(of: daemon.store, library: LibraryWatch {}), version: "1", outlook: { [] },
                patience: (first: .milliseconds(100), next: .seconds(60)))
            let port = try #require(Int(endpoint.address.description.split(separator: ":").last ?? ""))
            let serving = Task { try await endpoint.run() }
            for beginning in ["", "GET /healthz HTTP/1.1\r\nHost:"] {
                let peer = try await Peer(port: port)
                // On a slow machine its time may be over already.
                try? await peer.write(beginning)
                #expect(await peer.text().isEmpty)
            }
            serving.cancel()
            _ = try? await serving.value
        }
    }

    @Test func `a port that is taken is named`() async throws {
        try await Watched.run { daemon in
            let address = try #require(LoopbackAddress("127.0.0.1:\(daemon.port)"))
            let error = #expect(throws: ListenError.self) { () throws in try BoundSocket.loopback(address) }
            #expect(
                error?.description.hasPrefix("can't listen on 127.0.0.1:\(daemon.port): Address already in use.")
                    == true)
        }
    }

    @Test(
        arguments: [
            ("127.0.0.1:9632", "127.0.0.1:9632"), ("127.8.9.10:1", "127.8.9.10:1"), ("localhost:80", "127.0.0.1:80"),
            ("[::1]:9632", "[::1]:9632"), ("127.0.0.1:0", "127.0.0.1:0"), ("0.0.0.0:9632", nil), ("[::]:9632", nil),
            ("192.168.1.2:9632", nil), ("128.0.0.1:9632", nil), (":9632", nil), ("9632", nil), ("127.0.0.1", nil),
            ("127.0.0.1:70000", nil), ("127.0.0.1:x", nil), ("example.com:80", nil), ("::1:80", nil), ("", nil),
        ] as [(String, String?)])
    func `only loopback addresses with a port are taken`(_ text: String, _ shown: String?) {
        #expect(LoopbackAddress(text)?.description == shown)
    }

    @Test func `names and values are escaped as the format wants`() {
        var text = MetricsText()
        text.begin("m", .gauge, "back\\slash\nand \"quotes\"")
        text.add("m", ["device": "a\"b\\c\nd", "x": "ü"], 1.5)
        text.add("m", [:], 1e9)
        #expect(
            text.text == """
                # HELP m back\\\\slash\\nand "quotes"
                # TYPE m gauge
                m{device="a\\"b\\\\c\\nd",x="ü"} 1.5
                m 1000000000

                """)
    }
}
