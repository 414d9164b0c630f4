import Glibc
import Planner

import struct Crypto.SHA256

/// One file of a version, read from beginning to end. It is opened by the first read.
public actor LibraryFile {
    private nonisolated let disk: DiskExecutor
    /// Runs where the library does.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { disk.asUnownedSerialExecutor() }
    private var descriptor: Int32 = -1
    private let path: String
    private let entry: StoredVersion.Entry
    private var hasher = SHA256()
    private var position: UInt64 = 0

    init(path: String, entry: StoredVersion.Entry, disk: DiskExecutor) {
        self.path = path
        self.entry = entry
        self.disk = disk
    }

    deinit {
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    /// The next bytes, at most `count`; nil at the end. Throws instead of giving the last bytes when all of them together
    /// are not the recorded ones.
    public func read(upTo count: Int) throws(StoreError) -> [UInt8]? {
        let bytes = try next(count)
        position += UInt64(bytes.count)
        hasher.update(data: bytes)
        let isWhole = position == entry.size && ContentHash.digest(hasher.finalize()) == entry.sha256
        guard position < entry.size && !bytes.isEmpty || isWhole else {
            throw StoreError(
                .corrupt, "\(path) in the library is not what was stored", advice: LibraryFile.advice)
        }
        return bytes.isEmpty ? nil : bytes
    }

    /// The SHA-256 of the file's first `count` bytes, or of all where it has no more. For a file of which nothing was read yet.
    /// What comes after them is not read, so they are not checked against what was recorded.
    public func sha256(ofFirst count: UInt64) throws(StoreError) -> Digest {
        var left = count
        while left > 0 {
            let bytes = try next(Int(min(left, 128 << 10)))
            guard !bytes.isEmpty else { break }
            hasher.update(data: bytes)
            left -= UInt64(bytes.count)
        }
        return ContentHash.digest(hasher.finalize())
    }

    private static let advice =
        "Run `saveferry verify --repair`: it puts back what there is another copy of, and says who has one."

    private func next(_ count: Int) throws(StoreError) -> [UInt8] {
        if descriptor < 0 { descriptor = FileCalls.call("open", path) { Glibc.open(path, O_RDONLY | O_CLOEXEC) } }
        guard descriptor >= 0 else {
            guard errno != ENOENT else {
                throw StoreError(.notFound, "\(path) is gone from the library", advice: LibraryFile.advice)
            }
            throw StoreError(errno: errno, "read \(path)")
        }
        var code: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            let got = FileCalls.call("read", path, of: count) { Glibc.read(descriptor, buffer.baseAddress, $0) }
            if got < 0 { code = errno }
            initialized = max(0, got)
        }
        guard code == 0 else { throw StoreError(errno: code, "read \(path)") }
        return bytes
    }
}
