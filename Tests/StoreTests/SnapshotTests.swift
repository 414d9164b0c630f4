import Faults
import Foundation
import GRDB
import Logging
import Planner
import Synchronization
import TestSupport
import Testing

import struct Crypto.SHA256

@testable import Store

/// Snapshots of the database: what is in them, that they are whole, and that a database comes back from them.
@Suite struct SnapshotTests {
    /// Two devices, saves with histories, an archived version in an open conflict, a deleted save, an untracked one, one that
    /// is gone from its device, a folder, and a card.
    struct Case {
        let home: Home
        let deck: Device
        let phone: Device
        let snapshots: Snapshots

        init() async throws {
            home = try await Home()
            deck = try await home.device()
            phone = try await home.device("phone")
            try await home.store.pinHostKeys(
                [PinnedHostKey(algorithm: "ssh-ed25519", fingerprint: "SHA256:\(String(repeating: "a", count: 43))")],
                for: deck.id)
            let metroid = try await home.pull("x", from: deck)
            try await home.pull("y", from: deck)
            try await home.pull("\u{1}\"quoted\" Pokémon 🎮", of: "Pokémon \"1\"\\🎮", from: phone)
            try await home.conflict("z", on: phone, save: metroid)
            let zelda = try await home.pull("deleted", of: "Zelda", from: deck)
            try await home.store.deleteSave(zelda)
            let tetris = try await home.pull("kept apart", of: "Tetris", from: deck)
            try await home.store.setUntracked(true, device: phone, save: home.save(tetris))
            try await home.store.commitGone([tetris], device: deck.id)
            try await home.store.rememberCards([
                deck.directories[0].id: try #require(CardIdentity(number: .max, totalBytes: 1 << 40))
            ])
            _ = try await home.store.beginSession(device: deck, trigger: .onDemand, operations: [])
            let clock = home.clock
            snapshots = Snapshots(folder: home.folder("state/snapshots"), now: { clock.now })
        }

        func create() async throws -> Snapshot { try await snapshots.create(of: home.store) }

        func restore(
            _ text: String, to state: String = "other", library: String = "library"
        ) async throws -> Snapshots.Restored {
            try await snapshots.restore(
                text, stateDirectory: home.folder(state), libraryDirectory: home.folder(library))
        }

        func open(_ state: String = "other") async throws -> Store {
            try await Store.open(
                stateDirectory: home.folder(state), libraryDirectory: home.folder("library"), now: { Date() },
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        }
    }

    /// Every live row of every table, as text.
    static func rows(_ store: Store) async throws -> [String] {
        try await store.read { db in
            try SnapshotEntity.all.flatMap { entity in
                try Row.fetchAll(db, sql: "SELECT * FROM \(entity.table) WHERE \(entity.condition)").map {
                    "\(entity.table) \($0)"
                }
            }
        }
    }

    /// The JSON document in a snapshot, read by other programs than ours.
    static func document(_ path: String) async throws -> [String: Any] {
        let script =
            "import sys,zlib,json; json.dump(json.loads(zlib.decompress(open(sys.argv[1],'rb').read())), sys.stdout)"
        let result = try await Command.run("python3", ["-c", script, path])
        try #require(result.status == 0, "\(result.errorOutput)")
        return try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
    }

    @Test func `a snapshot restores every live row as it was, and nothing else`() async throws {
        let one = try await Case()
        let before = try await Self.rows(one.home.store)
        #expect(before.contains { $0.hasPrefix("conflicts") } && before.contains { $0.contains("card_number:-1") })
        let snapshot = try await one.create()
        #expect(snapshot.counts.reduce(0) { $0 + $1.count } == before.count)
        let restored = try await one.restore("1")
        #expect(restored.missing == 0 && restored.snapshot.sequence == 1)
        let store = try await one.open()
        #expect(try await Self.rows(store) == before)
        #expect(try await store.devices() == one.home.store.devices())
        #expect(try await store.sessions().isEmpty)
        #expect(try await store.findSaves("Zelda").isEmpty)
        // And on it goes: a further snapshot of the restored database has the next number and the same rows.
        #expect(try await one.snapshots.create(of: store).sequence == 2)
        let mode = try one.home.mode(one.home.folder("other/saveferry.db"))
        #expect(try mode == 0o600 && one.home.mode(snapshot.path) == 0o600)
        store.close()
    }

