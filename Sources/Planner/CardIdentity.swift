/// What a server says of the file system that a save directory lies on (statvfs(3)): enough to tell most cards from each
/// other, never enough to say that two are the same.
///
/// On FAT the number stands for the slot and not for the card, and can change when the device restarts. A halt therefore
/// needs more than another identity: see ``Valve/cardChanged``.
public struct CardIdentity: Hashable, Sendable {
    /// The file system's number (`f_fsid`).
    public let number: UInt64
    /// Bytes, used and free together.
    public let totalBytes: UInt64

    /// Nil where the server gives no number.
    public init?(number: UInt64, totalBytes: UInt64) {
        guard number != 0 else { return nil }
        self.number = number
        self.totalBytes = totalBytes
    }

    /// Whether both can be the same card. Some file systems change their size a little as they are used.
    func canBe(_ other: CardIdentity) -> Bool {
        let (small, large) = (min(totalBytes, other.totalBytes), max(totalBytes, other.totalBytes))
        return number == other.number && large - small <= large / 100
    }
}
