import Foundation
import Orchestrator
import Planner
import SSHClient
import Store
import TestSupport
import Testing

extension ScenarioTests {
    /// Large saves that the device hashes itself, so that what did not change is not received, over a real sshd. A gate before
    /// the SFTP server counts what is read, and commands of a test's own stand in for the device's.
    @Suite struct RecognitionTests {
        let hub: Hub
        let gate: SFTPGate
        let pocket: Handheld
        /// The device finds its commands here first.
        let tools: TemporaryFolder
        private let reads = Counter()

        private static let card = RecognitionTests.bytes(seed: 1)

        /// Both sides agree on a memory card, under a stamp that proves nothing yet.
        init() async throws {
            hub = try await Hub()
            gate = try SFTPGate()
            tools = try TemporaryFolder()
            var options = OpenSSHServer.Options.behind(gate)
            options.lines = "SetEnv SHLVL=1 PATH=\(tools.path):/usr/local/bin:/usr/bin:/bin"
            pocket = try await Handheld(of: hub, server: try await OpenSSHServer(options))
            try write(Self.card, time: 1_700_000_000)
            try await pocket.sync(expecting: [.pull: 1])
            hub.clock.advance(seconds: 10)
            gate.set { [reads] packet in
                if packet.request == "read", !packet.isAnswer { reads.increment() }
                return .pass
            }
        }

        private static func bytes(seed: UInt64, count: Int = 3 << 20) -> [UInt8] {
            SplitMix64.bytes(seed: seed, count: count)
        }

        private func write(_ bytes: [UInt8], to file: String = "Metroid.srm", time: Int) throws {
            try pocket.folder.write(bytes, to: "saves/\(file)")
            try pocket.folder.setTime(time, of: "saves/\(file)")
        }

        /// Lets the device run this script as the command `name`.
        private func install(_ name: String, _ script: String) throws {
            try tools.write("#!/bin/sh\n\(script)\n", to: name, mode: 0o755)
        }

        private var commandsRun: Int {
            pocket.server.log.components(separatedBy: "Starting session: command").count - 1
        }

        /// The bytes of the library's current version of the save.
        private func current(_ game: String = "Metroid") async throws -> [UInt8]? {
            let version = try await hub.history(hub.save(game).id).first { $0.isCurrent }
            return version.flatMap { hub.folder.read("library/\($0.libraryPath)") }
        }

        private func isAgreedOn(time: Int) async throws -> Bool {
            try await Rows.synced(hub).allSatisfy { $0.contains("|\(time)|") }
        }

        // MARK: Recognized

        @Test func `a large file is not read again when its stamp settles, nor when it was only touched`() async throws
        {
            try await pocket.sync(expecting: [:])
            #expect(reads.value == 0 && commandsRun == 1)
            let settled = try await Rows.synced(hub)
            try await pocket.sync(expecting: [:])
            #expect(try await Rows.synced(hub) == settled && commandsRun == 1)

            try write(Self.card, time: 1_700_003_600)
            let operation = try #require(try await pocket.plan().operations.first)
            #expect(operation.action == .noOp && operation.reason == "in step")
            try await pocket.sync(expecting: [:])
            #expect(reads.value == 0 && commandsRun == 3)
            #expect(try await isAgreedOn(time: 1_700_003_600))
            hub.clock.advance(seconds: 10)
            try await pocket.sync(expecting: [:])
            let rows = try await Rows.synced(hub)
            try await pocket.sync(expecting: [:])
            #expect(try await Rows.synced(hub) == rows && reads.value == 0 && commandsRun == 4)
            #expect(try await hub.history(hub.save("Metroid").id).count == 1)
        }

        @Test func `no command is run where nothing large changed`() async throws {
            try await pocket.sync(expecting: [:])
            let before = commandsRun
            try pocket.write("Zelda.srm", "small")
            try write(Self.bytes(seed: 2), to: "New.srm", time: 1_700_000_000)
            try write(Self.card + [0], time: 1_700_000_100)
            try await pocket.sync(expecting: [.pull: 3])
            #expect(commandsRun == before)
            #expect(try await current() == Self.card + [0])
        }

