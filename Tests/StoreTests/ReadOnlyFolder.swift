import Foundation
import TestSupport

/// A folder in which nothing can be written for as long as this lives, also by root. What was opened before can be.
final class ReadOnlyFolder {
    private let path: String

    /// Whether there can be one here.
    static let isPossible = getuid() != 0 || Disk.canMount

    init(_ path: String) throws {
        self.path = path
        if getuid() == 0 {
            guard mount(path, path, nil, UInt(MS_BIND), nil) == 0,
                mount(nil, path, nil, UInt(MS_REMOUNT | MS_BIND | MS_RDONLY), nil) == 0
            else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EPERM) }
        } else {
            for name in try FileManager.default.contentsOfDirectory(atPath: path) { chmod("\(path)/\(name)", 0o400) }
            chmod(path, 0o500)
        }
    }

    deinit {
        if getuid() == 0 { umount2(path, Int32(MNT_DETACH)) } else { chmod(path, 0o700) }
    }
}