    @Test func `it is one JSON document in one zlib stream`() async throws {
        guard try await Command.run("python3", ["-c", "import zlib"]).status == 0 else { return }
        let one = try await Case()
        let snapshot = try await one.create()
        let document = try await Self.document(snapshot.path)
        #expect(document["format"] as? Int == 1 && document["sequence"] as? Int == 1)
        let entities = try #require(document["entities"] as? [String: [[String: Any]]])
        #expect(entities.mapValues(\.count) == document["counts"] as? [String: Int])
        #expect(entities["saves"]?.map { $0["game"] as? String } == ["Metroid", "Pokémon \"1\"\\🎮", "Tetris"])
        #expect(snapshot.contentBytes == document["content_bytes"] as? UInt64)
    }

    @Test func `rows of many pages are each there once`() async throws {
        let one = try await Case()
        try await one.home.store.write { db in
            try db.execute(
                sql: """
                    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
                    INSERT INTO saves (owner, platform, platform_key, game, game_key, kind, slot, slot_key)
                    SELECT 'anna', 'gba', 'gba', 'g' || i, 'g' || i, 'save', 'main', 'main' FROM n;
                    INSERT INTO device_save_sync (device_id, save_id, path, shape, synced_at)
                    SELECT 2, id, game, 'file', 0 FROM saves WHERE game_key LIKE 'g%';
                    INSERT INTO device_save_entries (sync_id, path, size, modified)
                    SELECT b.id, b.path || e.value, 1, 1 FROM device_save_sync b, json_each('["a","b"]') e WHERE b.path LIKE 'g%';
                    """)
        }
        let before = try await Self.rows(one.home.store)
        #expect(before.count > 6_000)
        _ = try await one.create()
        _ = try await one.restore("1")
        let store = try await one.open()
        #expect(try await Self.rows(store) == before)
        store.close()
    }

    @Test func `numbers go on after pruning and after a restore, and the newest stay`() async throws {
        let one = try await Case()
        for _ in 1...4 { _ = try await one.create() }
        #expect(try await one.snapshots.prune(keeping: 2, dryRun: true).count == 2)
        #expect(try await one.snapshots.list().map(\.sequence) == [1, 2, 3, 4])
        // One that is being written by nobody goes, strangers and copies that somebody made stay.
        let part = try one.home.folder.write("", to: "state/snapshots/saveferry-000003-2025-06-15T150640Z.json.z.part")
        let first = try #require(try await one.snapshots.list().first?.path)
        for name in [
            "notes.txt", "other.json.z.part", "saveferry-000001-before-upgrade.json.z", "saveferry-+00001-x.json.z",
            "saveferry-1-2025-06-15T150640Z.json.z", "saveferry-000001-2025-06-15T150640Z copy.json.z",
            "saveferry-000001-2025-06-15T150640Z.json.z.json.z",
        ] {
            try FileManager.default.copyItem(atPath: first, toPath: one.home.folder("state/snapshots/\(name)"))
        }
        _ = try await one.snapshots.prune(keeping: 2)
        #expect(try await one.snapshots.list().map(\.sequence) == [3, 4])
        #expect(!FileManager.default.fileExists(atPath: part))
        #expect(one.home.folder.everything().count { $0.hasPrefix("state/snapshots/") } == 9)
        try FileManager.default.removeItem(atPath: one.home.folder("state/snapshots"))
        #expect(try await one.create().sequence == 5)
        #expect(await one.snapshots.untilDue() == .seconds(86_400))
        one.home.clock.advance(90_000)
        #expect(await one.snapshots.untilDue() == .zero)
    }