        @Test func `a name with all that shells take for something else`() async throws {
            let name = #"Mario & Luigi's "best" $(touch made) `touch made`; \n * ?.srm"#
            try write(Self.card, to: name, time: 1_700_000_000)
            try await pocket.sync(expecting: [.pull: 1])
            hub.clock.advance(seconds: 10)
            let before = (reads: reads.value, files: pocket.folder.everything())
            try await pocket.sync(expecting: [:])
            #expect(reads.value == before.reads && pocket.folder.everything() == before.files)
        }

        @Test func `a zip is recognized by its bytes, and repacked it is read`() async throws {
            try pocket.folder.write(Self.bytes(seed: 3), to: "in/data.bin")
            try pocket.folder.write("", to: "zips/.empty")
            try await pocket.edit { settings in
                settings.directories = [
                    SaveDirectory(id: 0, path: pocket.folder("zips"), platform: .named("n64"), extensions: ["zip"])
                ]
            }
            func pack(_ option: String, time: Int) async throws {
                let path = pocket.folder("zips/Doom.zip")
                let script = "cd \(pocket.folder("in")) && rm -f \(path) && zip -q \(option) \(path) data.bin"
                let made = try await Command.run("sh", ["-c", script])
                try #require(made.status == 0, "\(made.errorOutput)")
                try pocket.folder.setTime(time, of: "zips/Doom.zip")
            }
            try await pack("-0", time: 1_700_000_000)
            try await pocket.sync(expecting: [.pull: 1])
            let first = reads.value
            try pocket.folder.setTime(1_700_000_100, of: "zips/Doom.zip")
            try await pocket.sync(expecting: [:])
            #expect(reads.value == first)
            try await pack("-0 -X", time: 1_700_000_200)
            try await pocket.sync(expecting: [:])
            #expect(reads.value > first)
            #expect(try await hub.history(hub.save("Doom").id).count == 1)
        }

        @Test func `a folder save is recognized when all of its files are, else it is read`() async throws {
            try await pocket.edit { settings in
                settings.directories = [
                    SaveDirectory(id: 0, path: pocket.folder("folders"), platform: .named("psp"), layout: .folders)
                ]
            }
            func writePart(_ part: String, _ bytes: [UInt8], time: Int) throws {
                try pocket.folder.write(bytes, to: "folders/ULUS10041/\(part)")
                try pocket.folder.setTime(time, of: "folders/ULUS10041/\(part)")
            }
            try writePart("a/DATA.BIN", Self.card, time: 1_700_000_000)
            try writePart("b", Self.bytes(seed: 4), time: 1_700_000_000)
            try await pocket.sync(expecting: [.pull: 1])
            let first = reads.value
            try writePart("b", Self.bytes(seed: 4), time: 1_700_000_100)
            try await pocket.sync(expecting: [:])
            #expect(reads.value == first)
            try writePart("b", Self.bytes(seed: 5), time: 1_700_000_200)
            try await pocket.sync(expecting: [.pull: 1])
            #expect(reads.value > first)
            hub.clock.advance(seconds: 10)
            try await pocket.sync(expecting: [:])
            try await pocket.rerunIsQuiet()
        }

        @Test func `what the server's change replaces is read once, right before it is replaced`() async throws {
            let before = Self.card
            try await changeOnServer(Self.bytes(seed: 6))
            let first = reads.value
            try await pocket.sync(expecting: [.push: 1])
            // A chunk is 32 KiB at least.
            #expect(reads.value - first <= before.count / (32 << 10) * 3 / 2)
            #expect(pocket.folder.read("saves/Metroid.srm") == Self.bytes(seed: 6))
            #expect(try await hub.history(hub.save("Metroid").id).count == 2)
            hub.clock.advance(seconds: 10)
            try await pocket.sync(expecting: [:])
            try await pocket.rerunIsQuiet()
        }

        @Test func `a large save that the server has only the beginning of is held, without being received`()
            async throws
        {
            try await changeOnServer(Array(Self.card.prefix(2 << 20)), allowing: [.truncatedSave])
            let first = reads.value
            let report = try await pocket.sync(expecting: [.hold: 1])
            #expect(report.plan?.halts.map(\.valve) == [.truncatedSave], "\(report.shown)")
            #expect(reads.value == first && commandsRun > 0)
            #expect(pocket.folder.read("saves/Metroid.srm") == Self.card)
        }

