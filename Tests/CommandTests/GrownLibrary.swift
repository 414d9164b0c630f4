import Foundation
import TestSupport
import Testing

/// A library with so many versions that a sweep over it can be ended in the middle: three saves as the program itself
/// keeps them, one in an open conflict and one deleted, with the rows and files of 300 more versions each.
struct GrownLibrary {
    let installation: Installation

    /// What `keep_versions: 2` leaves of it: of each save the newest two, also of what is archived, its baseline, and
    /// both sides of the conflict.
    static let survivors = """
        Metroid|2,3,4,303,307,309,310
        Tetris|1,309,310
        Zelda|1,309,310

        """
    /// Which rows those are, `v` of `save_versions` and `s` of `saves`.
    static let isSurvivor = """
        v.number > 308 OR v.number IN (1, 2, 3, 4, 303, 307) AND (s.game = 'Metroid') = (v.number > 1)
        """

    init() async throws {
        installation = try await Installation.withDevice()
        try installation.handheld.write("Tetris", to: "gba/Tetris.srm")
        try installation.handheld.write("Zelda", to: "gba/Zelda.srm")
        try await run("sync")
        // Version 2 is what both sides last had, 3 what the server has now, and 4 what the handheld has.
        try installation.handheld.write("played", to: "gba/Metroid.srm")
        try await run("sync")
        try await run("restore", "gba/Metroid", "--version", "1")
        try installation.handheld.write("played on", to: "gba/Metroid.srm")
        try await run("sync", ending: 3)
        try await grow()
        try await run("delete", "gba/Tetris")
        try installation.home.write("keep_versions: 2\nkeep_days: 1\n", to: "saveferry.yaml")
    }

    /// Versions 11 to 310 of each save, in turns. One content each, which the three saves share; of Metroid's, every
    /// fourth is archived.
    private func grow() async throws {
        // Links: new files in the place of many that were just removed take long on ext4.
        let script = """
            cd "$0" && for n in $(seq 11 310); do printf 'version %s' $n > Metroid/main/$n.srm || exit; done
            for game in Tetris Zelda; do ln Metroid/main/[1-9]*.srm $game/main/ || exit; done
            cd Metroid/main && sha256sum [1-9]*.srm
            """
        let sums = try await Command.run("/bin/sh", ["-c", script, installation.home("library/default/gba")]).output
        let contents = sums.split(separator: "\n").map { line in
            let number = line.dropFirst(66).dropLast(4)
            return "(\(number), X'\(line.prefix(64))', \("version \(number)".utf8.count))"
        }
        try #require(contents.count == 300)
        try await installation.sql(
            """
            CREATE TEMP TABLE contents (number INTEGER PRIMARY KEY, sha256 BLOB, size INTEGER);
            INSERT INTO contents VALUES \(contents.joined(separator: ","));
            INSERT INTO save_versions (save_id, number, slot, content_hash, shape, size, is_blank, original_name,
                library_path, source, modified_at, created_at)
            SELECT s.id, c.number, iif(s.game = 'Metroid' AND c.number % 4 = 3, NULL, 'main'), c.sha256, 'file', c.size, 0,
                s.game || '.srm', 'default/gba/' || s.game || '/main/' || c.number || '.srm', 'pocket', 0, 0
            FROM contents c, saves s ORDER BY c.number, s.game;
            INSERT INTO version_entries
            SELECT id, original_name, size, content_hash FROM save_versions WHERE number > 10;
            UPDATE save_versions SET created_at = 1000000000, last_used_at = NULL;
            UPDATE saves SET current_version_id = (
                SELECT id FROM save_versions WHERE save_id = saves.id AND slot = 'main' ORDER BY number DESC LIMIT 1);
            """)
    }

    static func path(_ game: String, _ number: Int) -> String { "library/default/gba/\(game)/main/\(number).srm" }

    // MARK: Runs

    /// Runs a command that must end with this status.
    @discardableResult
    func run(
        _ arguments: String..., ending status: Int32 = 0, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Command {
        let result = try await installation.run(arguments)
        try #require(
            result.status == status, "\(arguments): \(result.output)\(result.errorOutput)",
            sourceLocation: sourceLocation)
        return result
    }