    @Test func `damaged ones count for nothing when old ones are removed`() async throws {
        let one = try await Case()
        for _ in 1...4 { _ = try await one.create() }
        let paths = try await one.snapshots.list().map(\.path)
        for path in [paths[1], paths[3]] { try Data("damaged".utf8).write(to: URL(fileURLWithPath: path)) }
        #expect(try await one.snapshots.prune(keeping: 3) == [])
        #expect(try await one.snapshots.prune(keeping: 2) == [])
        #expect(try await one.snapshots.prune(keeping: 1, dryRun: true) == [paths[0], paths[1]])
        #expect(try await one.snapshots.prune(keeping: 1) == [paths[0], paths[1]])
        #expect(try await one.snapshots.list().map(\.sequence) == [3, 4])
        _ = try await one.restore("3")
    }

    @Test func `one that can't be removed is told, and keeps no other`() async throws {
        let one = try await Case()
        for _ in 1...3 { _ = try await one.create() }
        let folder = "state/snapshots/saveferry-000001-2025-01-01T000000Z.json.z"
        try one.home.folder.write("", to: "\(folder)/inside")
        let error = try await #require(throws: StoreError.self) { try await one.snapshots.prune(keeping: 1) }
        #expect(error.description.contains(one.home.folder(folder)), "\(error)")
        #expect(try await one.snapshots.list().map(\.sequence) == [1, 3])
    }

    @Test func `a folder that can't be read is none without snapshots`() async throws {
        let one = try await Case()
        #expect(try await one.snapshots.list().isEmpty)
        let file = try one.home.folder.write("", to: "a file")
        let closed = Snapshots(folder: file, now: { .distantPast })
        for call in [
            { _ = try await closed.list() }, { _ = try await closed.prune(keeping: 1) },
            { _ = try await closed.show("1") }, { _ = try await closed.create(of: one.home.store) },
        ] as [@Sendable () async throws -> Void] {
            let error = try await #require(throws: StoreError.self) { try await call() }
            #expect(error.description.contains(file), "\(error)")
        }
    }