        private func changeOnServer(_ bytes: [UInt8], allowing valves: Set<Valve> = []) async throws {
            let other = try await Handheld("other", of: hub)
            try await other.sync(expecting: [.push: 1])
            try other.folder.write(bytes, to: "saves/Metroid.srm")
            try other.folder.setTime(1_700_009_000, of: "saves/Metroid.srm")
            #expect(try await other.sync(allowing: valves).done == [.pull: 1])
        }

        // MARK: Not recognized

        @Test func `other content of the same size is read and pulled`() async throws {
            try write(Self.bytes(seed: 7), time: 1_700_000_100)
            try await pocket.sync(expecting: [.pull: 1])
            #expect(commandsRun == 1 && reads.value > 0)
            #expect(try await current() == Self.bytes(seed: 7))
        }

        @Test(arguments: [
            ("sha256sum", "echo $$ garbage; cat > /dev/null; yes | head -c 3000000"),
            ("sha256sum", "cat > /dev/null; printf '%064d  -\\n' 0"),
            ("sha256sum", "kill -KILL $$"),
            ("sha256sum", "echo 'not found' >&2; exit 127"),
            // The device's shell sees another file than SFTP does.
            ("stat", "echo 3145728 1600000000"),
            ("stat", "echo 7 1700000100"),
            ("stat", "exit 1"),
        ])
        func `a device whose commands are broken is read`(_ name: String, _ script: String) async throws {
            try install(name, script)
            try write(Self.card, time: 1_700_000_100)
            try await pocket.sync(expecting: [:])
            #expect(commandsRun == 1 && reads.value > 0)
            #expect(try await isAgreedOn(time: 1_700_000_100))
        }

        @Test(arguments: ["ForceCommand internal-sftp", "MaxSessions 1"])
        func `a device that runs no commands is read`(_ line: String) async throws {
            var options = OpenSSHServer.Options()
            options.lines = line
            let bare = try await Handheld("bare", of: hub, server: try await OpenSSHServer(options))
            try bare.folder.write(Self.card, to: "saves/Metroid.srm")
            let report = try await bare.sync()
            #expect(report.failure == nil && report.status == .completed && report.moved == [:], "\(report.shown)")
            try bare.folder.write(Self.bytes(seed: 11), to: "saves/Metroid.srm")
            try await bare.sync(expecting: [.pull: 1])
            #expect(try await current() == Self.bytes(seed: 11))
        }

        /// A server whose sessions begin with this script, which can end their connection by `kill -KILL $PPID`.
        private func server(beginningWith script: String) async throws -> OpenSSHServer {
            let path = try tools.write("#!/bin/sh\n\(script)\nexec $SSH_ORIGINAL_COMMAND\n", to: "begin", mode: 0o755)
            var options = OpenSSHServer.Options()
            options.lines = "ForceCommand \(path)"
            return try await OpenSSHServer(options)
        }

        private var tries: Int { tools.read("tries")?.count ?? 0 }

        @Test func `a device that ends the connection over a command is read without, and not asked again`()
            async throws
        {
            let script = """
                case $SSH_ORIGINAL_COMMAND in
                *sftp-server*) ;;
                *) printf x >> \(tools("tries")); kill -KILL $PPID ;;
                esac
                """
            let hasty = try await Handheld("hasty", of: hub, server: try await server(beginningWith: script))
            try hasty.folder.write(Self.card, to: "saves/Metroid.srm")
            try hasty.write("Zelda.srm", "small")
            for day in 0..<3 {
                hub.clock.advance(seconds: 86_400)
                try hasty.folder.setTime(1_700_000_000 + day * 100, of: "saves/Metroid.srm")
                try hasty.write("Zelda.srm", "of day \(day)")
                try await hasty.sync(expecting: [.pull: 1])
                #expect(tries == 1)
            }
            #expect(try await hub.content("Zelda") == "of day 2")
            // Things change: it is asked once more after a week.
            hub.clock.advance(seconds: 7 * 86_400)
            try hasty.folder.setTime(1_700_001_000, of: "saves/Metroid.srm")
            try await hasty.sync(expecting: [:])
            #expect(tries == 2)
            // Nor is it asked where the user says so.
            try await hasty.edit { $0.runsCommands = false }
            try hasty.folder.setTime(1_700_002_000, of: "saves/Metroid.srm")
            try await hasty.sync(expecting: [:])
            #expect(tries == 2)
        }

