/// Below how much free room a file system is low: so many bytes, or a share of its size; of both, what is less.
public struct DiskLimit: Hashable, Sendable {
    private let bytes: UInt64?
    private let percent: UInt64?

    /// 1 GiB or 5 %, whichever is less.
    public static let standard = DiskLimit(bytes: 1 << 30, percent: 5)

    /// What ``init(_:)`` takes.
    public static let expectation = "a size such as 500MiB or 2GiB, or a share such as 5%"

    private init(bytes: UInt64?, percent: UInt64?) {
        self.bytes = bytes
        self.percent = percent
    }

    /// From `500MiB`, `2 GiB`, `1TiB` or `5%`; nil for anything else.
    public init?(_ text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = UInt64(digits), number > 0, number < 1 << 20 else { return nil }
        switch text.dropFirst(digits.count).drop(while: { $0 == " " }) {
        case "%" where number < 100: self.init(bytes: nil, percent: number)
        case "MiB": self.init(bytes: number << 20, percent: nil)
        case "GiB": self.init(bytes: number << 30, percent: nil)
        case "TiB": self.init(bytes: number << 40, percent: nil)
        default: return nil
        }
    }

    /// The limit on a file system of this size.
    func bytes(of total: UInt64) -> UInt64 {
        min(bytes ?? .max, percent.map { total / 100 * $0 } ?? .max)
    }
}
