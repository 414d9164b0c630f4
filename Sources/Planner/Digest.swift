/// A SHA-256 value (FIPS 180-4): of one file's bytes, or of a save's canonical content.
///
/// Stored as four big-endian words so that hundreds of thousands of them stay small and quick to compare.
public struct Digest: Hashable, Sendable {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// The digest with these 32 bytes, or nil when there are not exactly 32.
    public init?(bytes: some Sequence<UInt8>) {
        var words: [UInt64] = [0, 0, 0, 0]
        var count = 0
        for byte in bytes {
            guard count < 32 else { return nil }
            words[count / 8] = words[count / 8] << 8 | UInt64(byte)
            count += 1
        }
        guard count == 32 else { return nil }
        self.words = (words[0], words[1], words[2], words[3])
    }

    /// The digest written as 64 hexadecimal digits in either case, or nil for anything else.
    public init?(hex: String) {
        var nibbles: [UInt8] = []
        nibbles.reserveCapacity(64)
        for character in hex.utf8 {
            switch character {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): nibbles.append(character - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): nibbles.append(character - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): nibbles.append(character - UInt8(ascii: "A") + 10)
            default: return nil
            }
        }
        guard nibbles.count == 64 else { return nil }
        self.init(bytes: (0..<32).map { nibbles[2 * $0] << 4 | nibbles[2 * $0 + 1] })
    }

    /// The 32 bytes, most significant first.
    public var bytes: [UInt8] {
        [words.0, words.1, words.2, words.3].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) }
        }
    }

    /// 64 lower-case hexadecimal digits.
    public var hex: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// True when all 32 bytes are equal.
    public static func == (a: Digest, b: Digest) -> Bool {
        a.words.0 == b.words.0 && a.words.1 == b.words.1 && a.words.2 == b.words.2 && a.words.3 == b.words.3
    }

    /// One word is enough: the value is already uniformly distributed.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
    }
}

extension Digest: CustomStringConvertible {
    /// The first twelve digits, enough to tell versions apart in a message.
    public var description: String { String(hex.prefix(12)) }
}
