import CLinux
import Glibc

/// File calls that throw what went wrong with what (their man pages in section 2).
enum FileCalls {
    /// Whether an open file still has a name: another process may remove it between its making and its locking.
    static func hasName(_ descriptor: Int32) -> Bool {
        var info = stat()
        return fstat(descriptor, &info) == 0 && info.st_nlink > 0
    }

    /// Makes a folder and what it stands in. Returns those that were made, outer ones first.
    static func makeFolders(_ path: String) throws(StoreError) -> [String] {
        var made: [String] = []
        if call("mkdir", path, { mkdir(path, 0o700) }) == 0 { return [path] }
        switch errno {
        case EEXIST: return []
        case ENOENT:
            made += try makeFolders(parent(of: path))
            guard call("mkdir", path, { mkdir(path, 0o700) }) == 0 || errno == EEXIST else {
                throw StoreError(errno: errno, "make the folder \(path)")
            }
            return made + [path]
        default: throw StoreError(errno: errno, "make the folder \(path)")
        }
    }

    /// Makes one folder, in a folder that is there. Nothing to do when it exists.
    static func makeFolder(_ path: String) throws(StoreError) {
        guard call("mkdir", path, { mkdir(path, 0o700) }) == 0 || errno == EEXIST else {
            throw StoreError(errno: errno, "make the folder \(path)")
        }
    }

    /// Makes a folder and what it stands in, with the names of those that were made durable when it returns.
    static func makeDurableFolders(_ path: String) throws(StoreError) {
        for made in try makeFolders(path) { try sync(parent(of: made)) }
        var info = stat()
        guard stat(path, &info) != 0, errno == ENOENT else { return }
        throw StoreError(.other, "\(path) is a link to something that is missing", advice: "Mount what it leads to.")
    }

    static func parent(of path: String) -> String {
        path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    }

    /// A new file, open for writing; fails when the name exists.
    static func create(_ path: String) throws(StoreError) -> Int32 {
        let descriptor = call("create", path) { open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) }
        guard descriptor >= 0 else { throw StoreError(errno: errno, "create \(path)") }
        return descriptor
    }

    /// Larger pieces take the kernel longer, because it looks for as large pieces of memory to keep them in.
    private static let mostWritten = 64 << 10

    static func write(_ bytes: [UInt8], to descriptor: Int32, _ path: String) throws(StoreError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { bytes in
                call("write", path, of: min(bytes.count - written, mostWritten)) { count in
                    Glibc.write(descriptor, bytes.baseAddress.map { $0 + written }, count)
                }
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw StoreError(errno: errno, "write \(path)") }
            written += count
        }
    }

    /// Forces a file, or a folder's names, to the disk.
    static func sync(_ path: String) throws(StoreError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StoreError(errno: errno, "open \(path)") }
        defer { close(descriptor) }
        guard call("fsync", path, { fsync(descriptor) }) == 0 else {
            throw StoreError(errno: errno, "force \(path) to the disk")
        }
    }

    /// Forces everything on the file system of `path` to the disk.
    static func syncFileSystem(of path: String) throws(StoreError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StoreError(errno: errno, "open \(path)") }
        defer { close(descriptor) }
        guard call("syncfs", path, { saveferry_syncfs(descriptor) }) == 0 else {
            throw StoreError(errno: errno, "force \(path) to the disk")
        }
    }

    /// Whether `syncfs` makes everything durable here: local file systems that are known to do so. Network and FUSE
    /// file systems may not pass it on.
    static func trustsFileSystemSync(at path: String) -> Bool {
        // ext2/3/4, xfs, btrfs, f2fs, tmpfs (statfs(2)).
        [0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0x0102_1994].contains(saveferry_file_system_type(path))
    }

    /// Gives a file or folder its final name and never replaces what has that name. Returns false when it is taken.
    static func moveWithoutReplacing(_ from: String, to path: String, isFolder: Bool) throws(StoreError) -> Bool {
        if call("move", path, { saveferry_rename_without_replacing(from, path) }) == 0 { return true }
        if errno == EEXIST { return false }
        // Network file systems and FUSE may not know that call, and some of them no hard links.
        guard cannot(errno) else { throw StoreError(errno: errno, "move to \(path)") }
        if !isFolder {
            if call("link", path, { link(from, path) }) == 0 {
                _ = call("unlink", from) { unlink(from) }
                return true
            }
            if errno == EEXIST { return false }
            guard cannot(errno) else { throw StoreError(errno: errno, "move to \(path)") }
        }
        var info = stat()
        guard lstat(path, &info) != 0 else { return false }
        guard call("rename", path, { rename(from, path) }) == 0 else {
            throw StoreError(errno: errno, "move to \(path)")
        }
        return true
    }

    /// Whether a call failed because the file system lacks it.
    private static func cannot(_ code: Int32) -> Bool {
        [EPERM, EINVAL, ENOTSUP, ENOSYS, EOPNOTSUPP, EMLINK].contains(code)
    }

    /// All bytes of a file, or nil when it can't be read.
    static func contents(of path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return count == 0 ? bytes : nil }
            bytes += buffer.prefix(count)
        }
    }

    /// Removes a file, a link or a folder with everything in it, as far as that can be done. Never follows a link.
    static func removeTree(_ path: String) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0, let directory = fdopendir(descriptor) else { return remove(path) }
        let names = names(in: directory).names
        closedir(directory)
        for name in names {
            var info = stat()
            let child = "\(path)/\(name)"
            if lstat(child, &info) == 0, info.st_mode & S_IFMT == S_IFDIR { removeTree(child) } else { remove(child) }
        }
        removeFolder(path)
    }

    /// Removes an empty folder, where that can be done.
    static func removeFolder(_ path: String) {
        _ = call("rmdir", path) { rmdir(path) }
    }

    /// Removes a file, where that can be done.
    static func remove(_ path: String) {
        _ = call("unlink", path) { unlink(path) }
    }
}

extension FileCalls {
    /// The names in a folder, in no order; nil when it is none or can't be read.
    static func names(in folder: String) -> [String]? {
        guard let directory = opendir(folder) else { return nil }
        defer { closedir(directory) }
        return names(in: directory).names
    }

    /// The names in a folder, in no order; none where there is no such folder.
    static func namesIfThere(in folder: String) throws(StoreError) -> [String] {
        guard let directory = opendir(folder) else {
            if errno == ENOENT { return [] }
            throw StoreError(errno: errno, "read the folder \(folder)")
        }
        defer { closedir(directory) }
        let (names, code) = names(in: directory)
        guard code == 0 else { throw StoreError(errno: code, "read the folder \(folder)") }
        return names
    }

    /// The names in an open folder, and what kept the rest from being read: errno(3), or 0.
    private static func names(in directory: OpaquePointer) -> (names: [String], code: Int32) {
        var names: [String] = []
        while true {
            // readdir(3) sets it at an error and leaves it at the end.
            errno = 0
            guard let entry = readdir(directory) else { return (names, errno) }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
    }

    /// What a file system is, by the type that statfs(2) gives it, where writes may be slow and locks may not hold; nil for others.
    static func doubtfulFileSystem(ofType type: Int) -> String? {
        switch type {
        // NFS, SMB, CIFS, SMB2, 9p.
        case 0x6969, 0x517B, 0xFF53_4D42, 0xFE53_4D42, 0x0102_1997: "a network file system"
        // As local as a disk with NTFS, or as far away as sshfs: that is the program's behind it to know.
        case 0x6573_5546: "a FUSE file system"
        default: nil
        }
    }
}
