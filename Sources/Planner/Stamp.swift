/// Size and modification time as the device reports them: a cheap hint that a file is unchanged, never a proof.
public struct Stamp: Hashable, Sendable {
    /// Bytes.
    public let size: UInt64
    /// Seconds since 1970 by the device's own clock, which may be wrong; 0 where the server tells no time.
    public let modified: Int64

    /// Whether a write would show: without a time, one that keeps the size would not.
    public var showsWrites: Bool { modified != 0 }

    /// A stamp of `size` bytes and `modified` seconds since 1970.
    public init(size: UInt64, modified: Int64) {
        self.size = size
        self.modified = modified
    }
}

/// A point on the server's monotonic clock, comparable only within one boot of the machine.
public struct Moment: Hashable, Sendable {
    /// What identifies the boot; moments of different boots can't be compared.
    public let boot: String
    /// Nanoseconds on that boot's clock.
    public let nanoseconds: Int64

    /// The moment `nanoseconds` after `boot` began.
    public init(boot: String, nanoseconds: Int64) {
        self.boot = boot
        self.nanoseconds = nanoseconds
    }

    /// Nanoseconds from `earlier` to this moment, or nil when the machine was restarted in between.
    public func nanoseconds(since earlier: Moment) -> Int64? {
        boot == earlier.boot ? nanoseconds - earlier.nanoseconds : nil
    }
}

/// Whether a stamp may stand for the content that was read under it.
public enum StampState: Hashable, Sendable {
    /// The content was read long enough after the stamp was first listed: a later write would have moved the stamp.
    case settled
    /// A write within the same tick of the device's clock could still hide behind the stamp.
    case unsettled(firstListed: Moment)

    /// How long a stamp must be known before a read under it settles it: more than the 2 s tick of FAT.
    public static let settlingNanoseconds: Int64 = 3_000_000_000

    /// The state after a read. A stamp that does not show writes is never settled, so that its file is read in every run.
    ///
    /// - Parameters:
    ///   - stamp: the stamp before and after the read.
    ///   - previous: what was recorded for this file, if anything.
    ///   - listed: when this run listed the stamp.
    ///   - readBegan: when this run began to read the file.
    public static func afterRead(
        of stamp: Stamp, previous: EntryBaseline?, listed: Moment, readBegan: Moment
    ) -> StampState {
        var first = listed
        if let previous, previous.stamp == stamp {
            switch previous.state {
            case .settled where stamp.showsWrites: return .settled
            case .settled: break
            case .unsettled(let earlier) where earlier.nanoseconds(since: listed) ?? 1 <= 0: first = earlier
            case .unsettled: break
            }
        }
        let elapsed = readBegan.nanoseconds(since: first) ?? 0
        return elapsed >= settlingNanoseconds && stamp.showsWrites ? .settled : .unsettled(firstListed: first)
    }
}
