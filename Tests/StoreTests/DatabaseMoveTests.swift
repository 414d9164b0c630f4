import Faults
import Foundation
import GRDB
import Logging
import TestSupport
import Testing

@testable import Store

/// The database's way from the library into the state directory, and what stands where when it is interrupted.
@Suite struct DatabaseMoveTests {
    /// A setup on one volume: the database in the library, and nothing in the state directory.
    struct OldSetup {
        let folder: TemporaryFolder
        let device: Device
        var old: String { folder("library/.saveferry.db") }
        var new: String { folder("state/saveferry.db") }

        /// One save of two versions. With `inWAL` the database is as a killed process leaves it.
        init(inWAL: Bool = false) async throws {
            folder = try TemporaryFolder()
            let home = try await Home(in: folder)
            device = try await home.device()
            try await home.pull("x", from: device)
            // From here on everything is in the -wal alone.
            try await home.store.write { db in try db.execute(sql: "PRAGMA wal_autocheckpoint = 0") }
            try await home.pull("y", from: device)
            if inWAL {
                for suffix in ["", "-wal"] {
                    try FileManager.default.copyItem(atPath: new + suffix, toPath: old + suffix)
                }
                home.store.close()
            } else {
                home.store.close()
                try SoleDatabase.open(new).close()
                try FileManager.default.copyItem(atPath: new, toPath: old)
            }
            try FileManager.default.removeItem(atPath: folder("state"))
        }

        func open(_ logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }) async throws -> Store {
            try await Store.open(
                stateDirectory: folder("state"), libraryDirectory: folder("library"), now: { Date() }, logger: logger)
        }

