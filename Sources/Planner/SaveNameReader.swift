/// Reads the names in one save directory: what ``SaveFileName`` tells of a name, without looking at each extension's
/// letters again for every one of many thousand files.
struct SaveNameReader {
    private let kind: SaveKind
    private let extensions: [String]
    /// The longest first; nil when one of the extensions is too long or not plain ASCII.
    private let endings: [Ending]?

    /// An extension with its dot, as the number that its bytes make.
    private struct Ending {
        let bytes: UInt128
        let count: Int
        let slot: FoldedName

        var mask: UInt128 { (1 << UInt128(8 * count)) - 1 }
    }

    init(kind: SaveKind, extensions: [String]) {
        self.kind = kind
        self.extensions = extensions
        guard extensions.allSatisfy({ $0.utf8.count < 15 && $0.isPrintableASCII }) else {
            endings = nil
            return
        }
        endings = extensions.map { text in
            Ending(
                bytes: ("." + text).utf8.reduce(0) { $0 << 8 | UInt128($1) }, count: text.utf8.count + 1,
                slot: .slot(SaveFileName.slot(forExtension: text, kind: kind)))
        }.sorted { $0.count > $1.count }
    }

    /// Game and slot of the file `name`, or nil when it is no save here.
    func read(_ name: Substring) -> (game: Substring, slot: FoldedName)? {
        guard let endings, name.isPrintableASCII else {
            return SaveFileName(String(name), kind: kind, extensions: extensions).map { ($0.game[...], .slot($0.slot)) }
        }
        // The name's last bytes in lower case, the last one lowest. In printable ASCII a byte is a character.
        let end = name.utf8.suffix(15).reduce(UInt128(0)) { $0 << 8 | UInt128($1.lowercasedASCII) }
        let count = name.utf8.count
        guard let ending = endings.first(where: { $0.bytes == end & $0.mask && $0.count < count }) else { return nil }
        let stem = name[..<name.utf8.index(name.endIndex, offsetBy: -ending.count)]
        return (SaveFileName.withoutROMExtension(stem), ending.slot)
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
