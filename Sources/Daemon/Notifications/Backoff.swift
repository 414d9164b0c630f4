/// When a delivery that failed is tried again.
enum Backoff {
    /// Between two attempts at the most, whatever the server asks for.
    static let longest = 600.0

    /// Seconds after this many failed attempts (from 1): 2, 4, 8 … 600, of which `chance` (0 to 1) takes away up to half, so
    /// that several targets behind one server don't come back at the same time. Never less than the server asked for.
    static func seconds(after attempts: Int, asked: Double?, chance: Double) -> Double {
        let full = min(longest, Double(sign: .plus, exponent: min(attempts, 16), significand: 1))
        return min(longest, max(asked ?? 0, full * (1 - chance / 2)))
    }
}
