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
            setModes(files: 0o400, folders: 0o500)
        }
    }

    deinit {
        if getuid() == 0 { umount2(path, Int32(MNT_DETACH)) } else { setModes(files: 0o600, folders: 0o700) }
    }

    /// Of the folder and what stands right in it.
    private func setModes(files: mode_t, folders: mode_t) {
        chmod(path, 0o700)
        for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
            var info = stat()
            let entry = "\(path)/\(name)"
            if lstat(entry, &info) == 0 { chmod(entry, info.st_mode & S_IFMT == S_IFDIR ? folders : files) }
        }
        chmod(path, folders)
    }
}