        @Test func `a device that ends the connection over a further channel gets everything over one`() async throws {
            for index in 0..<70 { try pocket.write("Game \(index).srm", "save \(index)") }
            try await pocket.sync(expecting: [.pull: 70])
            let script = """
                mkdir \(tools("lock")).$PPID || { printf x >> \(tools("tries")); kill -KILL $PPID; }
                """
            let narrow = try await Handheld("narrow", of: hub, server: try await server(beginningWith: script))
            try await narrow.sync(expecting: [.push: 71])
            #expect(narrow.read("Game 69.srm") == "save 69")
            #expect(tries > 0)
            #expect(try await narrow.device.speedUpsFailedAt != nil)
        }

        @Test func `doctor looks at commands last, and what the server does not do ends nothing`() async throws {
            let server = try await server(
                beginningWith: "case $SSH_ORIGINAL_COMMAND in *sftp-server*) ;; *) kill -KILL $PPID ;; esac")
            let hasty = try await Handheld("hasty", of: hub, server: server)
            try hasty.write("Zelda.srm", "small")
            let findings = await hub.orchestrator.examine(try await hasty.device, writeTest: true)
            #expect(findings.allSatisfy { $0.result != .failed }, "\(findings)")
            #expect(findings.contains { $0.check.hasSuffix(": writing") && $0.result == .fine })
            #expect(findings.last?.detail.contains("ends the connection when it is to run a command") == true)
        }

        @Test func `doctor goes on where free space is offered to be told and then is not`() async throws {
            // What asks for it is renamed on its way, and the server does not know it.
            var options = OpenSSHServer.Options()
            options.sftpPrelude = """
                perl -e '$| = 1; while (sysread(STDIN, $b, 65536)) { $b =~ s/statvfs\\@/nothing\\@/g; syswrite(STDOUT, $b) }' |
                """
            let vague = try await Handheld("vague", of: hub, server: try await OpenSSHServer(options))
            try vague.write("Zelda.srm", "small")
            let findings = await hub.orchestrator.examine(try await vague.device, writeTest: true)
            #expect(findings.allSatisfy { $0.result != .failed }, "\(findings)")
            #expect(findings.contains { $0.check.hasSuffix(": space") && $0.result == .warning })
            #expect(findings.contains { $0.check.hasSuffix(": writing") && $0.result == .fine })
        }

        @Test func `a command that hangs is given up, and the file is read`() async throws {
            let hub = try await Hub(
                deadlines: Deadlines(
                    connect: .seconds(60), handshake: .seconds(60), idle: .seconds(60), command: .milliseconds(50)))
            let slow = try await Handheld("slow", of: hub, server: pocket.server)
            try slow.folder.write(Self.card, to: "saves/Metroid.srm")
            try slow.write("Zelda.srm", "small")
            try await slow.sync(expecting: [.pull: 2])
            try install("sha256sum", "exec sleep 1000")
            hub.clock.advance(seconds: 10)
            let first = reads.value
            try await slow.sync(expecting: [:])
            #expect(reads.value > first)
            try slow.write("Zelda.srm", "changed")
            try await slow.sync(expecting: [.pull: 1])
            #expect(commandsRun == 1)
        }

        @Test func `a file that changes after it was hashed is read`() async throws {
            try pocket.folder.write(Self.bytes(seed: 8), to: "played")
            try install(
                "sha256sum", "/usr/bin/sha256sum; cp \(pocket.folder("played")) \(pocket.folder("saves/Metroid.srm"))")
            try await pocket.sync(expecting: [.pull: 1])
            #expect(try await current() == Self.bytes(seed: 8))
        }

        @Test func `a device that lies about a file gets nothing put over it`() async throws {
            try await changeOnServer(Self.bytes(seed: 9))
            let known = try await Command.run("sha256sum", [pocket.folder("saves/Metroid.srm")]).output.prefix(64)
            try install("sha256sum", "cat > /dev/null; echo '\(known)  -'")
            try write(Self.bytes(seed: 10), time: 1_700_000_100)
            let report = try await pocket.sync()
            #expect(report.failure == nil && report.status == .failed && report.done == [:], "\(report.shown)")
            #expect(pocket.folder.read("saves/Metroid.srm") == Self.bytes(seed: 10))
            try FileManager.default.removeItem(atPath: tools("sha256sum"))
            try await pocket.sync(expecting: [.conflict: 1])
        }
    }
}
