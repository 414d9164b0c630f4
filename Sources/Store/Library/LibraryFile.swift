import Glibc
import Planner

import struct Crypto.SHA256

/// One file of a version, read from beginning to end.
public actor LibraryFile {
    private nonisolated let disk: DiskExecutor
    /// Runs on the library's own thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { disk.asUnownedSerialExecutor() }
    private var descriptor: Int32
    private let path: String
    private let expected: Digest
    private var hasher = SHA256()

    init(descriptor: Int32, path: String, expected: Digest, disk: DiskExecutor) {
        self.descriptor = descriptor
        self.path = path
        self.expected = expected
        self.disk = disk
    }

    deinit {
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    /// The next bytes, at most `count`; nil at the end. Throws at the end when the bytes are not the recorded ones.
    public func read(upTo count: Int) throws(StoreError) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        let got = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
        guard got >= 0 else { throw StoreError(errno: errno, "read \(path)") }
        if got == 0 {
            guard ContentHash.digest(hasher.finalize()) == expected else {
                throw StoreError(
                    .corrupt, "\(path) in the library is not what was stored", advice: "Restore it from a backup.")
            }
            return nil
        }
        bytes.removeLast(count - got)
        hasher.update(data: bytes)
        return bytes
    }

    /// Ends reading.
    public func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }
}
