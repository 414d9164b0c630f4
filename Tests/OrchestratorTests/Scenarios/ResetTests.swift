import Foundation
import Orchestrator
import Planner
import Store
import TestSupport
import Testing

extension ScenarioTests {
    /// The connection is reset after each packet of a session in turn. Sampled, unless `SAVEFERRY_THOROUGH=1`.
    @Suite struct ResetTests {
        /// What has stood on either side so far, by game.
        private struct Seen {
            private(set) var contents: [String: Set<String>] = [:]

            mutating func add(_ content: String, _ game: String) { contents[game, default: []].insert(content) }
        }

        @Test(arguments: [([], .file), (["-P", "posix-rename"], .file), ([], .folder)] as [([String], SaveForm)])
        func
            `55 the connection is reset after every packet of a session: nothing is lost or torn, and the next run converges`(
                _ arguments: [String], form: SaveForm
            ) async throws
        {
            let hub = try await Hub()
            let gate = try SFTPGate(arguments)
            let server = try await OpenSSHServer(.behind(gate))
            let pocket = try await Handheld(of: hub, server: server, form: form)
            var seen = Seen()

            /// Before each session: one save changed on the device, one new there, one changed on the server, and one
            /// deleted on the device and changed on the server.
            func play(_ round: Int) async throws {
                try pocket.write(save: "Metroid", "played \(round)")
                seen.add("played \(round)", "Metroid")
                try pocket.write(save: "New \(round)", "new \(round)")
                seen.add("new \(round)", "New \(round)")
                for game in ["Zelda", "Tetris"] {
                    let save = try await hub.save(game)
                    let versions = try await hub.history(save.id)
                    let other = try #require(versions.last { hub.text($0) != hub.text(versions[0]) })
                    _ = try await hub.store.restore(save: save, version: other.number)
                }
                if pocket.read(save: "Tetris") != nil { try pocket.remove(save: "Tetris") }
            }

            for content in ["one", "two"] {
                for game in ["Metroid", "Zelda", "Tetris"] {
                    try pocket.write(save: game, content)
                    seen.add(content, game)
                }
                try await pocket.sync(expecting: [.pull: 3])
            }
            // Once to its end, to know the packets.
            try await play(0)
            let packets = Counter()
            gate.set { _ in
                packets.increment()
                return .pass
            }
            try await pocket.sync(expecting: [.pull: 2, .push: 2])
            let count = packets.value
            #expect(count > 40)

            for number in stride(from: isThorough ? 1 : 7, through: count, by: isThorough ? 1 : count / 4) {
                try await play(number)
                gate.set { packet in
                    guard packet.number >= number else { return .pass }
                    server.cutConnections()
                    return .cut
                }
                let cut = try await pocket.sync()
                gate.set(nil)
                // The last packets may be those of a session that has all it wants.
                #expect(cut.failure != nil || number > count - 8, "packet \(number): \(cut.shown)")
                let isTornAllowed = !arguments.isEmpty || form == .folder
                try await check(hub, pocket, seen, isTornAllowed: isTornAllowed, "cut at packet \(number)")

                let next = try await pocket.sync()
                #expect(next.failure == nil && next.status == .completed, "packet \(number): \(next.shown)")
                #expect(next.openConflicts == 0, "packet \(number): \(next.shown)")
                try await check(hub, pocket, seen, isTornAllowed: false, "converged after packet \(number)")
                for game in seen.contents.keys {
                    #expect(pocket.read(save: game) == (try await hub.content(game)), "packet \(number): \(game)")
                }
                #expect(pocket.folder.everything().allSatisfy { !$0.contains("saveferry") }, "packet \(number)")
                try await pocket.rerunIsQuiet()
            }
        }

        /// P1 and P2: what ever stood somewhere is a version or still on the device, and what stands is whole.
        private func check(
            _ hub: Hub, _ pocket: Handheld, _ seen: Seen, isTornAllowed: Bool, _ when: Comment
        ) async throws {
            let backups = try FileManager.default.contentsOfDirectory(atPath: pocket.folder("saves"))
            for (game, contents) in seen.contents {
                let here = pocket.read(save: game)
                if let here { #expect(contents.contains(here), when) }
                let kept = try await hub.store.findSaves(game).isEmpty ? [] : hub.contents(game)
                #expect(contents.isSubset(of: Set(kept + [here].compactMap(\.self))), when)
                #expect(Set(kept).isSubset(of: contents), when)
                // Where what stands there can't be replaced in one step, the old content may wait under its backup name.
                if here == nil, game != "Tetris" {
                    #expect(isTornAllowed && backups.contains("\(pocket.place(of: game)).saveferry-bak"), when)
                }
            }
        }
    }
}
