import Foundation
import GRDB
import Logging
import Planner
import TestSupport
import Testing

@testable import Store

/// The database file itself: durable, private, and never a version that this program does not know.
@Suite struct DatabaseTests {
    /// As the connection that writes has it.
    func pragma(_ name: String, _ home: Home) async throws -> String? {
        let store = home.store
        return try await store.write { db in
            try Row.fetchOne(db, sql: "PRAGMA \(name)").map { "\($0[0] as DatabaseValue)" }
        }
    }

    /// The schema, the migrations and the devices, read without the store.
    func dump(_ home: Home) throws -> [String] {
        try DatabaseQueue(path: home.folder("state/saveferry.db")).read { db in
            try String.fetchAll(
                db,
                sql: """
                    SELECT sql FROM sqlite_master WHERE sql IS NOT NULL
                    UNION ALL SELECT identifier FROM grdb_migrations UNION ALL SELECT name FROM devices
                    """)
        }
    }

    @Test func `a commit is durable, and checks what refers to what`() async throws {
        let home = try await Home()
        #expect(try await pragma("journal_mode", home)?.contains("wal") == true)
        #expect(try await pragma("foreign_keys", home) == "1")
        // FULL is 2: a commit that was reported is on the disk (sqlite.org/pragma.html).
        #expect(try await pragma("synchronous", home) == "2")
        // And again where the file is in WAL mode already.
        #expect(try await pragma("synchronous", Home(in: home.folder)) == "2")
    }

