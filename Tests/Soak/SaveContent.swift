import TestSupport

/// What a save holds: bytes that follow from its number alone, so that one which was cut, mixed or made up is told from
/// one that a player wrote. No two saves have the same number.
enum SaveContent {
    /// What some bytes turn out to be.
    enum Recognition: Hashable, Sendable {
        /// A player's save from its first byte to its last.
        case whole(Int)
        /// As far as the player had written it when somebody looked: the beginning of a save, or nothing yet.
        case beginning(of: Int?, bytes: Int)
        /// Nothing that a player ever wrote.
        case torn
    }

    private static let mark = Array("a save of the soak test\n".utf8)
    /// The mark, then number and size in 8 bytes each.
    private static let headerSize = mark.count + 16

    /// The save with this number, in at least 64 bytes.
    static func bytes(_ number: Int, size: Int) -> [UInt8] {
        let size = max(64, size)
        var random = SplitMix64(seed: UInt64(number))
        var bytes = mark + word(UInt64(number)) + word(UInt64(size))
        bytes.reserveCapacity(size + 8)
        while bytes.count < size { bytes += word(random.next()) }
        return Array(bytes.prefix(size))
    }

    /// What `bytes` are.
    static func recognise(_ bytes: [UInt8]) -> Recognition {
        guard bytes.count >= headerSize else {
            let known = bytes.prefix(mark.count)
            return mark.starts(with: known) ? .beginning(of: nil, bytes: bytes.count) : .torn
        }
        let numbers = [0, 8].map { offset in
            bytes[(mark.count + offset)..<(mark.count + offset + 8)].reversed().reduce(UInt64(0)) {
                $0 << 8 | UInt64($1)
            }
        }
        guard bytes.starts(with: mark), let number = Int(exactly: numbers[0]), let size = Int(exactly: numbers[1]),
            bytes.count <= size, size <= largest, self.bytes(number, size: size).starts(with: bytes)
        else { return .torn }
        return bytes.count == size ? .whole(number) : .beginning(of: number, bytes: bytes.count)
    }

    /// No save is larger: a size that was made up must not be believed.
    static let largest = 4 << 20

    private static func word(_ number: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }
}
