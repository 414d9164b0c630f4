import Foundation
import Planner
import TestSupport
import Testing

@testable import Store

/// The versions on disk: whole, private, and under names that every file system takes.
@Suite struct LibraryTests {
    struct Place: CustomTestStringConvertible, Sendable {
        let testDescription: String
        var identity = Home.identity("Metroid")
        var name = "Metroid.srm"
        var archival = false
        let path: String
    }

    static let stamp = "[2025-06-15_15-06-40]"

    static let places: [Place] = [
        Place(testDescription: "a save", path: "anna/gba/Metroid/main/Metroid \(stamp).srm"),
        Place(
            testDescription: "an archival version", archival: true,
            path: "anna/gba/Metroid/_archive/Metroid \(stamp).srm"),
        Place(
            testDescription: "a state", identity: Home.identity("Metroid", kind: .state, slot: "state3"),
            name: "Metroid.state3", path: "anna/gba/Metroid/_states/state3/Metroid \(stamp).state3"),
        Place(
            testDescription: "a slot", identity: Home.identity("Metroid", slot: "main-deck"),
            path: "anna/gba/Metroid/main-deck/Metroid \(stamp).srm"),
        Place(
            testDescription: "dots in the name", name: "xyz 3.0.gba.srm",
            path: "anna/gba/Metroid/main/xyz 3.0.gba \(stamp).srm"),
        Place(testDescription: "no extension", name: "SAVEDATA", path: "anna/gba/Metroid/main/SAVEDATA \(stamp)"),
    ]

    @Test(arguments: places)
    func `a version has a path that says what it is`(row: Place) async throws {
        let home = try await Home()
        let version = try await home.stored([(row.name, "x")], as: row.identity, archival: row.archival)
        #expect(version.libraryPath == row.path)
        #expect(home.folder.read("library/" + row.path) == Array("x".utf8))
        #expect(version.originalName == row.name)
    }

    static let names = [
        "Metroid", "CON", "nul.", "com1", "Trailing. ", "a:b", "a?b", "a*b|c", "<\"\\>", ".hidden", "_archive", "~x",
        String(repeating: "long ", count: 60), String(repeating: "\u{1f3ae}", count: 80),
        String(repeating: "e\u{301}", count: 120), "\u{1f9d1}\u{200d}\u{1f680} Game", "Poke\u{301}mon", "...", " ",
    ]

