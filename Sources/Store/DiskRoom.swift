import Foundation

/// How much room a file system has.
public struct DiskRoom: Hashable, Sendable {
    /// A folder on it.
    public let path: String
    /// Bytes that this user may still write (`f_bavail`, statvfs(3)).
    public let free: UInt64
    /// Bytes in all.
    public let total: UInt64

    /// Room; see the properties.
    public init(path: String, free: UInt64, total: UInt64) {
        self.path = path
        self.free = free
        self.total = total
    }

    /// Room in blocks. File systems that know no limit may report as many as there can be.
    init(path: String, freeBlocks: UInt64, blocks: UInt64, blockSize: UInt64) {
        func bytes(_ blocks: UInt64) -> UInt64 {
            let (bytes, overflows) = blocks.multipliedReportingOverflow(by: blockSize)
            return overflows ? .max : bytes
        }
        self.init(path: path, free: bytes(freeBlocks), total: bytes(blocks))
    }
}

extension Store {
    /// The file system of the library, then the state's where that is another one; one that can't be asked is left out.
    public func diskRooms() async -> [DiskRoom] {
        await DiskGauge().rooms(of: [library.root, stateDirectory])
    }
}

extension Library {
    /// Asks the library's file system something small. Returns when it has answered, after everything that the library has in
    /// hand; never, where a disk or a network does not answer.
    public func answer() {
        var info = statvfs()
        _ = statvfs(root, &info)
    }
}

/// Asks file systems for their room, where that may block: one on a network may hang.
private actor DiskGauge {
    private nonisolated let disk = DiskExecutor()
    /// The actor runs where file calls do.
    nonisolated var unownedExecutor: UnownedSerialExecutor { disk.asUnownedSerialExecutor() }

    func rooms(of paths: [String]) -> [DiskRoom] {
        var seen: Set<dev_t> = []
        return paths.compactMap { path in
            var file = stat()
            var info = statvfs()
            guard stat(path, &file) == 0, seen.insert(file.st_dev).inserted, statvfs(path, &info) == 0 else {
                return nil
            }
            return DiskRoom(
                path: path, freeBlocks: UInt64(info.f_bavail), blocks: UInt64(info.f_blocks),
                blockSize: UInt64(info.f_frsize))
        }
    }
}