    @Test func `a row that refers to nothing is refused`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let version = try await home.stored([("Metroid.srm", "x")])
        let commit = PullCommit(
            operation: nil, device: device.id, over: ServerSave(id: 99, identity: Home.identity(), content: .absent),
            identity: Home.identity(), directory: device.directories[0].id,
            path: try #require(RelativePath("Metroid.srm")), shape: .file, content: Home.content(version),
            version: version)
        await #expect(throws: StoreError.self) { try await home.store.commitPulls([commit]) }
        await #expect(throws: StoreError.self) {
            try await home.store.beginSession(
                device: Device(id: 99, settings: device.settings, directories: [], hostKeys: [], speedUpsFailedAt: nil),
                trigger: .onDemand,
                operations: [])
        }
    }

    @Test func `nobody else can read the state`() async throws {
        let home = try await Home()
        _ = try await home.device()
        for file in ["saveferry.db", "saveferry.db-wal", "saveferry.db-shm"] {
            #expect(try home.mode(home.folder("state/\(file)")) == 0o600, "\(file)")
        }
        #expect(try home.mode(home.folder("state")) == 0o700)
        #expect(try home.mode(home.folder("state/leases")) == 0o700)
        #expect(try home.mode(home.folder("library")) == 0o700)
    }

    @Test func `what was written is there when it is opened again`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let save = try await home.pull("x", from: device)
        home.store.close()
        let again = try await Home(in: home.folder)
        #expect(try await again.store.devices() == [device])
        #expect(try await again.text(of: again.store.history(of: save)[0].id) == "x")
    }

    @Test func `a database of a later version is refused, and stays as it is`() async throws {
        let home = try await Home()
        try await home.store.write { db in
            try db.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('2: from the future')")
        }
        _ = try await home.device()
        home.store.close()
        let before = try dump(home)
        let error = try await #require(throws: StoreError.self) { try await Home(in: home.folder) }
        #expect(error.code == .newerSchema && !error.advice.isEmpty)
        #expect(try dump(home) == before)
    }

    @Test func `a file that is no database is refused, and stays as it is`() async throws {
        let folder = try TemporaryFolder()
        let text = String(repeating: "not a database. ", count: 100)
        try folder.write(text, to: "state/saveferry.db")
        let error = try await #require(throws: StoreError.self) { try await Home(in: folder) }
        #expect(error.code == .corrupt && error.advice.contains("backup"))
        #expect(folder.read("state/saveferry.db") == Array(text.utf8))
    }

    @Test func `runs that an earlier version recorded stay as they were, with their operations`() throws {
        let folder = try TemporaryFolder()
        var configuration = Configuration()
        configuration.foreignKeysEnabled = true
        let queue = try DatabaseQueue(path: folder("old.db"), configuration: configuration)
        try Migrations.all.migrate(queue, upTo: Migrations.all.migrations[3])
        try queue.write { db in
            try db.execute(
                sql: """
                    INSERT INTO sync_sessions (id, device_name, session_trigger, status, error, started_at, failed, failures)
                    VALUES (3, 'pocket', 'scheduled', 'COMPLETED', NULL, 1, 0, 0), (7, 'pocket', 'scheduled', 'FAILED', 'x', 2, 4, 1);
                    INSERT INTO sync_operations (session_id, action, remote_path, size, reason, status)
                    VALUES (3, 'pull', '/a', 1, 'r', 'COMPLETED'), (7, 'push', '/b', 1, 'r', 'FAILED');
                    """)
        }
        func rows(_ sql: String) throws -> [String] {
            try queue.read { db in
                try Row.fetchAll(db, sql: sql).map { row in
                    row.databaseValues.map { "\($0)" }.joined(separator: " ")
                }
            }
        }
        let runs =
            "SELECT id, device_name, session_trigger, status, error, started_at, failed, failures FROM sync_sessions"
        let operations = "SELECT * FROM sync_operations"
        let before = (runs: try rows(runs), operations: try rows(operations))
        try Migrations.all.migrate(queue)
        #expect(try rows(runs) == before.runs && before.runs.count == 2)
        #expect(try rows(operations) == before.operations && before.operations.count == 2)
        // What referred to the old table refers to the new one.
        try queue.write { db in try db.execute(sql: "DELETE FROM sync_sessions WHERE id = 7") }
        #expect(try rows(operations).count == 1)
    }

    @Test(.enabled(if: Disk.canMount, "a disk of a given size needs root"))
    func `52 a full disk is called that, also where SQLite calls it an I/O error`() async throws {
        let disk = try await Disk(kilobytes: 2_048)
        func open() async throws -> Store {
            try await Store.open(
                stateDirectory: "\(disk.path)/state", libraryDirectory: "\(disk.path)/library", now: { Date() },
                logger: Logger(label: "test"))
        }
        try await open().close()
        let rest = try #require(FileHandle(forUpdatingAtPath: FileManager.default.makeFile("\(disk.path)/rest")))
        while (try? rest.write(contentsOf: Data(count: 4_096))) != nil {}
        let error = try await #require(throws: StoreError.self) { try await open() }
        #expect(error.code == .noSpace && error.what.contains("\(disk.path)/state"), "\(error)")
        #expect(error.what.hasSuffix("the disk is full") && error.advice == "Make room on the server.", "\(error)")
    }

    @Test(arguments: [(0x6969, "a network file system"), (0x6573_5546, "a FUSE file system"), (0xEF53, nil)])
    func `a file system is called what it is`(_ type: Int, _ name: String?) {
        #expect(FileCalls.doubtfulFileSystem(ofType: type) == name)
    }

    @Test func `what keeps runs from beginning is known at once, and that it is gone`() async throws {
        let home = try await Home()
        try await home.pull("x", from: try await home.device())
        func isObstacle(_ name: String, _ text: String) async throws {
            #expect(await home.store.obstacle() == nil)
            let (path, away) = (home.folder(name), home.folder("away"))
            try FileManager.default.moveItem(atPath: path, toPath: away)
            let obstacle = await home.store.obstacle()
            #expect(
                obstacle?.what.contains(text) == true && obstacle?.advice.isEmpty == false,
                "\(name): \(obstacle as Any)")
            try FileManager.default.moveItem(atPath: away, toPath: path)
            #expect(await home.store.obstacle() == nil)
        }
        try await isObstacle("library", "the library \(home.folder("library")) is not there")
        try await isObstacle("state", "the database in the state directory \(home.folder("state")) is gone")
        try await home.store.requireWritable()
        // Another database under the same name is none.
        try FileManager.default.moveItem(atPath: home.folder("state"), toPath: home.folder("old"))
        let other = try await Home(in: home.folder)
        #expect(await home.store.obstacle() != nil)
        #expect(await other.store.obstacle() == nil)
    }

    @Test func `52 a full disk records nothing, and what follows goes on`() async throws {
        let home = try await Home()
        let device = try await home.device()
        let save = try await home.pull("x", from: device)
        // SQLITE_FULL without filling a disk (sqlite.org/pragma.html#pragma_max_page_count).
        let pages = try await home.store.write { db in try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0 }
        try await home.store.write { db in try db.execute(sql: "PRAGMA max_page_count = \(pages)") }
        let lines = Array(repeating: SessionTests.line("Metroid"), count: 5_000)
        let error = try await #require(throws: StoreError.self) {
            try await home.store.beginSession(device: device, trigger: .onDemand, operations: lines)
        }
        #expect(error.code == .noSpace && !error.advice.isEmpty)
        #expect(try await home.store.sessions().isEmpty)
        try await home.store.write { db in try db.execute(sql: "PRAGMA max_page_count = 1000000") }
        try await home.pull("y", from: device)
        #expect(try await home.store.history(of: save).count == 2)
    }

    @Test func `two processes may have it open`() async throws {
        let one = try await Home()
        let other = try await Home(in: one.folder)
        _ = try await one.device("deck")
        _ = try await other.device("phone")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                group.addTask { _ = try await (number % 2 == 0 ? one : other).device("device-\(number)") }
            }
            try await group.waitForAll()
        }
        #expect(try await one.store.devices().count == 22)
    }
}

extension FileManager {
    /// An empty file. Returns its path.
    fileprivate func makeFile(_ path: String) -> String {
        _ = createFile(atPath: path, contents: nil)
        return path
    }
}