        /// The next start has everything, and the old database can be gone back to.
        func isMoved(
            _ what: Comment? = nil, beside kept: [String] = [], sourceLocation: SourceLocation = #_sourceLocation
        ) async throws {
            let store = try await open()
            #expect(try await store.devices() == [device], sourceLocation: sourceLocation)
            #expect(try await store.history(of: 1).map(\.number) == [2, 1], sourceLocation: sourceLocation)
            store.close()
            #expect(
                try state() == ["database.lock", "leases", "saveferry.db"] + kept, what, sourceLocation: sourceLocation)
            #expect(try hidden() == [".saveferry.db.migrated"], what, sourceLocation: sourceLocation)
            #expect(try devices(in: "\(old).migrated") == ["deck"], sourceLocation: sourceLocation)
        }

        func devices(in path: String) throws -> [String] {
            let queue = try DatabaseQueue(path: path)
            defer { try? queue.close() }
            return try queue.read { db in try String.fetchAll(db, sql: "SELECT name FROM devices") }
        }

        /// What stands in the state directory, besides what SQLite keeps beside a database that was in use.
        func state() throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: folder("state"))
                .filter { $0 != "saveferry.db-wal" && $0 != "saveferry.db-shm" }.sorted()
        }

        /// What stands in the library beside saves, besides an empty journal.
        func hidden() throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: folder("library")).filter {
                $0.hasPrefix(".saveferry.") && ($0 != ".saveferry.db-journal" || folder.read("library/\($0)") != [])
            }.sorted()
        }
    }

    @Test(arguments: [false, true])
    func `a database in the library is moved with everything, also what is in its -wal`(inWAL: Bool) async throws {
        let setup = try await OldSetup(inWAL: inWAL)
        try await setup.isMoved()
        let attributes = try FileManager.default.attributesOfItem(atPath: setup.new)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        // And again.
        try await setup.isMoved()
    }

    @Test func `an empty database, as an interrupted first start leaves it, gives way`() async throws {
        let setup = try await OldSetup()
        try setup.folder.write([], to: "state/saveferry.db")
        try setup.folder.write("of another database", to: "state/saveferry.db-wal")
        try await setup.isMoved(beside: ["saveferry.db.kept-wal"])
        #expect(setup.folder.read("state/saveferry.db.kept-wal") == Array("of another database".utf8))
        let other = try await OldSetup(inWAL: true)
        try FileManager.default.createDirectory(atPath: other.folder("state"), withIntermediateDirectories: true)
        let empty = try DatabaseQueue(path: other.new)
        try await empty.writeWithoutTransaction { db in
            _ = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
        }
        try empty.close()
        try await other.isMoved()
    }

    @Test func `a database without devices and saves, as a start before the library was mounted makes it, gives way`()
        async throws
    {
        let setup = try await OldSetup(inWAL: true)
        let unmounted = setup.folder("unmounted")
        let early = try await Store.open(
            stateDirectory: setup.folder("state"), libraryDirectory: unmounted, now: { Date() },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        // Not under someone who may put something in.
        let error = try await #require(throws: StoreError.self) { try await setup.open() }
        #expect(error.code == .inUse && error.description.contains(setup.new), "\(error)")
        #expect(try setup.hidden() == [".saveferry.db", ".saveferry.db-wal"])
        early.close()
        try await setup.isMoved()
    }

    @Test func `where a moved database is gone, no empty one is opened until its old file is taken away`() async throws
    {
        let setup = try await OldSetup()
        try await setup.isMoved()
        try FileManager.default.removeItem(atPath: setup.folder("state"))
        let error = try await #require(throws: StoreError.self) { try await setup.open() }
        #expect(error.code == .other && error.description.contains("\(setup.old).migrated"), "\(error)")
        #expect(!FileManager.default.fileExists(atPath: setup.new))
        // Also where a command made one while the library was not in its place.
        try await Store.open(
            stateDirectory: setup.folder("state"), libraryDirectory: setup.folder("unmounted"), now: { Date() },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ).close()
        let late = try await #require(throws: StoreError.self) { try await setup.open() }
        #expect(late.description == error.description)
        try FileManager.default.moveItem(atPath: "\(setup.old).migrated", toPath: setup.folder("aside"))
        let store = try await setup.open()
        #expect(try await store.devices().isEmpty)
        store.close()
    }

    @Test func `a link to a database that is not there stops the start`() async throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder("library"), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: folder("library/.saveferry.db"), withDestinationPath: folder("unmounted/.saveferry.db"))
        let error = try await #require(throws: StoreError.self) { try await Home(in: folder) }
        #expect(error.code == .other && error.description.contains("is a link to something that is missing"))
        #expect(!FileManager.default.fileExists(atPath: folder("state/saveferry.db")))
        // And so does a state directory that is one.
        try FileManager.default.createSymbolicLink(
            atPath: folder("linked"), withDestinationPath: folder("unmounted/state"))
        for open in [
            { _ = try await Home(in: folder, state: "linked") },
            { _ = try await DaemonLock.acquire(stateDirectory: folder("linked"), now: Date()) },
        ] as [@Sendable () async throws -> Void] {
            let error = try await #require(throws: StoreError.self) { try await open() }
            #expect(error.code == .other && error.description.contains(folder("linked")), "\(error)")
        }
    }

    @Test func `a database that nobody put anything into is moved and opened like any other`() async throws {
        let folder = try TemporaryFolder()
        try await Home(in: folder).store.close()
        try SoleDatabase.open(folder("state/saveferry.db")).close()
        try FileManager.default.moveItem(
            atPath: folder("state/saveferry.db"), toPath: folder("library/.saveferry.db"))
        try FileManager.default.removeItem(atPath: folder("state"))
        for _ in 0..<2 { try await Home(in: folder).store.close() }
        #expect(FileManager.default.fileExists(atPath: folder("library/.saveferry.db.migrated")))
    }

    @Test(arguments: ["lost", "lost while the library was away", "another one"])
    func `what runs had noted stays where the database is not the one that knew of it`(_ state: String) async throws {
        let home = try await Home()
        try await home.pull("x", from: home.device())
        let path = try await home.store.history(of: 1)[0].libraryPath
        try await home.leaveNoted(path)
        home.store.close()
        try FileManager.default.moveItem(atPath: home.folder("state"), toPath: home.folder("old"))
        if state == "lost while the library was away" {
            try FileManager.default.moveItem(atPath: home.folder("library"), toPath: home.folder("away"))
            try await Home(in: home.folder).store.close()
            try FileManager.default.removeItem(atPath: home.folder("library"))
            try FileManager.default.moveItem(atPath: home.folder("away"), toPath: home.folder("library"))
        } else if state == "another one" {
            let other = try await Home(in: home.folder, state: "new")
            _ = try await other.device("other")
            try await other.leaveNoted(path)
            other.store.close()
            try SoleDatabase.open(home.folder("old/saveferry.db")).close()
            try FileManager.default.moveItem(
                atPath: home.folder("old/saveferry.db"), toPath: home.folder("library/.saveferry.db"))
            try FileManager.default.moveItem(atPath: home.folder("new"), toPath: home.folder("state"))
        }
        let again = try await Home(in: home.folder)
        await again.store.close(try await again.store.openStaging())
        #expect(home.folder.read("library/\(path)") == Array("x".utf8))
        again.store.close()
    }

    @Test func `with a database on both sides the state directory's counts, and nothing is touched`() async throws {
        let setup = try await OldSetup()
        let home = try await Home()
        _ = try await home.device("other")
        home.store.close()
        try SoleDatabase.open(home.folder("state/saveferry.db")).close()
        try FileManager.default.createDirectory(atPath: setup.folder("state"), withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: home.folder("state/saveferry.db"), toPath: setup.new)
        let before = FileManager.default.contents(atPath: setup.old)
        let log = try LogLines()
        let store = try await setup.open(log.logger)
        #expect(try await store.devices().map(\.settings.name) == ["other"])
        store.close()
        #expect(FileManager.default.contents(atPath: setup.old) == before)
        let warnings = log.lines.filter { $0.hasPrefix("warning") }
        #expect(warnings.count == 1 && warnings[0].contains(setup.old) && warnings[0].contains(setup.new))
    }

    @Test func `a database that another process has open is not moved`() async throws {
        let setup = try await OldSetup(inWAL: true)
        let user = try DatabasePool(path: setup.old)
        let error = try await #require(throws: StoreError.self) { try await setup.open() }
        #expect(error.code == .inUse && error.description.contains(setup.old))
        #expect(try setup.state() == ["database.lock", "leases"])
        try user.close()
        try await setup.isMoved()
    }

    @Test func `what is no whole database stops the start, and stays where it is`() async throws {
        for (text, word) in [(String(repeating: "no database ", count: 900), "no database"), ("", "empty")] {
            let folder = try TemporaryFolder()
            try folder.write(text, to: "library/.saveferry.db")
            let error = try await #require(throws: StoreError.self) { try await Home(in: folder) }
            #expect(error.code == .corrupt && error.description.contains(word), "\(error)")
            #expect(error.description.contains("It stands where it was."))
            #expect(folder.read("library/.saveferry.db") == Array(text.utf8))
            #expect(folder.everything().filter { $0.hasPrefix("state/saveferry.db") }.isEmpty)
        }
        // Torn: the header is right, a page in the middle is not.
        let setup = try await OldSetup()
        let handle = try #require(FileHandle(forWritingAtPath: setup.old))
        for page in 3..<8 {
            try handle.seek(toOffset: UInt64(page * 4_096))
            handle.write(Data(repeating: 0x5a, count: 4_096))
        }
        try handle.close()
        let error = try await #require(throws: StoreError.self) { try await setup.open() }
        #expect(error.code == .corrupt && error.description.contains(setup.old))
        #expect(try setup.state() == ["database.lock", "leases"] && setup.hidden() == [".saveferry.db"])
    }

    @Test func `a database of a later version stops the start before anything is moved`() async throws {
        let setup = try await OldSetup()
        try await DatabaseQueue(path: setup.old).write { db in
            try db.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('99: from the future')")
        }
        let error = try await #require(throws: StoreError.self) { try await setup.open() }
        #expect(error.code == .newerSchema)
        #expect(try setup.hidden() == [".saveferry.db"])
    }

    @Test(arguments: [1, 2])
    func `databases of earlier versions are moved and brought up to date`(version: Int) async throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder("library"), withIntermediateDirectories: true)
        let queue = try DatabaseQueue(path: folder("library/.saveferry.db"))
        try Migrations.all.migrate(queue, upTo: Migrations.all.migrations[version - 1])
        try await queue.write { db in
            try db.execute(
                sql: """
                    INSERT INTO devices (name, host, port, user, authentication, owner, is_enabled, deletion_policy)
                    VALUES ('deck', 'deck.lan', 22, 'root', 'key', 'anna', 1, 'hold');
                    INSERT INTO save_directories (device_id, position, path, kind, layout, extensions, accepts_new)
                    VALUES (1, 0, '/saves', 'save', 'files', 'srm', 1);
                    """)
        }
        try queue.close()
        let home = try await Home(in: folder)
        #expect(try await home.store.devices().map(\.settings.name) == ["deck"])
        let applied = try await home.store.read { db in try Migrations.all.hasCompletedMigrations(db) }
        #expect(applied)
    }

    @Test func `two starts at once move it once`() async throws {
        let setup = try await OldSetup(inWAL: true)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let store = try await setup.open()
                    #expect(try await store.devices() == [setup.device])
                    store.close()
                }
            }
            try await group.waitForAll()
        }
        try await setup.isMoved()
    }

    @Test(.enabled(if: ReadOnlyFolder.isPossible))
    func `where the library can't be written the files are taken as they are, and the old one stays`() async throws {
        let setup = try await OldSetup(inWAL: true)
        let library = try ReadOnlyFolder(setup.folder("library"))
        let log = try LogLines()
        let store = try await setup.open(log.logger)
        #expect(try await store.history(of: 1).map(\.number) == [2, 1])
        store.close()
        #expect(try setup.hidden() == [".saveferry.db", ".saveferry.db-wal"])
        #expect(log.lines.contains { $0.hasPrefix("warning") && $0.contains("could not be renamed") })
        withExtendedLifetime(library) {}
    }

    @Test(.enabled(if: ReadOnlyFolder.isPossible))
    func `a database that another process has open and this one can't write is not moved`() async throws {
        let setup = try await OldSetup(inWAL: true)
        let user = try ServerProcess(
            "/usr/bin/env",
            ["sqlite3", setup.old, "SELECT name FROM devices", ".shell echo open; exec sleep 1000"],
            log: setup.folder("log"))
        defer { user.signal(SIGKILL) }
        try await eventually("it is open") {
            String(decoding: setup.folder.read("log") ?? [], as: UTF8.self).contains("open")
        }
        let library = try ReadOnlyFolder(setup.folder("library"))
        let error = try await #require(throws: StoreError.self) { try await setup.open() }
        #expect(error.code == .inUse && error.description.contains(setup.old), "\(error)")
        #expect(try setup.state() == ["database.lock", "leases"])
        user.signal(SIGKILL)
        _ = try await user.waitForEnd()
        let store = try await setup.open()
        #expect(try await store.history(of: 1).map(\.number) == [2, 1])
        store.close()
        withExtendedLifetime(library) {}
    }

    #if DEBUG
        @Test(.enabled(if: ReadOnlyFolder.isPossible))
        func `where the -wal can't be copied, the name that it has is told`() async throws {
            let setup = try await OldSetup()
            try setup.folder.write("what was committed last", to: "library/.saveferry.db-wal")
            let library = try ReadOnlyFolder(setup.folder("library"))
            let log = try LogLines()
            let injector = FaultInjector(.failure, .file) { $0 == "create state/saveferry.db.part-wal" }
            let store = try await FaultInjector.$current.withValue(injector) { try await setup.open(log.logger) }
            #expect(try await store.devices() == [setup.device])
            store.close()
            let warning = try #require(log.lines.first { $0.contains("could not be copied") })
            #expect(warning.contains("\(setup.old)-wal") && !warning.contains(".migrated"), "\(warning)")
            withExtendedLifetime(library) {}
        }

        @Test func `a copy that failed is not taken for made`() async throws {
            let setup = try await OldSetup()
            let injector = FaultInjector(.noSpace, .file) { $0 == "move state/saveferry.db" }
            await #expect(throws: StoreError.self) {
                try await FaultInjector.$current.withValue(injector) { try await setup.open() }
            }
            #expect(injector.struck.count == 1)
            // Somebody gets another database there.
            let home = try await Home()
            _ = try await home.device("other")
            home.store.close()
            try SoleDatabase.open(home.folder("state/saveferry.db")).close()
            try FileManager.default.copyItem(atPath: home.folder("state/saveferry.db"), toPath: setup.new)
            try await setup.open().close()
            #expect(try setup.hidden() == [".saveferry.db"])
        }

        @Test(.enabled(if: ReadOnlyFolder.isPossible))
        func `a database that is changed while it is copied without SQLite's lock is not moved`() async throws {
            let setup = try await OldSetup(inWAL: true)
            let writer = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(setup.old)-wal"))
            try writer.seekToEnd()
            let library = try ReadOnlyFolder(setup.folder("library"))
            let injector = FaultInjector(.failure, .file) { call in
                if call == "create state/saveferry.db.part" { try? writer.write(contentsOf: Data(count: 100)) }
                return false
            }
            let error = try await #require(throws: StoreError.self) {
                try await FaultInjector.$current.withValue(injector) { try await setup.open() }
            }
            #expect(error.code == .inUse && error.description.contains(setup.old), "\(error)")
            #expect(try setup.state() == ["database.lock", "leases"])
            let store = try await setup.open()
            #expect(try await store.history(of: 1).map(\.number) == [2, 1])
            store.close()
            withExtendedLifetime(library) {}
        }

        @Test func `folders that are made for the database have durable names before the old one is set aside`()
            async throws
        {
            let setup = try await OldSetup()
            let counter = FaultInjector(nil)
            let path = setup.folder("deep/below/state")
            try await FaultInjector.$current.withValue(counter) {
                try await Store.open(
                    stateDirectory: path, libraryDirectory: setup.folder("library"), now: { Date() },
                    logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
                ).close()
            }
            let calls = counter.calls(.file)
            let setAside = try #require(calls.firstIndex { $0.hasSuffix(".saveferry.db.migrated") }, "\(calls)")
            let root = setup.folder.path.split(separator: "/").suffix(2).joined(separator: "/")
            for folder in [root, "\(setup.folder.path.split(separator: "/").last ?? "")/deep", "deep/below"] {
                #expect(calls[..<setAside].contains("fsync \(folder)"), "\(folder): \(calls)")
            }
        }

        /// Every file call that a move makes.
        private func points(inWAL: Bool) async throws -> Int {
            let setup = try await OldSetup(inWAL: inWAL)
            let counter = FaultInjector(nil)
            try await FaultInjector.$current.withValue(counter) { try await setup.open().close() }
            return counter.calls(.file).count
        }

        @Test(arguments: [
            Fault.Kind.noSpace, .failure, .permissionDenied, .unsupported, .failureAfter, .shortWrite,
        ])
        func `whatever call fails, no empty database is opened, and the next start has everything`(kind: Fault.Kind)
            async throws
        {
            let count = try await points(inWAL: true)
            #expect(count > 15)
            for point in 0..<count {
                let setup = try await OldSetup(inWAL: true)
                let injector = FaultInjector(Fault(kind, .file, point))
                do {
                    let store = try await FaultInjector.$current.withValue(injector) { try await setup.open() }
                    #expect(try await store.devices() == [setup.device], "\(injector.struck)")
                    store.close()
                } catch let error as StoreError {
                    #expect(!error.description.isEmpty)
                }
                #expect(injector.struck.count == 1)
                // A call that is carried out and then fails may leave the old one under a second name.
                let kept = try setup.hidden().first { $0.hasPrefix(".saveferry.db") && !$0.hasSuffix("-wal") }
                let old = try #require(kept, "\(injector.struck)")
                #expect(try setup.devices(in: setup.folder("library/\(old)")) == ["deck"])
                try await setup.isMoved("\(injector.struck)")
            }
        }

        @Test func `a lasting fault from any call on leaves the old database alone, or the new one whole`() async throws
        {
            for point in 0..<(try await points(inWAL: true)) {
                let setup = try await OldSetup(inWAL: true)
                let injector = FaultInjector(Fault(.noSpace, .file, point, isLasting: true))
                _ = try? await FaultInjector.$current.withValue(injector) { try await setup.open().close() }
                if let found = try? setup.devices(in: setup.new) { #expect(found == ["deck"], "\(injector.struck)") }
                if (try? setup.state())?.contains("saveferry.db") != true {
                    #expect(try setup.hidden().contains(".saveferry.db"), "\(injector.struck)")
                }
            }
        }
    #endif
}

/// Log lines, level first, with their metadata.
final class LogLines: Sendable {
    private let file: TemporaryFolder

    init() throws { file = try TemporaryFolder() }

    var logger: Logger {
        let path = file("log")
        return Logger(label: "lines") { _ in Handler(path: path) }
    }

    var lines: [String] {
        String(decoding: file.read("log") ?? [], as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private struct Handler: LogHandler {
        let path: String
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .debug

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let line = "\(event.level) \(event.message) \(event.metadata ?? [:])\n"
            let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
            defer { close(descriptor) }
            _ = write(descriptor, line, line.utf8.count)
        }
    }
}
