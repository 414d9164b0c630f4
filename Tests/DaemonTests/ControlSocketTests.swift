import Foundation
import Store
import TestSupport
import Testing

@testable import Daemon
@testable import Orchestrator
@testable import Planner

/// The daemon's socket, over real connections.
@Suite struct ControlSocketTests {
    @Test func `what was, and what is under way, is told as lines of JSON`() async throws {
        try await Watched.run { daemon in
            daemon.publish(.started(operations: 2, bytes: 10))
            daemon.publish(.progress(done: 1, of: 2, bytes: 5))
            daemon.publishConflict("Zelda\u{1b}[2J\n\u{9b}2Jé")
            let halt = Halt(valve: .massDeletion, directory: "/saves", message: "too many are gone")
            let totals = SessionTotals(pulled: 1, conflicts: 1, unchanged: 7, bytes: 5)
            daemon.publish(.completed(totals, halts: [halt]), totals: totals)
            daemon.publish(.started(operations: 1, bytes: 3), device: "deck", session: 2)
            daemon.publish(.progress(done: 0, of: 9, bytes: 1), device: "deck", session: 2)
            daemon.publish(
                .error(DeviceFailure(code: .unreachable, message: "no answer", advice: "Switch it on.")),
                device: "phone", session: nil)
            let answer = try await daemon.ask(#"{"request":"events"}"#)
            #expect(!answer.contains("\u{1b}") && !answer.contains("\u{9b}") && answer.contains("é"))
            let events = answer.documents
            #expect(
                events.map { $0["event"] as? String } == [
                    "sync:started", "sync:conflict", "sync:completed", "sync:started", "sync:progress", "sync:error",
                ])
            #expect(events[0]["operations"] as? Int == 2 && events[0]["bytes"] as? Int == 10)
            #expect(events[0]["device"] as? String == "pocket" && events[0]["session"] as? Int == 1)
            let time = try #require(events[0]["time"] as? String)
            #expect(time.wholeMatch(of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/#) != nil)
            #expect(
                events[1]["game"] as? String == "Zelda\u{1b}[2J\n\u{9b}2Jé" && events[1]["platform"] as? String == "gba"
            )
            #expect(events[1]["kind"] as? String == "save" && events[1]["slot"] as? String == "main")
            #expect(events[2]["status"] as? String == "HALTED")
            #expect(events[2]["pulled"] as? Int == 1 && events[2]["unchanged"] as? Int == 7)
            let halts = try #require(events[2]["halts"] as? [[String: String]])
            #expect(halts == [["code": "mass-deletion", "directory": "/saves", "message": "too many are gone"]])
            #expect(events[4]["done"] as? Int == 0 && events[4]["of"] as? Int == 9)
            #expect(events[5]["code"] as? String == "unreachable" && events[5]["advice"] as? String == "Switch it on.")
            #expect(events[5]["session"] == nil)
        }
    }

    @Test func `who follows gets what comes, of the devices asked for, and the last event before the end`() async throws
    {
        let told = try await Watched.run { daemon in
            daemon.publishConflict("Before")
            let peer = try await Peer(of: daemon)
            try await peer.write(#"{"request":"events","follow":true,"devices":["pocket"]}"# + "\n")
            let first = await peer.text { $0.contains("Before") }
            daemon.publishConflict("Other", device: "deck")
            daemon.publishConflict("During")
            let second = await peer.text { $0.contains("During") }
            daemon.publishConflict("Last")
            await daemon.end()
            return first + second + (await peer.text())
        }
        #expect(told.documents.map { $0["game"] as? String } == ["Before", "During", "Last"])
    }

    @Test func `who reads too slowly loses the oldest, learns how many, and keeps nobody waiting`() async throws {
        try await Watched.run { daemon in
            let slow = try await Peer(of: daemon)
            daemon.publishConflict("Begin")
            try await slow.write(#"{"request":"events","follow":true}"# + "\n")
            _ = await slow.text { $0.contains("Begin") }
            try await slow.read(false)
            // More than fits into the socket and the reader's queue.
            let game = String(repeating: "g", count: 1_000)
            for number in 1...5_000 { daemon.publishConflict("\(number) \(game)") }
            // Everybody else is served meanwhile.
            #expect(try await daemon.ask(#"{"request":"status"}"#).contains("1.2.3"))
            try await slow.read(true)
            daemon.publishConflict("The end")
            let events = await slow.text { $0.contains("The end") }.documents
            let numbers = events.compactMap { ($0["game"] as? String)?.split(separator: " ").first.flatMap { Int($0) } }
            let lost = events.filter { $0["event"] as? String == "lost" }.compactMap { $0["count"] as? Int }
            #expect(!lost.isEmpty)
            // Each was read or lost, in order, and the newest was read.
            #expect(numbers == numbers.sorted() && numbers.last == 5_000)
            #expect(numbers.count + lost.reduce(0, +) == 5_000)
        }
    }

    @Test func `clients that connect while the daemon ends are sent away and do it no harm`() async throws {
        let (connections, connected) = AsyncStream.makeStream(of: Void.self)
        let arriving = try await Watched.run { daemon in
            // Somebody who keeps the end waiting.
            let stuck = try await Peer(of: daemon)
            daemon.publishConflict("Begin")
            try await stuck.write(#"{"request":"events","follow":true}"# + "\n")
            _ = await stuck.text { $0.contains("Begin") }
            try await stuck.read(false)
            let game = String(repeating: "g", count: 1_000)
            for _ in 1...2_000 { daemon.publishConflict(game) }
            let arriving = (1...4).map { _ in
                Task {
                    while let peer = try? await Peer(of: daemon) {
                        connected.yield()
                        try? await peer.write(#"{"request":"status"}"# + "\n")
                        try? await peer.close()
                    }
                }
            }
            var many = 0
            for await _ in connections {
                many += 1
                if many == 100 { break }
            }
            await daemon.end()
            return arriving
        }
        // Nobody accepts them any more.
        for one in arriving { await one.value }
    }

    @Test func `status tells who runs since when, and what the scheduler knows`() async throws {
        let next = Date(timeIntervalSince1970: 1_790_000_000)
        let outlook = DeviceOutlook(
            id: 7, name: "pocket", isOnline: false, nextRun: next, isRunning: true, failuresInARow: 2, lastFailure: "x")
        let before = Date().timeIntervalSince1970
        try await Watched.run(outlook: [outlook]) { daemon in
            let report = try await daemon.report()
            #expect(report.pid == getpid() && report.version == "1.2.3")
            #expect(report.devices == [.init(id: 7, online: false, nextRun: next, running: true)])
            // Told in whole seconds.
            #expect(before - 1 < report.since.timeIntervalSince1970 && report.since < Date())
        }
    }

    @Test(arguments: ["nonsense", #"{"request":"shutdown"}"#, "[]", "", String(repeating: "x", count: 5_000)])
    func `a request that is none is answered with what there is`(_ request: String) async throws {
        try await Watched.run { daemon in
            let error = try await daemon.ask(request).documents.first?["error"] as? String
            #expect(error?.contains(#"{"request":"status"}"#) == true)
        }
    }

    @Test func `64 clients are served at once, and a place that is left is taken`() async throws {
        try await Watched.run { daemon in
            daemon.publishConflict("Begin")
            var followers: [Peer] = []
            for _ in 0..<64 {
                let peer = try await Peer(of: daemon)
                try await peer.write(#"{"request":"events","follow":true}"# + "\n")
                _ = await peer.text { $0.contains("Begin") }
                followers.append(peer)
            }
            #expect(try await daemon.ask(#"{"request":"status"}"#).contains("64 clients are connected already"))
            try await followers.removeLast().close()
            try await eventually("there is room again") {
                try await daemon.ask(#"{"request":"status"}"#).contains("1.2.3")
            }
        }
    }

    @Test func `who connects and asks for nothing keeps nobody out`() async throws {
        try await Watched.run { daemon in
            var silent: [Peer] = []
            for _ in 0..<70 { silent.append(try await Peer(of: daemon)) }
            #expect(try await daemon.ask(#"{"request":"status"}"#).contains("1.2.3"))
            #expect(await silent[0].text().isEmpty)
        }
    }

    @Test func `the socket is the user's alone, and gone after the end`() async throws {
        let folder = try await Watched.run { daemon in
            var info = stat()
            #expect(lstat(daemon.socket, &info) == 0)
            #expect(info.st_mode == S_IFSOCK | 0o600)
            return daemon
        }
        #expect(!FileManager.default.fileExists(atPath: folder.socket))
        let client = ControlClient(stateDirectory: folder.store.stateDirectory)
        await #expect(throws: ControlError.absent) { try await client.status(within: .seconds(longEnough)) }
    }

    @Test func `a socket that a killed daemon left is replaced, and nothing else is`() async throws {
        let folder = try TemporaryFolder()
        let left = try BoundSocket.local(in: folder.path)
        close(left)
        let client = ControlClient(stateDirectory: folder.path)
        await #expect(throws: ControlError.absent) { try await client.status(within: .seconds(longEnough)) }
        close(try BoundSocket.local(in: folder.path))
        try FileManager.default.removeItem(atPath: folder("saveferry.sock"))
        try folder.write("mine", to: "saveferry.sock")
        let error = #expect(throws: ListenError.self) { () throws in try BoundSocket.local(in: folder.path) }
        #expect(error?.description.contains("something that is no socket is in the way") == true)
        #expect(folder.read("saveferry.sock") == Array("mine".utf8))
    }

    /// Around the longest path that NIO connects to (103 bytes) and the longest that the system binds (107).
    @Test(arguments: [102, 103, 104, 106, 107, 108, 200])
    func `the path of the socket may be long`(_ length: Int) async throws {
        // Every temporary folder's path is as long.
        let others = "\(try TemporaryFolder().path)//\(SocketPath.name)".utf8.count
        try await Watched.run(state: String(repeating: "s", count: max(1, length - others))) { daemon in
            #expect(daemon.socket.utf8.count == length)
            let report = try await daemon.report()
            #expect(report.version == "1.2.3")
        }
    }

    @Test func `who has asked and writes nothing more is answered, and a follower that is gone leaves its place`()
        async throws
    {
        try await Watched.run { daemon in
            let peer = try await Peer(of: daemon)
            try await peer.write(#"{"request":"status"}"# + "\n")
            try await peer.closeOutput()
            #expect(await peer.text().contains(#""version":"1.2.3""#))
            // Nothing happens that they could be told of, whose writing would show that they are gone.
            for _ in 0..<200 {
                let follower = try await Peer(of: daemon)
                try await follower.write(#"{"follow":true,"request":"events"}"# + "\n")
                // Where there was no room it is closed already.
                try? await follower.close()
            }
            let last = try await Peer(of: daemon)
            try await last.write(#"{"follow":true,"request":"events"}"# + "\n")
            try await eventually("there is room again") {
                try await daemon.ask(#"{"request":"status"}"#).contains(#""version":"1.2.3""#)
            }
            try await last.close()
        }
    }

    @Test func `a daemon that hangs is not waited for`() async throws {
        let folder = try TemporaryFolder()
        // It listens, and accepts nobody.
        let hung = try BoundSocket.local(in: folder.path)
        defer { close(hung) }
        let client = ControlClient(stateDirectory: folder.path)
        await #expect(throws: ControlError.silent) { try await client.status(within: .milliseconds(200)) }
        await #expect(throws: ControlError.silent) {
            try await client.events(of: [], follow: false, within: .milliseconds(200)) { _ in }
        }
    }

    @Test func `only a hundred events are remembered, progress not counted, and those of a run that goes on`() {
        let journal = EventJournal()
        func note(_ kind: Event.Kind, _ device: String = "pocket") {
            journal.note(Event(date: Date(), device: device, session: 1, kind: kind, totals: nil))
        }
        note(.started(operations: 3, bytes: 0), "deck")
        for number in 1...150 {
            note(.progress(done: number, of: 150, bytes: 0), "deck")
            note(.conflict(SaveIdentity(owner: "o", platform: "gba", game: "\(number)", kind: .save), reason: ""))
        }
        let soFar = journal.read(of: nil).soFar
        #expect(soFar.count == 102)
        if case .started = soFar.first?.kind {} else { Issue.record("the run's beginning is forgotten") }
        if case .progress(150, 150, 0) = soFar[100].kind {} else { Issue.record("\(soFar[100])") }
        #expect(journal.read(of: ["deck"]).soFar.count == 2)
        note(.error(DeviceFailure(code: .other, message: "")), "deck")
        #expect(journal.read(of: ["deck"]).soFar.count == 1)
    }

    @Test func `lines are cut wherever the pieces end, up to the limit`() {
        var lines = LineSplitter(longest: 5)
        #expect(lines.add(Array("ab".utf8)).isEmpty)
        #expect(lines.add(Array("c\nde\n\nf".utf8)).map { String(decoding: $0, as: UTF8.self) } == ["abc", "de", ""])
        #expect(lines.add(Array("ghi\n".utf8)).count == 1 && !lines.isOverlong)
        #expect(lines.add(Array("12345\n6\n".utf8)).isEmpty && lines.isOverlong)
    }
}
