import Foundation
import Planner

import struct Crypto.SHA256

/// Names in the library that every file system takes, and that no two saves share.
enum LibraryName {
    /// The folder of a save's versions, below the library.
    static func folder(of identity: SaveIdentity, archival: Bool) -> String {
        let key = identity.key
        let slot = archival ? "_archive" : safe(identity.slot, telling: key.slot)
        let parts = [
            safe(identity.owner, telling: key.owner), safe(identity.platform, telling: key.platform),
            safe(identity.game, telling: key.game),
        ]
        return (parts + (identity.kind == .state ? ["_states", slot] : [slot])).joined(separator: "/")
    }

    /// `stem [YYYY-MM-DD_HH-MM-SS].ext`; `attempt` from 2 up makes further names for the same ``stamp(_:)``.
    static func version(of originalName: String, shape: SaveShape, stamp: String, attempt: Int) -> String {
        let (stem, fileExtension) = shape == .folder ? (originalName, "") : split(originalName)
        let again = attempt > 1 ? " (\(attempt))" : ""
        return safe(stem, telling: stem) + " [\(stamp)]" + again
            + (fileExtension.isEmpty ? "" : "." + safe(fileExtension, telling: ""))
    }

    /// The name and its extension without the dot. What is longer than any extension is part of the name, so that all
    /// together stays below the 255 bytes that file systems take.
    private static func split(_ name: String) -> (String, String) {
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return (name, "") }
        let after = name[name.index(after: dot)...]
        return after.utf8.count > 16 ? (name, "") : (String(name[..<dot]), String(after))
    }

    /// `YYYY-MM-DD_HH-MM-SS` in UTC.
    static func stamp(_ date: Date) -> String {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        let parts = calendar.dateComponents([.year, .month, .day, .hour, .minute, .second], from: date)
        func two(_ number: Int?) -> String { String(format: "%02d", number ?? 0) }
        return String(format: "%04d", parts.year ?? 0) + "-\(two(parts.month))-\(two(parts.day))_"
            + "\(two(parts.hour))-\(two(parts.minute))-\(two(parts.second))"
    }

    /// `text` with what FAT and SMB can't have replaced by `_`. When that changed anything, a hash of `key` is
    /// appended, so that two names never become one.
    static func safe(_ text: String, telling key: String) -> String {
        if isPlain(text) { return text }
        var result = String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    scalar.value < 0x20 || scalar.value == 0x7f || "<>:\"/\\|?*".unicodeScalars.contains(scalar)
                        ? "_" : scalar
                }))
        while result.utf8.count > 160 { result.removeLast() }
        while let last = result.last, last == "." || last == " " { result.removeLast() }
        if result.isEmpty || result.hasPrefix(".") || result.hasPrefix("_") || result.hasPrefix(" ") {
            result = "~" + result
        }
        let stem = result.split(separator: ".", maxSplits: 1).first.map { $0.uppercased() } ?? ""
        if reserved.contains(stem) { result = "~" + result }
        guard Array(result.utf8) != Array(text.utf8) else { return result }
        let hash = SHA256.hash(data: Data(key.precomposedStringWithCanonicalMapping.utf8)).prefix(4)
        return result + " ~" + hash.map { String(format: "%02x", $0) }.joined()
    }

    /// Whether `text` is surely safe as it is, as most names are: told without looking at characters.
    private static func isPlain(_ text: String) -> Bool {
        let bytes = text.utf8
        guard let first = bytes.first, isLetter(first), bytes.count <= 160, bytes.last != UInt8(ascii: " ") else {
            return false
        }
        return bytes.allSatisfy { isLetter($0) || " -_'!&()[],+".utf8.contains($0) }
            && (bytes.count > 4 || !reserved.contains(text.uppercased()))
    }

    /// Whether `byte` is a letter or digit of ASCII.
    private static func isLetter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    private static let reserved: Set<String> = Set(
        ["CON", "PRN", "AUX", "NUL"] + (1...9).flatMap { ["COM\($0)", "LPT\($0)"] })
}
