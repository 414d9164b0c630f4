/// Cuts what arrives in pieces into lines.
struct LineSplitter {
    private let longest: Int
    private var rest: [UInt8] = []

    /// - Parameter longest: bytes that a line may have, its end included.
    init(longest: Int) {
        self.longest = longest
    }

    /// Whether a line began that is too long; what comes after it is of no use.
    private(set) var isOverlong = false

    /// The lines that these bytes complete, without their ends.
    mutating func add(_ bytes: some Sequence<UInt8>) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        for byte in bytes where !isOverlong {
            if byte == UInt8(ascii: "\n") {
                lines.append(rest)
                rest = []
            } else {
                rest.append(byte)
                isOverlong = rest.count >= longest
            }
        }
        return lines
    }
}
