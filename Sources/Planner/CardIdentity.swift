/// What a server says of the file system that a save directory lies on (statvfs(3)): enough to tell most cards from each
/// other, never enough to say that two are the same.
///
/// On FAT the number stands for the slot and not for the card, and can change when the device restarts; a file system in user
/// space (FUSE), as Android and many handhelds have it for exFAT, gives none. A halt therefore needs more than another
/// identity: see ``Valve/cardChanged``.
public struct CardIdentity: Hashable, Sendable {
    /// The file system's number (`f_fsid`); 0 where the server gives none.
    public let number: UInt64
    /// Bytes, used and free together; 0 where the server gives none.
    public let totalBytes: UInt64

    /// Nil where the server gives neither.
    public init?(number: UInt64, totalBytes: UInt64) {
        guard number != 0 || totalBytes != 0 else { return nil }
        self.number = number
        self.totalBytes = totalBytes
    }

    /// Whether both can be the same card. What one of them does not say says nothing, and some file systems change their
    /// size a little as they are used.
    func canBe(_ other: CardIdentity) -> Bool {
        if number != 0, other.number != 0, number != other.number { return false }
        guard totalBytes != 0, other.totalBytes != 0 else { return true }
        let (small, large) = (min(totalBytes, other.totalBytes), max(totalBytes, other.totalBytes))
        return large - small <= large / 100
    }

    /// Whether this is better remembered than `known`, of a card that it can be.
    func saysMore(than known: CardIdentity) -> Bool {
        number != 0 && totalBytes != 0 && (known.number == 0 || known.totalBytes == 0)
    }
}
