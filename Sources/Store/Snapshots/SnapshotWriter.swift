import Glibc

import struct Crypto.SHA256

/// Writes a snapshot's lines to a file that has no final name yet: one JSON document, of which each row is a line.
final class SnapshotWriter {
    private let path: String
    private let descriptor: Int32
    private let compressor: ZlibCompressor
    private var hasher = SHA256()
    private var isFirstEntity = true

    /// Begins the file. It is locked as long as this lives, so that others know that it is being written.
    init(path: String, _ header: SnapshotHeader) throws {
        self.path = path
        compressor = try ZlibCompressor()
        descriptor = try SnapshotWriter.createLocked(path)
        do {
            try add(header.line() + "\n")
        } catch {
            FileCalls.remove(path)
            throw error
        }
    }

    deinit { close(descriptor) }

    /// Before it is locked, another process may take the file for one that was left, and remove it: then it is made again.
    private static func createLocked(_ path: String) throws -> Int32 {
        while true {
            let descriptor = try FileCalls.create(path)
            guard FileCalls.call("lock", path, { flock(descriptor, LOCK_EX) }) == 0 else {
                let error = StoreError(errno: errno, "lock \(path)")
                close(descriptor)
                FileCalls.remove(path)
                throw error
            }
            if FileCalls.hasName(descriptor) { return descriptor }
            close(descriptor)
        }
    }

    func begin(_ entity: String) throws {
        try add("\(isFirstEntity ? "" : ",")\"\(entity)\":[\n")
        isFirstEntity = false
    }

    /// Adds rows; `isFirst` for those that come first of their entity.
    func add(_ rows: [String], isFirst: Bool) throws {
        guard !rows.isEmpty else { return }
        try add((isFirst ? "" : ",") + rows.joined(separator: "\n,") + "\n")
    }

    func end() throws { try add("]\n") }

    /// Writes the checksum and forces the file to the disk.
    func finish() throws {
        try add("},\n")
        let digest = ContentHash.digest(hasher.finalize())
        try compress(Array("\"sha256\":\"\(digest.hex)\"}\n".utf8), finishing: true)
        guard FileCalls.call("fsync", path, { fsync(descriptor) }) == 0 else {
            throw StoreError(errno: errno, "force \(path) to the disk")
        }
    }

    private func add(_ text: String) throws {
        let bytes = Array(text.utf8)
        hasher.update(data: bytes)
        try compress(bytes)
    }

    private func compress(_ bytes: [UInt8], finishing: Bool = false) throws {
        try compressor.add(bytes, finishing: finishing) { try FileCalls.write($0, to: descriptor, path) }
    }
}
