import Foundation
import TestSupport
import Testing

extension ProgramTests {
    /// Conflicts as people and scripts see and decide them.
    @Suite struct ConflictCommandTests {
        /// `pocket` and `deck` behind one server, each with saves of two platforms that differ.
        struct Scene {
            let installation: Installation
            let deck: TemporaryFolder
            static let saves = ["gba/Metroid.srm", "gba/Zelda.srm", "snes/Chrono.srm"]

            init(settings: String = "", deckOptions: [String] = []) async throws {
                installation = try await Installation()
                deck = try TemporaryFolder()
                if !settings.isEmpty { try installation.home.write(settings, to: "saveferry.yaml") }
                let fingerprint = try await SSHKeys.shared.fingerprint("host_ed25519")
                let folders = [("pocket", installation.handheld, []), ("deck", deck, deckOptions)]
                for (name, folder, options) in folders {
                    for save in Scene.saves { try folder.write("of the \(name)", to: save) }
                    let added = try await installation.run(
                        [
                            "device", "add", name, "--host", "127.0.0.1", "--port", "\(installation.server.port)",
                            "--user", OpenSSHServer.user, "--dir", "gba=\(folder("gba"))", "--dir",
                            "snes=\(folder("snes"))", "--trust", fingerprint,
                        ] + options)
                    try #require(added.status == 0, "\(added.errorOutput)")
                }
                try #require(try await installation.run("sync", "pocket").status == 0)
            }

            func texts(_ folder: TemporaryFolder) -> [String] {
                Scene.saves.map { String(decoding: folder.read($0) ?? [], as: UTF8.self) }
            }
        }

        @Test func `conflicts are listed with both sides, and decided together by device and platform`() async throws {
            let scene = try await Scene()
            let installation = scene.installation
            #expect(try await installation.run("sync", "deck").status == 3)
            let listed = try #require(try await installation.json("conflicts")["conflicts"] as? [[String: Any]])
            #expect(listed.count == 3 && listed.allSatisfy { $0["device"] as? String == "deck" })
            for side in ["device_side", "server_side"] {
                let sides = listed.compactMap { $0[side] as? [String: Any] }
                let size = side == "device_side" ? "of the deck".utf8.count : "of the pocket".utf8.count
                #expect(sides.count == 3 && sides.allSatisfy { $0["size_bytes"] as? Int == size })
                #expect(sides.allSatisfy { ($0["modified_at"] as? String)?.hasSuffix("Z") == true })
            }
            let table = try await installation.run("conflicts", "--platform", "SNES").output
            #expect(table.contains("snes/Chrono") && !table.contains("Metroid"))

            for wrong in [
                ["--keep", "server"], ["1", "--all", "--keep", "server"], ["1", "--device", "deck", "--keep", "both"],
            ] {
                #expect(try await installation.run(["conflicts", "resolve"] + wrong).status == 2)
            }
            func resolveAll(_ options: String...) async throws -> Command {
                try await installation.run(["conflicts", "resolve", "--all"] + options)
            }
            #expect(try await resolveAll("--keep", "server", "--device", "nobody").status == 2)
            #expect(try await resolveAll("--keep", "server", "--device", "pocket").output == "No conflicts.\n")
            let first = try await resolveAll("--keep", "device", "--device", "deck", "--platform", "snes")
            #expect(first.status == 0 && first.output.contains("snes/Chrono keeps device"), "\(first.output)")
            #expect(try await installation.sql("SELECT count(*) FROM conflicts WHERE resolved_at IS NULL") == "2\n")
            let rest = try await resolveAll("--keep", "server")
            #expect(rest.status == 0 && rest.output.contains("gba/Metroid") && rest.output.contains("gba/Zelda"))

            #expect(try await installation.run("sync", "deck", "pocket").status == 0)
            for folder in [scene.deck, installation.handheld] {
                #expect(scene.texts(folder) == ["of the pocket", "of the pocket", "of the deck"])
            }
        }

        @Test func `one of several conflicts whose server side moved on is refused, and the others are decided`()
            async throws
        {
            let scene = try await Scene()
            let installation = scene.installation
            #expect(try await installation.run("sync", "deck").status == 3)
            try installation.handheld.write("played on", to: "gba/Zelda.srm")
            #expect(try await installation.run("sync", "pocket").status == 0)
            let result = try await installation.run("conflicts", "resolve", "--all", "--keep", "server")
            #expect(result.status == 1)
            #expect(
                result.errorOutput.contains("Zelda has another content now; it is conflict 4"), "\(result.errorOutput)")
            #expect(result.output.contains("gba/Metroid") && result.output.contains("snes/Chrono"))
            #expect(try await installation.run("sync", "deck").status == 3)
            #expect(scene.texts(scene.deck) == ["of the pocket", "of the deck", "of the pocket"])
            #expect(try await installation.run("conflicts", "resolve", "4", "--keep", "server").status == 0)
            #expect(try await installation.run("sync", "deck").status == 0)
            #expect(scene.texts(scene.deck) == ["of the pocket", "played on", "of the pocket"])
        }

        @Test(
            arguments: [
                ("server", nil, "of the pocket"), ("device", nil, "of the deck"), ("keep-both", nil, "of the pocket"),
                ("server", "device", "of the deck"), ("device", "server", "of the pocket"), ("server", "ask", nil),
            ] as [(String, String?, String?)])
        func `a policy decides for all devices, and a device's own goes before it`(
            _ policy: String, _ own: String?, _ winner: String?
        ) async throws {
            let scene = try await Scene(
                settings: "conflicts: \(policy)\n", deckOptions: own.map { ["--conflicts", $0] } ?? [])
            let installation = scene.installation
            #expect(try await installation.run("sync", "deck").status == (winner == nil ? 3 : 0))
            #expect(scene.texts(scene.deck) == Array(repeating: winner ?? "of the deck", count: 3))
            #expect(try await installation.run("sync").status == (winner == nil ? 3 : 0))
            #expect(scene.texts(installation.handheld) == Array(repeating: winner ?? "of the pocket", count: 3))
            // P1: both contents of all three are kept, whoever won.
            let kept = try await installation.sql(
                "SELECT count(DISTINCT game || hex(content_hash)) FROM save_versions v JOIN saves s ON s.id = v.save_id"
            )
            #expect(kept == "6\n")
        }
    }
}
