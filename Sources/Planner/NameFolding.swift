/// How names of files and folders are made comparable.
public enum NameFolding {
    /// Folded for comparison without case. Upper case first, so that "ß" and "SS" meet.
    public static func caseFolded(_ text: String) -> String {
        // ASCII letters have one form in each case.
        text.isASCII ? text.lowercased() : text.uppercased().lowercased()
    }

    /// A platform's or core's folder name without case, spaces, `_` and `-`:
    /// "Genesis Plus GX" and "genesis_plus_gx" are one.
    public static func platform(_ text: String) -> String {
        let whole = caseFolded(text)
        // Nearly every platform is one ASCII word, and nothing is left out.
        if whole.eachByte({ $0 < 0x80 && $0 != 0x20 && $0 != 0x5f && $0 != 0x2d }) { return whole }
        let folded = whole.filter { $0 != " " && $0 != "_" && $0 != "-" }
        return folded.isEmpty ? whole : folded
    }
}

/// A name that many saves share, with what it is compared as: folded once for all of them.
struct FoldedName: Sendable {
    let text: String
    let folded: String

    static func platform(_ text: String) -> FoldedName {
        FoldedName(text: text, folded: NameFolding.platform(text))
    }

    static func slot(_ text: String) -> FoldedName {
        FoldedName(text: text, folded: NameFolding.caseFolded(text))
    }
}

/// The first 16 bytes of an ASCII text as one number. Sorting compares such numbers, and the texts themselves only where
/// the numbers are equal.
///
/// Swift orders strings by the code units of their normal form, which for ASCII are the bytes. A shorter text is filled
/// with zeros, which come before every other byte.
struct SortedStart: Comparable, Sendable {
    private let bytes: UInt128

    /// Nil where the text is not ASCII, and its order is not that of its bytes.
    init?(_ text: String) {
        guard text.isASCII else { return nil }
        var bytes: UInt128 = 0
        for byte in text.utf8.prefix(16) { bytes = bytes << 8 | UInt128(byte) }
        self.bytes = bytes << UInt128(8 * (16 - min(16, text.utf8.count)))
    }

    static func < (a: SortedStart, b: SortedStart) -> Bool { a.bytes < b.bytes }
}

extension String {
    /// Whether every byte is below 0x80, where each letter has one case pair, one form and one byte.
    var isASCII: Bool { eachByte { $0 < 0x80 } }
}
