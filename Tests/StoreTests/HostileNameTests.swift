import Foundation
import Planner
import TestSupport
import Testing

@testable import Store

/// A device chooses its file names: none of a million hostile ones leads out of the place that it belongs to, on either
/// side. `SAVEFERRY_NAMES_SEED` repeats a run.
@Suite struct HostileNameTests {
    /// What hostile names are made of.
    private static let pieces: [[UInt8]] =
        [
            "/", "..", ".", "../", "/..", "\0", "\n", "\r", "\u{1b}[2J", "\\", "..\\", ":", "*", "?", "\"", "<", ">",
            "|", " ", "~", "%2e%2e%2f", "CON", "nul", "COM1", "aux.", "Game", "gAME", "é", "e\u{301}", "ﬁ", "İ", "ß",
            "\u{202e}", "\u{200b}", "\u{2028}", "\u{85}", "\u{ff0e}\u{ff0e}\u{ff0f}", "\u{2215}", "日本", "👨‍👩‍👧", "~/",
            "$(id)", "`id`", "-rf", "_archive", "_states", ".saveferry", "main", ".srm", ".state3",
            " [2025-06-15_15-06-40]",
            " ~0a1b2c3d", String(repeating: "a", count: 130), String(repeating: "ü", count: 90),
        ].map { Array($0.utf8) } + [[0xff], [0xc0, 0xaf], [0xe2, 0x80], [0xed, 0xa0, 0x80], [0x7f], [0xf5, 0x80]]

    @Test func `no name leads out of its folder, on the device or in the library`() throws {
        let given = ProcessInfo.processInfo.environment["SAVEFERRY_NAMES_SEED"].flatMap(UInt64.init)
        let seed = given ?? .random(in: 0 ... .max)
        var random = SplitMix64(seed: seed)
        var taken = 0
        var refused = 0
        var ownerOfFolder: [String: SaveKey] = [:]
        for round in 0..<1_000_000 {
            var name: [UInt8] = []
            for _ in 0...Int(random.next() % 4) {
                name += Self.pieces[Int(random.next() % UInt64(Self.pieces.count))]
            }
            guard let path = try? RelativePath(name, in: round % 2 == 0 ? nil : RelativePath("folder")) else {
                refused += 1
                continue
            }
            taken += 1
            // On the device: the bytes themselves, one component more than the folder.
            let parts = path.text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            let isInside = parts.count == (round % 2 == 0 ? 1 : 2) && parts.last.map(Array.init) == name
            let isPlain = !name.contains(0) && name != Array("..".utf8) && name != Array(".".utf8)
            if !isInside || !isPlain { Issue.record("\(name) became \(path), seed \(seed)") }
            // Shown: nothing that moves a cursor.
            if path.description.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) {
                Issue.record("\(name) is shown raw, seed \(seed)")
            }
            // In the library: as game, slot, platform and owner, and as a version's own name.
            let text = path.name
            let identity = SaveIdentity(
                owner: round % 7 == 0 ? text : "anna", platform: round % 5 == 0 ? text : "gba", game: text,
                kind: round % 3 == 0 ? .state : .save, slot: round % 4 == 0 ? text : SaveIdentity.mainSlot)
            let folder = LibraryName.folder(of: identity, archival: round % 11 == 0)
            let version = LibraryName.version(
                of: text, shape: round % 2 == 0 ? .file : .folder, stamp: "2025-06-15_15-06-40", attempt: 1)
            let components = (folder + "/" + version).split(separator: "/", omittingEmptySubsequences: false)
            let depth = identity.kind == .state ? 6 : 5
            if components.count != depth || !components.allSatisfy(Self.isSafe) {
                Issue.record("\(name) became \(folder)/\(version), seed \(seed)")
            }
            // Two saves never share a folder, not even where a file system folds case.
            // Owners are the user's own words, and the Store refuses two that differ only by case.
            if round < 100_000, round % 11 != 0, round % 7 != 0 {
                let folded = folder.precomposedStringWithCanonicalMapping.lowercased()
                let owner = ownerOfFolder.updateValue(identity.key, forKey: folded)
                if let owner, owner != identity.key {
                    Issue.record("two saves share \(folder), seed \(seed)")
                }
            }
        }
        // Names that are all refused, or all taken, would test nothing.
        #expect(taken > 100_000 && refused > 100_000, "seed \(seed)")
    }

    /// Whether FAT, SMB and every other file system take this component as it is, and as one component.
    private static func isSafe(_ component: Substring) -> Bool {
        let bytes = component.utf8
        guard let first = bytes.first, let last = bytes.last, bytes.count <= 255 else { return false }
        return first != UInt8(ascii: ".") && first != UInt8(ascii: " ")
            && last != UInt8(ascii: ".") && last != UInt8(ascii: " ")
            && !bytes.contains { $0 < 0x20 || $0 == 0x7f || "<>:\"/\\|?*".utf8.contains($0) }
    }
}
