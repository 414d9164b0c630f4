/// Random numbers that a seed repeats exactly (Steele, Lea and Flood: Fast Splittable Pseudorandom Number Generators).
public struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// The sequence that belongs to `seed`.
    public init(seed: UInt64) {
        state = seed
    }

    /// `count` bytes of the sequence that belongs to `seed`; a multiple of 8.
    public static func bytes(seed: UInt64, count: Int) -> [UInt8] {
        var numbers = SplitMix64(seed: seed)
        return (0..<count / 8).flatMap { _ in withUnsafeBytes(of: numbers.next()) { Array($0) } }
    }

    /// The next number.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
