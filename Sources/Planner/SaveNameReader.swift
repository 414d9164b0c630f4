/// Reads the names in one save directory: what ``SaveFileName`` tells of a name, without looking at each extension's
/// letters again for every one of many thousand files.
struct SaveNameReader {
    private let kind: SaveKind
    private let extensions: [String]
    /// The longest first; nil when one of the extensions is too long or not plain ASCII.
    private let endings: [Ending]?
    /// Those that a number follows, in the same order.
    private let numberedEndings: [Ending]

    /// What the name of a file says, as it stands there.
    struct Name {
        let game: Substring
        /// Without the dot.
        let fileExtension: Substring
        let slot: FoldedName
    }

    init(kind: SaveKind, extensions: [String]) {
        self.kind = kind
        self.extensions = extensions
        let isPlain = extensions.allSatisfy { $0.utf8.count < 15 && $0.isPrintableASCII }
        let listed = extensions.filter { SaveFileName.numbered($0) == nil }
        endings = isPlain ? listed.map { Ending($0[...], kind) }.sorted { $0.count > $1.count } : nil
        let numbered = isPlain ? extensions.compactMap(SaveFileName.numbered) : []
        numberedEndings = numbered.map { Ending($0, kind) }.sorted { $0.count > $1.count }
    }

    /// What the name says, or nil when it is no save's here.
    func read(_ name: Substring) -> Name? {
        guard let endings, name.isPrintableASCII else {
            return SaveFileName.parts(of: name, extensions: extensions).map { parts in
                Name(game: parts.game, fileExtension: parts.fileExtension, slot: slot(parts.fileExtension))
            }
        }
        // In printable ASCII a byte is a character.
        let listed = endings.ending(name.utf8)
        let digits = numberedEndings.isEmpty ? 0 : name.utf8.reversed().prefix(while: \.isDigit).count
        let numbered = digits == 0 ? nil : numberedEndings.ending(name.utf8.dropLast(digits))
        let count = max(listed?.count ?? 0, numbered.map { $0.count + digits } ?? 0)
        guard count > 0 else { return nil }
        let dot = name.utf8.index(name.endIndex, offsetBy: -count)
        let fileExtension = name[name.utf8.index(after: dot)...]
        return Name(
            game: SaveFileName.withoutROMExtension(name[..<dot]), fileExtension: fileExtension,
            slot: (listed?.count == count ? listed?.slot : nil) ?? slot(fileExtension))
    }

    private func slot(_ fileExtension: Substring) -> FoldedName {
        .slot(SaveFileName.slot(forExtension: fileExtension.lowercased(), kind: kind))
    }
}

/// An extension with its dot, as the number that its bytes make.
private struct Ending {
    let bytes: UInt128
    let count: Int
    let slot: FoldedName

    init(_ text: Substring, _ kind: SaveKind) {
        bytes = ("." + text).utf8.reduce(0) { $0 << 8 | UInt128($1) }
        count = text.utf8.count + 1
        slot = .slot(SaveFileName.slot(forExtension: String(text), kind: kind))
    }

    var mask: UInt128 { (1 << UInt128(8 * count)) - 1 }
}

extension [Ending] {
    /// The first with which `name` ends and before which something stands. The name is printable ASCII.
    fileprivate func ending(_ name: Substring.UTF8View) -> Ending? {
        // Its last bytes in lower case, the last one lowest.
        let end = name.suffix(15).reduce(UInt128(0)) { $0 << 8 | UInt128($1.lowercasedASCII) }
        let length = name.count
        return first { $0.bytes == end & $0.mask && $0.count < length }
    }
}

extension StringProtocol {
    /// Whether every byte is a printable ASCII character: one byte, one character, one form.
    fileprivate var isPrintableASCII: Bool { eachByte { $0 >= 0x20 && $0 < 0x7f } }
}

extension UInt8 {
    /// This byte with the bit that tells "a" from "A", where it is one of "A" to "Z".
    fileprivate var lowercasedASCII: UInt8 { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= self ? self | 0x20 : self }
}
