import Foundation
import TestSupport
import Testing

extension ProgramTests {
    /// Commands that are run while a daemon syncs all the time.
    @Suite struct BesideTests {
        @Test func `every command works beside a daemon, none meets a locked database, and nothing is lost`()
            async throws
        {
            let installation = try await Installation.withDevice()
            let key = try await SSHKeys.shared.fingerprint("host_ed25519")
            let folders = try (1...6).map { _ in try TemporaryFolder() }
            for (number, folder) in folders.enumerated() {
                try folder.write("Metroid of \(number)", to: "gba/Metroid.srm")
                try folder.write("0", to: "gba/Own \(number).srm")
                try await installation.addDevice("deck\(number)", saves: folder, more: ["--trust", key])
            }
            _ = try await installation.run("sync", "pocket")
            let daemon = try installation.start("serve", "--schedule", "10s")
            try await eventually("every deck was synced and is in conflict over Metroid") {
                try await installation.sql("SELECT count(*) FROM conflicts WHERE resolved_at IS NULL") == "6\n"
            }
            let runs = try await count(installation)
            var written: Set<String> = []
            var round = 0
            // As long as it takes the daemon to come round twice more.
            while try await count(installation) < runs + 14 {
                round += 1
                for (number, folder) in folders.enumerated() {
                    written.insert("\(round) of \(number)")
                    try folder.write("\(round) of \(number)", to: "gba/Own \(number).srm")
                }
                // 3: conflicts are open; 8: the daemon is syncing one of them; 1: a save changed while it was looked at.
                try await works(installation, "sync", mayEndWith: [0, 1, 3, 8])
                try await works(installation, "status")
                try await works(installation, "device", "edit", "deck1", "--schedule", "\(10 + round % 5)s")
                try await works(installation, "device", "list")
                try await works(installation, "retention")
                try await works(installation, "verify")
                try await works(installation, "restore", "gba/Own 0", "--version", "1")
                let deck = "deck\(round % folders.count)"
                try await works(
                    installation, "conflicts", "resolve", "--all", "--keep", "server", "--device", deck,
                    mayEndWith: [0, 1, 2, 3])
                try await works(installation, "device", "trust", "deck2", "--fingerprint", key)
                // What this round wrote is in the library before the next one replaces it.
                try await eventually(within: 60, "round \(round) is in the library") {
                    let contents = libraryContents(installation)
                    return written.allSatisfy(contents.contains)
                }
            }
            daemon.signal(SIGTERM)
            #expect(try await daemon.waitForEnd() == 0)
            let log = installation.log
            #expect(!log.contains("locked"), "\(log)")
            #expect(try await installation.run("verify").status == 0)
            let contents = libraryContents(installation)
            #expect(contents.isSuperset(of: folders.indices.map { "Metroid of \($0)" }))
        }

        /// Runs it, and expects a code that says that it did what it could, and no word of a locked database.
        private func works(
            _ installation: Installation, _ arguments: String..., mayEndWith codes: Set<Int32> = [0],
            sourceLocation: SourceLocation = #_sourceLocation
        ) async throws {
            let result = try await installation.run(arguments)
            let text = "\(arguments): \(result.status)\n\(result.output)\(result.errorOutput)"
            #expect(codes.contains(result.status), "\(text)", sourceLocation: sourceLocation)
            #expect(!text.contains("locked") && !text.contains("database"), "\(text)", sourceLocation: sourceLocation)
        }

        /// The daemon's runs that ended.
        private func count(_ installation: Installation) async throws -> Int {
            let text = try await installation.sql(
                "SELECT count(*) FROM sync_sessions WHERE session_trigger = 'scheduled' AND ended_at IS NOT NULL")
            return try #require(Int(text.trimmingCharacters(in: .newlines)))
        }

        private func libraryContents(_ installation: Installation) -> Set<String> {
            let library = installation.home("library")
            let files = (FileManager.default.subpaths(atPath: library) ?? []).filter { $0.hasSuffix(".srm") }
            return Set(
                files.compactMap { path in
                    FileManager.default.contents(atPath: "\(library)/\(path)").map {
                        String(decoding: $0, as: UTF8.self)
                    }
                })
        }
    }
}
