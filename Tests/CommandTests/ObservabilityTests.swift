import Foundation
import TestSupport
import Testing

extension ProgramTests {
    /// What a running `serve` shows, to the program's other commands and in its log.
    @Suite struct ObservabilityTests {
        @Test func `events tells what serve does, in order, and ends with it`() async throws {
            let installation = try await Installation.withDevice()
            let daemon = try installation.start("serve", "--schedule", "1h")
            try await eventually("the first run is told") {
                try await installation.run("events").output.contains("sync:completed")
            }
            let told = try await installation.run("events", "--device", "pocket")
            #expect(told.status == 0)
            let events = documents(told.output)
            #expect(
                events.map { $0["event"] as? String } == ["sync:started", "sync:completed"])
            #expect(events.allSatisfy { $0["device"] as? String == "pocket" && $0["session"] as? Int == 1 })
            #expect(events.last?["pulled"] as? Int == 1 && events.last?["bytes"] as? Int == 1)

            let follower = try ServerProcess(
                Installation.program, ["events", "--follow", "--home", installation.home.path],
                log: installation.home("events"))
            try await eventually("it follows") { read(installation, "events").contains("sync:completed") }
            daemon.signal(SIGTERM)
            #expect(try await daemon.waitForEnd() == 0)
            #expect(try await follower.waitForEnd() == 1)
            #expect(read(installation, "events").hasSuffix("error: the daemon ended\n"))
        }

        @Test func `without a daemon, events says how to start one; a name that no device has is refused`() async throws
        {
            let installation = try await Installation.withDevice()
            let alone = try await installation.run("events", "--follow")
            #expect(alone.status == 2 && alone.output.isEmpty)
            #expect(alone.errorOutput == "error: no daemon is running; start one with `saveferry serve`\n")
            let unknown = try await installation.run("events", "--device", "pockte")
            #expect(unknown.status == 2)
            #expect(unknown.errorOutput.contains("there is no device named pockte"))
        }

        @Test func `events ends when nobody reads it any more`() async throws {
            let installation = try await Installation.withDevice()
            let daemon = try installation.start("serve", "--schedule", "1h")
            try await eventually("the first run is told") {
                try await installation.run("events").output.contains("sync:completed")
            }
            let result = try await Command.run(
                "/bin/sh",
                ["-c", "\"$0\" events --home \"$1\" | head -n 1", Installation.program, installation.home.path])
            #expect(documents(result.output).count == 1 && result.errorOutput.isEmpty)
            daemon.signal(SIGTERM)
            #expect(try await daemon.waitForEnd() == 0)
        }

        @Test func `status shows what the last run did, and whether a daemon runs`() async throws {
            let installation = try await Installation.withDevice()
            let fresh = try await installation.run("status")
            #expect(fresh.output.contains("never"))
            #expect(fresh.output.hasSuffix("No daemon is running; start one with `saveferry serve`.\n"))
            #expect(try await installation.json("status")["daemon"] is NSNull)

            let daemon = try installation.start("serve", "--schedule", "1h")
            try await eventually("the first run is recorded") {
                try await installation.run("status").output.contains("1 pulled")
            }
            let text = try await installation.run("status").output
            #expect(text.contains("The daemon (process \(daemon.pid)) has been running since "), "\(text)")
            let document = try await installation.json("status")
            let described = try #require(document["daemon"] as? [String: Any])
            #expect(described["pid"] as? Int == Int(daemon.pid) && described["version"] is String)
            let device = try #require((document["devices"] as? [[String: Any]])?.first)
            #expect(device["errors_in_a_row"] as? Int == 0 && device["open_conflicts"] as? Int == 0)
            #expect((device["last_session"] as? [String: Any])?["pulled"] as? Int == 1)
            #expect(device["last_success"] is String)
            daemon.signal(SIGTERM)
            #expect(try await daemon.waitForEnd() == 0)
        }

        @Test func `a daemon that hangs keeps status for a second only`() async throws {
            let installation = try await Installation.withDevice()
            let daemon = try installation.start("serve", "--schedule", "1h")
            try await eventually("the daemon answers") {
                try await installation.run("status").output.contains("The daemon (process")
            }
            daemon.signal(SIGSTOP)
            let result = try await installation.run("status")
            daemon.signal(SIGCONT)
            #expect(result.status == 0 && result.output.contains("pocket"))
            #expect(result.output.hasSuffix("The daemon's part is missing: the daemon does not answer.\n"))
            daemon.signal(SIGTERM)
            #expect(try await daemon.waitForEnd() == 0)
        }