    /// Ends a command with a signal, for good (SIGKILL) or as it likes (SIGTERM), as soon as something came true. Returns
    /// what it wrote until then.
    ///
    /// It must not be able to reach its end before: something must stand in its way.
    @discardableResult
    func end(
        _ command: [String], with signal: Int32, once what: String, sourceLocation: SourceLocation = #_sourceLocation,
        _ isReached: () async throws -> Bool
    ) async throws -> String {
        let file = installation.home("log")
        try? FileManager.default.removeItem(atPath: file)
        let process = try ServerProcess(Installation.program, command + ["--home", installation.home.path], log: file)
        try await eventually(what, isReached)
        process.signal(signal)
        let status = try await process.waitForEnd()
        let words = log
        let lastWords = String(words.suffix(300))
        if signal == SIGTERM {
            #expect(status == 1, "\(what)", sourceLocation: sourceLocation)
            #expect(
                lastWords.hasSuffix("error: interrupted; what was done stays done. Run it again to finish.\n"),
                "\(what)", sourceLocation: sourceLocation)
            let isNamed = words.contains("CancellationError")
            #expect(!isNamed, "\(what): \(lastWords)", sourceLocation: sourceLocation)
        } else {
            #expect(status == 128 + signal, "\(what)", sourceLocation: sourceLocation)
        }
        return words
    }

    /// What the command that was started last has written.
    var log: String { installation.log }

    // MARK: What it holds

    /// What the database answers, without the last line's end.
    func rows(_ query: String) async throws -> String {
        try await installation.sql(query).trimmingCharacters(in: .newlines)
    }

    func count(_ condition: String) async throws -> Int {
        try #require(Int(try await rows("SELECT count(*) FROM \(condition)")))
    }

    /// Every save's versions, in the form of ``survivors``.
    func versions(where condition: String = "true") async throws -> String {
        try await installation.sql(
            """
            SELECT game, group_concat(number) FROM (
                SELECT s.game, v.number FROM save_versions v JOIN saves s ON s.id = v.save_id WHERE \(condition)
                ORDER BY s.game, v.number)
            GROUP BY game ORDER BY game
            """)
    }

    /// The visible files of the library, as the database names them.
    func files() -> Set<String> {
        Set(below("library/default").map { "default/\($0)" })
    }

    /// Files below a folder of the home.
    func below(_ folder: String) -> [String] {
        (FileManager.default.subpaths(atPath: installation.home(folder)) ?? []).filter { $0.hasSuffix(".srm") }
    }

    /// What is set aside to be removed.
    func aside() -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: installation.home("library/.saveferry/removed"))) ?? []
    }

    /// The version rows and the files are each other's, file for file; a file that is only to be removed yet is no one's.
    func matches(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        func paths(_ table: String) async throws -> Set<String> {
            Set(try await rows("SELECT library_path FROM \(table)").split(separator: "\n").map(String.init))
        }
        let (named, leaving, files) = try await (paths("save_versions"), paths("library_removals"), files())
        #expect(named.subtracting(files).isEmpty, "no version misses its file", sourceLocation: sourceLocation)
        #expect(files.subtracting(named).isSubset(of: leaving), "no file is lost", sourceLocation: sourceLocation)
        #expect(leaving.isDisjoint(with: named), sourceLocation: sourceLocation)
    }

    /// `verify` finds nothing, nothing waits to be removed, and the database is sound.
    func isClean(versions: Int, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let verified = try await installation.run("verify")
        #expect(verified.output == "\(versions) versions: 0 differences\n", sourceLocation: sourceLocation)
        #expect(verified.status == 0, sourceLocation: sourceLocation)
        #expect(try await count("library_removals") == 0, sourceLocation: sourceLocation)
        #expect(aside().isEmpty, sourceLocation: sourceLocation)
        #expect(
            try await rows("PRAGMA integrity_check; PRAGMA foreign_key_check") == "ok", sourceLocation: sourceLocation)
        #expect(try await count("conflicts WHERE resolved_at IS NULL") == 1, sourceLocation: sourceLocation)
    }
}