    @Test(arguments: names)
    func `names are safe for FAT and SMB`(name: String) async throws {
        let home = try await Home()
        let identity = Home.identity(name, owner: name, platform: name, slot: name)
        let version = try await home.stored([(name + ".srm", "x")], as: identity)
        #expect(try await home.text(of: version) == "x")
        for part in version.libraryPath.split(separator: "/") {
            #expect(part.utf8.count <= 255 && !part.isEmpty)
            #expect(!part.hasSuffix(".") && !part.hasSuffix(" ") && !part.hasPrefix("."))
            #expect(
                !part.unicodeScalars.contains {
                    $0.value < 0x20 || $0.value == 0x7f || "<>:\"/\\|?*".unicodeScalars.contains($0)
                })
            let stem = part.split(separator: ".").first.map { $0.uppercased() } ?? ""
            #expect(!["CON", "NUL", "AUX", "PRN", "COM1", "LPT1"].contains(stem))
        }
        // Only ours begin with "_": no game or slot can pose as the archive.
        #expect(!version.libraryPath.contains("/_"))
    }

    @Test func `two saves never share a path`() async throws {
        let home = try await Home()
        let long = String(repeating: "x", count: 200)
        let identities =
            ["Anna", "anna"].map { Home.identity(owner: $0) }
            + ["a:b", "a?b", "a_b", "CON", "~CON", "con.", long + "1", long + "2"].map { Home.identity($0) }
            + ["_archive", "main", "MAIN-2"].map { Home.identity("Slots", slot: $0) }
            + [Home.identity("Slots", kind: .state)]
        var paths: [String] = []
        for identity in identities {
            paths.append(try await home.stored([("same.srm", "x")], as: identity).libraryPath)
        }
        #expect(Set(paths).count == identities.count, "\(paths)")
        // Copied to a file system that folds case, only owners that differ by case could meet; the store refuses those.
        #expect(Set(paths.map { $0.lowercased() }).count == identities.count - 1)
    }

    @Test func `the same second gives further names, and nothing is replaced`() async throws {
        let home = try await Home()
        var versions: [StoredVersion] = []
        for text in ["1", "2", "3"] { versions.append(try await home.stored([("Metroid.srm", text)])) }
        #expect(
            versions.map(\.libraryPath)
                == ["", " (2)", " (3)"].map { "anna/gba/Metroid/main/Metroid \(Self.stamp)\($0).srm" })
        for (version, text) in zip(versions, ["1", "2", "3"]) { #expect(try await home.text(of: version) == text) }
    }

    @Test(arguments: [1, 20])
    func `a folder save is a folder of that name`(count: Int) async throws {
        let home = try await Home()
        let files = (0..<count).map { ("deep/\($0).bin", "content \($0)") } + [("PARAM.SFO", "x")]
        let version = try await home.stored(files, as: Home.identity("ULUS1"), shape: .folder, named: "ULUS1")
        #expect(version.libraryPath == "anna/gba/ULUS1/main/ULUS1 \(Self.stamp)")
        #expect(home.folder.read("library/\(version.libraryPath)/PARAM.SFO") == Array("x".utf8))
        #expect(version.entries.map(\.path) == version.entries.map(\.path).sorted())
        #expect(version.digest == ContentHash.ofFolder(version.entries.map { ($0.path.text, $0.sha256) }))
        #expect(version.size == UInt64(files.reduce(0) { $0 + $1.1.utf8.count }))
    }

    @Test func `two files of one name in a folder save are refused, not merged`() async throws {
        let home = try await Home()
        await #expect(throws: StoreError.self) {
            _ = try await home.stored([("a.bin", "1"), ("a.bin", "2")], shape: .folder, named: "ULUS1")
        }
    }

    @Test func `one draft that can't be stored leaves the others alone`() async throws {
        let home = try await Home()
        let staging = try await home.library.openStaging()
        var drafts: [VersionDraft] = []
        for name in ["a.srm", "../evil", "b.srm"] { drafts.append(try await home.draft([(name, name)], in: staging)) }
        let stored = await home.library.store(drafts, from: staging)
        await staging.discard()
        #expect(stored.map { (try? $0.get()) != nil } == [true, false, true])
        #expect(try await home.text(of: stored[2].get()) == "b.srm")
    }

    @Test func `many versions at once are all there`() async throws {
        let home = try await Home()
        let staging = try await home.library.openStaging()
        var drafts: [VersionDraft] = []
        for number in 0..<40 {
            drafts.append(
                try await home.draft([("g.srm", "\(number)")], as: Home.identity("Game \(number % 7)"), in: staging))
        }
        let stored = try await home.library.store(drafts, from: staging).map { try $0.get() }
        await staging.discard()
        for (number, version) in stored.enumerated() { #expect(try await home.text(of: version) == "\(number)") }
    }

    @Test func `nobody else can read the library`() async throws {
        let home = try await Home()
        let folder = try await home.stored(
            [("a/b.bin", "x")], as: Home.identity("ULUS1"), shape: .folder, named: "ULUS1")
        let file = try await home.stored([("Metroid.srm", "x")])
        for path in [
            home.library.root, home.library.path(of: folder.libraryPath),
            home.library.path(of: folder.libraryPath) + "/a",
        ] {
            #expect(try home.mode(path) == 0o700)
        }
        #expect(try home.mode(home.library.path(of: folder.libraryPath) + "/a/b.bin") == 0o600)
        #expect(try home.mode(home.library.path(of: file.libraryPath)) == 0o600)
    }

    static let damages: [(String, @Sendable (String) throws -> Void, StoreError.Code)] = [
        ("another byte", { try "Y".write(toFile: $0, atomically: false, encoding: .utf8) }, .corrupt),
        ("cut off", { try "".write(toFile: $0, atomically: false, encoding: .utf8) }, .corrupt),
        ("longer", { try "xx".write(toFile: $0, atomically: false, encoding: .utf8) }, .corrupt),
        ("gone", { try FileManager.default.removeItem(atPath: $0) }, .notFound),
    ]

    @Test(arguments: damages)
    func `a damaged version is noticed on reading`(
        name: String, damage: @Sendable (String) throws -> Void, code: StoreError.Code
    ) async throws {
        let home = try await Home()
        let version = try await home.stored([("Metroid.srm", "x")])
        try damage(home.library.path(of: version.libraryPath))
        let error = try await #require(throws: StoreError.self, "\(name)") { try await home.text(of: version) }
        #expect(error.code == code)
    }
}