    @Test func `a number that no snapshot can have is no snapshot's, and the next one has another`() async throws {
        let one = try await Case()
        let snapshot = try await one.create()
        for number in ["\(Int.max)", "2147483647", "-000001", "000000", "x"] {
            let name = "saveferry-\(number)-2025-01-01T000000Z.json.z"
            try FileManager.default.copyItem(atPath: snapshot.path, toPath: one.home.folder("state/snapshots/\(name)"))
        }
        #expect(try await one.snapshots.list().map(\.sequence) == [1])
        #expect(try await one.create().sequence == 2)
        for number in ["0", "-7", "2147483647", "9223372036854775807"] {
            let path = try await forged(one) {
                $0.replacing(#/"sequence":\d+/#, with: "\"sequence\":\(number)")
            }
            let error = try await #require(throws: StoreError.self) { try await one.restore(path) }
            #expect(error.code == .corrupt && error.description.contains(number), "\(error)")
        }
        // The last one that there can be.
        try one.home.folder.write("", to: "state/snapshots/saveferry-2147483646-2025-01-01T000000Z.json.z")
        let full = try await #require(throws: StoreError.self) { try await one.create() }
        #expect(full.description.contains("2147483646") && !full.advice.isEmpty)
    }

    @Test func `parts that come twice, too early or not at all are refused`() async throws {
        let one = try await Case()
        for (old, new) in [
            ("\n},", "\n,\"conflicts\":[\n]\n},"),
            ("\n,\"device_host_keys\":[", "\n,\"devices\":[\n]\n,\"device_host_keys\":["),
            ("\"saves\":[", "\"save_versions\":["), (",\"conflicts\":[\n", ",\"conflicts\":[\n]\n,\"conflicts\":[\n"),
        ] {
            let path = try await forged(one) { $0.replacingOccurrences(of: old, with: new) }
            for read in [{ _ = try await one.restore(path) }, { _ = try await one.snapshots.show(path) }]
                as [@Sendable () async throws -> Void]
            {
                let error = try await #require(throws: StoreError.self, "\(new)") { try await read() }
                #expect(error.code == .corrupt && error.description.contains(path), "\(new): \(error)")
            }
        }
    }

    @Test func `commits go on while a snapshot is taken, and it has what was there when it began`() async throws {
        let one = try await Case()
        let counts = try await withThrowingTaskGroup(of: [Int].self) { group in
            group.addTask {
                var counts: [Int] = []
                for _ in 0..<10 {
                    let snapshot = try await one.create()
                    let count = { (entity: String) in snapshot.counts.first { $0.entity == entity }?.count ?? -1 }
                    counts.append(count("save_versions"))
                    #expect(count("save_versions") == count("version_entries"))
                }
                return counts
            }
            group.addTask {
                for number in 0..<20 { try await one.home.pull("\(number)", of: "Busy", from: one.deck) }
                return []
            }
            return try await group.reduce([], +)
        }
        #expect(counts == counts.sorted())
    }

    // MARK: Refusals

    @Test func `a state directory in use is refused, one without content gives way`() async throws {
        let one = try await Case()
        _ = try await one.create()
        let used = try await #require(throws: StoreError.self) { try await one.restore("1", to: "state") }
        #expect(used.code == .inUse)
        one.home.store.close()
        let full = try await #require(throws: StoreError.self) { try await one.restore("1", to: "state") }
        #expect(full.code == .alreadyExists && !full.advice.isEmpty)
        // As any command makes it.
        let empty = try await one.open("empty")
        let open = try await #require(throws: StoreError.self) { try await one.restore("1", to: "empty") }
        #expect(open.code == .inUse)
        empty.close()
        _ = try await one.restore("1", to: "empty")
        let store = try await one.open("empty")
        #expect(try await store.devices().count == 2)
        store.close()
        let missing = try await #require(throws: StoreError.self) { try await one.restore("9") }
        #expect(missing.code == .notFound)
        try await one.open("late").close()
        try one.home.folder.write("", to: "library/.saveferry.db")
        let old = try await #require(throws: StoreError.self) { try await one.restore("1") }
        #expect(old.code == .alreadyExists && old.description.contains(".saveferry.db"))
        // Also beside an empty one, and what was left of another keeps the name by which that is found.
        let beside = try await #require(throws: StoreError.self) { try await one.restore("1", to: "late") }
        #expect(beside.description == old.description)
        try one.home.folder.write("of a database that was renamed", to: "other/saveferry.db-wal")
        await #expect(throws: StoreError.self) { try await one.restore("1") }
        #expect(one.home.folder.read("other/saveferry.db-wal") != nil)
    }

    @Test func `a database that is damaged, or missing behind a link, stays, and what to do is said`() async throws {
        let one = try await Case()
        _ = try await one.create()
        try one.home.folder.write(String(repeating: "no database ", count: 900), to: "other/saveferry.db")
        let damaged = try await #require(throws: StoreError.self) { try await one.restore("1") }
        #expect(damaged.code == .corrupt && damaged.advice.contains("rename that file"), "\(damaged)")
        #expect(damaged.description.contains(one.home.folder("other/saveferry.db")))
        try FileManager.default.createDirectory(atPath: one.home.folder("linked"), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: one.home.folder("linked/saveferry.db"), withDestinationPath: one.home.folder("unmounted/x.db"))
        let linked = try await #require(throws: StoreError.self) { try await one.restore("1", to: "linked") }
        #expect(linked.description.contains("is a link to something that is missing"), "\(linked)")
    }

    @Test func `a -wal whose database was renamed without it is kept, and not laid over the restored one`() async throws
    {
        let one = try await Case()
        _ = try await one.create()
        let before = try await Self.rows(one.home.store)
        // As a killed process leaves it: after the last checkpoint more was committed.
        try await one.home.store.write { db in try db.execute(sql: "PRAGMA wal_autocheckpoint = 0") }
        try await one.home.pull("after the snapshot", from: one.deck)
        for (place, isOpenedFirst) in [("killed", false), ("opened", true)] {
            let names = ["saveferry.db", "saveferry.db-wal", "saveferry.db-shm"]
            try FileManager.default.createDirectory(
                atPath: one.home.folder(place), withIntermediateDirectories: false)
            for name in names {
                try FileManager.default.copyItem(
                    atPath: one.home.folder("state/\(name)"), toPath: one.home.folder("\(place)/\(name)"))
            }
            let wal = try #require(one.home.folder.read("\(place)/saveferry.db-wal"))
            let file = one.home.folder("\(place)/saveferry.db")
            try FileManager.default.moveItem(atPath: file, toPath: "\(file).kept")
            if isOpenedFirst { try await one.open(place).close() }
            let restored = try await one.restore("1", to: place)
            #expect(restored.kept.isEmpty == isOpenedFirst)
            // The renamed database has its -wal under the name that fits.
            let second = one.home.folder("\(place)/saveferry.db.kept-2-wal")
            #expect(FileManager.default.contents(atPath: second) == Data(wal))
            #expect(!FileManager.default.fileExists(atPath: "\(file)-wal"))
            let store = try await one.open(place)
            #expect(try await Self.rows(store) == before)
            store.close()
        }
    }

    @Test func `a restore waits for nobody who serves or receives files, and openers wait for it`() async throws {
        let one = try await Case()
        _ = try await one.create()
        // A daemon whose database was renamed.
        let daemon = try await DaemonLock.acquire(stateDirectory: one.home.folder("other"), now: Date())
        let served = try await #require(throws: StoreError.self) { try await one.restore("1") }
        #expect(served.code == .held && served.description.contains("process \(getpid())"))
        daemon.release()
        let staging = try await one.home.library.openStaging()
        try await staging.make()
        let receiving = try await #require(throws: StoreError.self) { try await one.restore("1") }
        #expect(receiving.code == .held && receiving.description.contains("receiving"), "\(receiving)")
        await staging.discard()
        // Nobody receives files where there is no lock, but a lock that can't be looked at may be anyone's.
        try one.home.folder.write("", to: "library/.saveferry/staging/.nfs0001")
        try one.home.folder.write("", to: "library/.saveferry/staging/a file")
        try FileManager.default.createDirectory(
            atPath: one.home.folder("library/.saveferry/staging/being made"), withIntermediateDirectories: false)
        #expect(try await !one.home.library.isReceiving())
        let unknownLock = one.home.folder("library/.saveferry/staging/being made/lock")
        try FileManager.default.createSymbolicLink(atPath: unknownLock, withDestinationPath: unknownLock)
        let unknown = try await #require(throws: StoreError.self) { try await one.restore("1") }
        #expect(unknown.code == .other && unknown.description.contains(unknownLock), "\(unknown)")
        try FileManager.default.removeItem(atPath: unknownLock)
        #expect(!FileManager.default.fileExists(atPath: one.home.folder("other/saveferry.db")))
        // Whoever comes while a database is being put into its place.
        let lock = try DatabaseLock(stateDirectory: one.home.folder("other"))
        let tooLong = try #require(throws: StoreError.self) {
            try DatabaseLock(stateDirectory: one.home.folder("other"), patience: 0.02)
        }
        #expect(tooLong.code == .inUse && tooLong.description.contains(one.home.folder("other")))
        async let opener = one.open()
        #expect(!FileManager.default.fileExists(atPath: one.home.folder("other/saveferry.db")))
        lock.release()
        try await opener.close()
    }

