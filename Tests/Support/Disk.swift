import Foundation

/// A small file system of its own (tmpfs), mounted for as long as a test needs it. Only root can have one.
public final class Disk: Sendable {
    private let folder: TemporaryFolder

    /// Whether one can be mounted here.
    public static let canMount: Bool = {
        guard getuid() == 0, let folder = try? TemporaryFolder() else { return false }
        guard mount("tmpfs", folder.path, "tmpfs", 0, "size=64k") == 0 else { return false }
        umount2(folder.path, 0)
        return true
    }()

    /// An empty one of this size.
    public init(kilobytes: Int) async throws {
        folder = try TemporaryFolder()
        guard mount("tmpfs", folder.path, "tmpfs", 0, "size=\(kilobytes)k,mode=700") == 0 else {
            throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EPERM)
        }
    }

    deinit { umount2(folder.path, Int32(MNT_DETACH)) }

    /// Where it is mounted.
    public var path: String { folder.path }

    /// Gives it another size; what is on it stays.
    public func resize(kilobytes: Int) async throws {
        let flags = UInt(MS_REMOUNT)
        guard mount("tmpfs", folder.path, "tmpfs", flags, "size=\(kilobytes)k") == 0 else {
            throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EPERM)
        }
    }
}