        @Test func `failures that follow each other are counted, with the reason in short`() async throws {
            let installation = try await Installation.withDevice()
            _ = try await installation.run("sync")
            _ = try await installation.run("device", "edit", "pocket", "--port", "\(freePort())")
            for _ in 0..<2 { #expect(try await installation.run("sync").status == 5) }
            let device = try #require((try await installation.json("status")["devices"] as? [[String: Any]])?.first)
            #expect(device["errors_in_a_row"] as? Int == 2)
            let text = try await installation.run("status").output
            #expect(text.contains("can't be reached") || text.contains("refused"), "\(text)")
            #expect(text.split(separator: "\n").allSatisfy { $0.count < 160 }, "\(text)")
        }

        @Test func `metrics and health are offered where serve says`() async throws {
            let installation = try await Installation.withDevice()
            let daemon = try installation.start("serve", "--schedule", "1h", "--metrics", "127.0.0.1:0")
            var address = ""
            try await eventually("serve says where") {
                let log = read(installation, "log")
                address = log.firstMatch(of: #/http://(127\.0\.0\.1:\d+)/metrics/#).map { String($0.1) } ?? ""
                return !address.isEmpty
            }
            let port = try #require(Int(address.split(separator: ":").last ?? ""))
            #expect(accepts(port))
            let elsewhere = try TemporaryFolder()
            let taken = try await Command.run(
                Installation.program, ["serve", "--metrics", address, "--home", elsewhere.path])
            // A service manager tries again.
            #expect(taken.status == 1)
            #expect(taken.errorOutput.contains("error: can't listen on \(address): Address already in use."))
            daemon.signal(SIGTERM)
            #expect(try await daemon.waitForEnd() == 0)
            let open = try await installation.run("serve", "--schedule", "1h", "--metrics", "0.0.0.0:9632")
            #expect(open.status == 2 && open.errorOutput.contains("expected a loopback address and a port"))
        }

        @Test func `the log of serve in a file has times, as JSON every line is a document, errors too`() async throws {
            let installation = try await Installation.withDevice()
            let plain = try await installation.run(
                ["serve", "--metrics", "10.0.0.1:1"], environment: ["JOURNAL_STREAM": "1:1"])
            #expect(plain.status == 2)
            #expect(
                plain.errorOutput.wholeMatch(
                    of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z error: --metrics: "10.0.0.1:1" can't be used; .*\n/#)
                    != nil,
                "\(plain.errorOutput)")
            try installation.home.write("log_format: json\n", to: "saveferry.yaml")
            let json = try await installation.run("serve", "--metrics", "10.0.0.1:1")
            #expect(documents(json.errorOutput).map { $0["level"] as? String } == ["error"])
            let flag = try await installation.run("serve", "--metrics", "10.0.0.1:1", "--log-format", "text")
            #expect(flag.errorOutput.contains("Z error: --metrics: "))

            let daemon = try installation.start("serve", "--schedule", "1h")
            try await eventually("the first run is logged") { read(installation, "log").contains("synced") }
            daemon.signal(SIGTERM)
            #expect(try await daemon.waitForEnd() == 0)
            let lines = read(installation, "log").split(separator: "\n")
            let log = documents(read(installation, "log"))
            #expect(log.count == lines.count)
            #expect(log.allSatisfy { Set($0.keys).isSuperset(of: ["time", "level", "message"]) })
            #expect(log.contains { $0["device"] as? String == "pocket" && $0["session"] as? String == "1" })
        }

        @Test func `where standard error is the journal's, lines begin with their priority`() async throws {
            let installation = try await Installation.withDevice()
            // As systemd sets it: the device and inode of standard error.
            let script =
                "exec 2>\"$1/journal\"; export JOURNAL_STREAM=$(stat -c %d:%i \"$1/journal\"); \"$0\" serve --metrics 10.0.0.1:1 --home \"$1\""
            let result = try await Command.run("/bin/sh", ["-c", script, Installation.program, installation.home.path])
            #expect(result.status == 2)
            #expect(read(installation, "journal").hasPrefix("<3>error: --metrics: "))
        }

        @Test(arguments: [
            (
                ["SAVEFERRY_LOG_FORMAT": "xml"],
                "SAVEFERRY_LOG_FORMAT: log_format: \"xml\" can't be used; expected text or json"
            ),
            (
                ["SAVEFERRY_LOG": "loud"],
                "SAVEFERRY_LOG: log_level: \"loud\" can't be used; expected one of trace, debug"
            ),
            (
                ["SAVEFERRY_METRICS": "9632"],
                "SAVEFERRY_METRICS: metrics: \"9632\" can't be used; expected a loopback address"
            ),
        ])
        func `a setting that can't be used is named`(_ environment: [String: String], _ message: String) async throws {
            let result = try await Installation().run(["status"], environment: environment)
            #expect(result.status == 2 && result.errorOutput.contains(message), "\(result.errorOutput)")
        }

        private func documents(_ text: String) -> [[String: Any]] {
            text.split(separator: "\n").compactMap { line in
                (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any]
            }
        }

        private func read(_ installation: Installation, _ file: String) -> String {
            String(decoding: installation.home.read(file) ?? [], as: UTF8.self)
        }
    }
}