    @Test(arguments: 0..<4)
    func `starts and a restore at once end with the restored database, or with a refusal`(round: Int) async throws {
        let one = try await Case()
        _ = try await one.create()
        let isRestored = try await withThrowingTaskGroup(of: Bool?.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    try await one.open().close()
                    return nil
                }
            }
            group.addTask {
                do {
                    _ = try await one.restore("1")
                    return true
                } catch let error as StoreError where error.code == .inUse {
                    return false
                }
            }
            return try await group.reduce(false) { $0 || $1 == true }
        }
        let store = try await one.open()
        #expect(try await store.devices().count == (isRestored ? 2 : 0))
        store.close()
    }

    @Test func `whatever byte is changed or missing, it is refused, and no database is made`() async throws {
        let one = try await Case()
        let snapshot = try await one.create()
        let bytes = try #require(FileManager.default.contents(atPath: snapshot.path)).map { $0 }
        var random = SplitMix64(seed: 7)
        for round in 0..<(isThorough ? 4_000 : 400) {
            var damaged = bytes
            switch round % 4 {
            case 0: damaged.removeLast(Int.random(in: 1...bytes.count, using: &random))
            case 1: damaged.append(contentsOf: [UInt8](repeating: 0, count: round + 1))
            default:
                let place = Int.random(in: 0..<bytes.count, using: &random)
                damaged[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            }
            let path = try one.home.folder.write(damaged, to: "damaged.json.z")
            let error = try await #require(throws: StoreError.self, "round \(round)") { try await one.restore(path) }
            #expect(error.code == .corrupt && error.description.contains(path), "\(error)")
        }
        #expect(!FileManager.default.fileExists(atPath: one.home.folder("other")))
    }

    /// A zlib stream of this text.
    private func compressed(_ text: String) throws -> [UInt8] {
        var bytes: [UInt8] = []
        let compressor = try ZlibCompressor()
        try compressor.add(Array(text.utf8)) { bytes += $0 }
        try compressor.add([], finishing: true) { bytes += $0 }
        return bytes
    }

    @Test func `endless lines, endless rows and other layouts are refused early`() async throws {
        let one = try await Case()
        let header = """
            {"content_bytes":0,"counts":{"devices":1},"created_at":"2025-01-01T00:00:00Z","format":1,"schema":"x","sequence":1,"entities":{
            "devices":[

            """
        // Many megabytes, of which little is ever in memory.
        for (text, word) in [(String(repeating: "a", count: 1 << 20), "too long"), ("{}\n", "rows that are none")] {
            let bomb = try compressed(header + String(repeating: text, count: word == "too long" ? 64 : 1 << 20))
            let path = try one.home.folder.write(bomb, to: "bomb.json.z")
            let error = try await #require(throws: StoreError.self) { try await one.restore(path) }
            #expect(error.code == .corrupt && error.description.contains(word), "\(error)")
        }
        for (text, code) in [
            (header.replacingOccurrences(of: "\"format\":1", with: "\"format\":2"), StoreError.Code.newerSchema),
            ("[]\n", .corrupt), ("", .corrupt), ("\n\n\n", .corrupt), ("{\"format\":1}\n", .corrupt),
        ] {
            let path = try one.home.folder.write(try compressed(text), to: "other.json.z")
            let error = try await #require(throws: StoreError.self) { try await one.restore(path) }
            #expect(error.code == code, "\(error)")
        }
    }

    /// A snapshot that is whole, but whose text was changed by someone who computed its checksum anew.
    private func forged(_ one: Case, _ change: (String) -> String) async throws -> String {
        let snapshot = try await one.create()
        let expander = try ZlibExpander()
        var rest = [try #require(FileManager.default.contents(atPath: snapshot.path)).map { $0 }]
        var text: [UInt8] = []
        while true {
            let bytes = try expander.next { rest.popLast() ?? [] }
            if bytes.isEmpty { break }
            text += bytes
        }
        let lines = change(String(decoding: text, as: UTF8.self)).split(separator: "\n").dropLast()
        let body = lines.joined(separator: "\n") + "\n"
        let digest = ContentHash.digest(SHA256.hash(data: Data(body.utf8)))
        return try one.home.folder.write(
            try compressed(body + "\"sha256\":\"\(digest.hex)\"}\n"), to: "forged.json.z")
    }

    @Test func `rows that don't fit are refused, and no database is made`() async throws {
        let one = try await Case()
        for (old, new) in [
            ("\"port\":22", "\"port\":\"ssh\""), ("\"port\":22", "\"port\":22.5"), ("\"port\":22", "\"port\":99999"),
            ("\"port\":22,", ""), ("\"save_id\":1", "\"save_id\":77"), ("\"content_hash\":\"", "\"content_hash\":\"zz"),
            ("{\"id\":1", "{\"id\":1,"), ("{\"id\":2", "{\"id\":1"), ("\"saves\":[", "\"strangers\":["),
            ("\"port\":22", "\"port\":22,\"proxy\":1"),
        ] {
            let path = try await forged(one) { $0.replacingOccurrences(of: old, with: new) }
            let error = try await #require(throws: StoreError.self, "\(new)") { try await one.restore(path) }
            #expect(error.code == .corrupt && error.description.contains(path), "\(new): \(error)")
            let left = one.home.folder.everything().filter { $0.hasPrefix("other/saveferry.db") }
            #expect(left.isEmpty, "\(new): \(left)")
        }
        let path = try await forged(one) {
            $0.replacingOccurrences(of: Migrations.all.migrations.last ?? "", with: "99: from the future")
        }
        let error = try await #require(throws: StoreError.self) { try await one.restore(path) }
        #expect(error.code == .newerSchema)
    }

    @Test func `a snapshot of an earlier schema is restored and brought up to date`() async throws {
        let one = try await Case()
        let last = Migrations.all.migrations.last ?? ""
        let newer = ["card_number", "card_bytes", "runs_commands", "allows_empty_password", "speed_ups_failed_at"]
        let path = try await forged(one) { text in
            newer.reduce(text.replacingOccurrences(of: last, with: Migrations.all.migrations[1])) { text, member in
                text.replacingOccurrences(of: ",\"\(member)\":[^,}]*", with: "", options: .regularExpression)
            }
        }
        _ = try await one.restore(path)
        let store = try await one.open()
        #expect(try await store.devices() == one.home.store.devices())
        let applied = try await store.read { db in try Migrations.all.hasCompletedMigrations(db) }
        #expect(applied)
        store.close()
    }

    // MARK: The library

    @Test func `files that the library lacks are counted and named`() async throws {
        let one = try await Case()
        _ = try await one.create()
        let history = try await one.home.store.history(of: 1)
        try FileManager.default.removeItem(atPath: one.home.folder("library/\(history[0].libraryPath)"))
        try one.home.folder.write("longer", to: "library/\(history[1].libraryPath)")
        let restored = try await one.restore("1")
        #expect(restored.missing == 2)
        #expect(Set(restored.examples) == Set(history.prefix(2).map(\.libraryPath)))
    }

    @Test func `what was stored after the snapshot is never overwritten, also by what a killed run had noted`()
        async throws
    {
        let one = try await Case()
        _ = try await one.create()
        // The clock stands still, so that the names collide.
        try await one.home.pull("later", from: one.deck)
        let later = try await one.home.store.history(of: 1)[0]
        let path = one.home.folder("library/\(later.libraryPath)")
        try await one.home.leaveNoted(later.libraryPath)
        _ = try await one.restore("1")
        let store = try await one.open()
        await store.close(try await store.openStaging())
        #expect(FileManager.default.contents(atPath: path) == Data("later".utf8))
        store.close()
        // And the next versions of the restored database get other names.
        let home = try await Home(in: one.home.folder, state: "other")
        try await home.pull("other content", from: one.deck)
        let new = try await home.store.history(of: 1)[0]
        #expect(new.number == 4 && new.libraryPath != later.libraryPath)
        #expect(FileManager.default.contents(atPath: path) == Data("later".utf8))
        #expect(try await home.text(of: new.id) == "other content")
    }

    @Test func `without the library in its place nothing is restored`() async throws {
        let one = try await Case()
        _ = try await one.create()
        let missing = try await #require(throws: StoreError.self) { try await one.restore("1", library: "unmounted") }
        #expect(missing.code == .notFound && missing.description.contains("library_dir"), "\(missing)")
        try FileManager.default.createDirectory(
            atPath: one.home.folder("unmounted/.saveferry"), withIntermediateDirectories: true)
        try FileManager.default.createDirectory(
            atPath: one.home.folder("unmounted/lost+found"), withIntermediateDirectories: true)
        let empty = try await #require(throws: StoreError.self) { try await one.restore("1", library: "unmounted") }
        #expect(empty.code == .notFound && empty.description.contains("empty"), "\(empty)")
        #expect(!FileManager.default.fileExists(atPath: one.home.folder("other")))
    }

    @Test func `what runs that died had noted is forgotten, or nothing is restored`() async throws {
        let one = try await Case()
        _ = try await one.create()
        // A journal that can't be removed, also by root.
        let staging = "library/.saveferry/staging/dead"
        try one.home.folder.write("", to: "\(staging)/lock")
        try one.home.folder.write("", to: "\(staging)/placed/inside")
        let error = try await #require(throws: StoreError.self) { try await one.restore("1") }
        #expect(error.description.contains("placed"), "\(error)")
        #expect(!one.home.folder.everything().contains { $0.hasPrefix("other/saveferry.db") })
    }

    @Test func `a snapshot says which schema its database had`() async throws {
        let one = try await Case()
        try await one.home.store.write { db in
            try db.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('99: from the future')")
        }
        #expect(try await one.create().schema == "99: from the future")
    }

    @Test func `a snapshot that another process is just writing under the same name is left alone`() async throws {
        let one = try await Case()
        let part = try one.home.folder.write("another's", to: "backup.json.z.part")
        let descriptor = open(part, O_RDONLY)
        defer { close(descriptor) }
        try #require(flock(descriptor, LOCK_EX) == 0)
        await #expect(throws: StoreError.self) {
            try await one.snapshots.create(of: one.home.store, to: one.home.folder("backup.json.z"))
        }
        #expect(one.home.folder.read("backup.json.z.part") == Array("another's".utf8))
    }

    #if DEBUG
        @Test func `a snapshot that somebody prunes before it is locked is written all the same`() async throws {
            let one = try await Case()
            let wasPruned = Mutex(false)
            let injector = FaultInjector(.failure, .file) { call in
                guard call.hasPrefix("lock "), !wasPruned.withLock({ $0 }) else { return false }
                wasPruned.withLock { $0 = true }
                for path in one.home.folder.everything() where path.hasSuffix(".part") {
                    unlink(one.home.folder(path))
                }
                return false
            }
            let snapshot = try await FaultInjector.$current.withValue(injector) { try await one.create() }
            #expect(wasPruned.withLock { $0 } && snapshot.sequence == 1)
            _ = try await one.restore("1")
        }

        @Test func `what was left beside a database is told also when the restore fails after it`() async throws {
            let one = try await Case()
            _ = try await one.create()
            try one.home.folder.write("of a database that was renamed", to: "other/saveferry.db-wal")
            let injector = FaultInjector(.noSpace, .file) { $0 == "rename other/saveferry.db" }
            let error = try await #require(throws: StoreError.self) {
                try await FaultInjector.$current.withValue(injector) { try await one.restore("1") }
            }
            let kept = one.home.folder("other/saveferry.db.kept-wal")
            #expect(error.code == .noSpace && error.description.contains(kept), "\(error)")
            #expect(FileManager.default.fileExists(atPath: kept))
        }

        @Test(arguments: [Fault.Kind.noSpace, .failure, .failureAfter])
        func `whatever call fails, a snapshot is whole or not there, and a database is restored or not`(
            kind: Fault.Kind
        ) async throws {
            let one = try await Case()
            let counter = FaultInjector(nil)
            _ = try await FaultInjector.$current.withValue(counter) { try await one.create() }
            for point in 0..<counter.calls(.file).count {
                let injector = FaultInjector(Fault(kind, .file, point))
                _ = try? await FaultInjector.$current.withValue(injector) { try await one.create() }
                for entry in try await one.snapshots.list() { #expect((try? entry.snapshot.get()) != nil, "\(entry)") }
            }
            let restore = FaultInjector(nil)
            _ = try await FaultInjector.$current.withValue(restore) { try await one.restore("1") }
            for point in 0..<restore.calls(.file).count {
                try? FileManager.default.removeItem(atPath: one.home.folder("other"))
                let injector = FaultInjector(Fault(kind, .file, point))
                do {
                    _ = try await FaultInjector.$current.withValue(injector) { try await one.restore("1") }
                } catch is StoreError {
                    // Also after the last step was done and said to have failed.
                    if !FileManager.default.fileExists(atPath: one.home.folder("other/saveferry.db")) {
                        _ = try await one.restore("1")
                    }
                }
                let store = try await one.open()
                #expect(try await store.devices().count == 2, "\(injector.struck)")
                store.close()
            }
        }
    #endif
}
