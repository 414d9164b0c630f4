import CLibZip
import Planner

import struct Crypto.SHA256

/// The canonical hash of a save's content: equal for contents that mean the same.
public enum ContentHash {
    /// Which way of computing it this is. A change of what is hashed raises it, and ``Store/rehash(_:)`` follows.
    static let algorithm = 1

    /// Of a folder, and of a zip with the same files in it: SHA-256 of the lines `name:sha256`, sorted by their UTF-8
    /// bytes and joined by a newline.
    public static func ofFolder(_ files: [(name: String, sha256: Digest)]) -> Digest {
        let lines = files.map { Array("\($0.name):\($0.sha256.hex)".utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
        return digest(SHA256.hash(data: Array(lines.joined(separator: [UInt8(ascii: "\n")]))))
    }

    /// Whether a file's first bytes say that it may be a zip (APPNOTE 4.3.7 and 4.3.16).
    static func looksLikeZip(_ start: some Collection<UInt8>) -> Bool {
        start.starts(with: [0x50, 0x4b, 0x03, 0x04]) || start.starts(with: [0x50, 0x4b, 0x05, 0x06])
    }

    /// Of a zip file by the files in it, or nil when it can't be read whole: damaged, encrypted, or beyond any save's size.
    static func ofZip(at path: String) -> Digest? {
        guard let archive = zip_open(path, ZIP_RDONLY, nil) else { return nil }
        defer { zip_discard(archive) }
        return ofZip(archive)
    }

    /// Of a zip in memory.
    static func ofZip(_ bytes: [UInt8]) -> Digest? {
        bytes.withUnsafeBytes { bytes in
            guard let source = zip_source_buffer_create(bytes.baseAddress, UInt64(bytes.count), 0, nil) else {
                return nil
            }
            guard let archive = zip_open_from_source(source, ZIP_RDONLY, nil) else {
                zip_source_free(source)
                return nil
            }
            defer { zip_discard(archive) }
            return ofZip(archive)
        }
    }

    private static let mostFiles: Int64 = 65_536
    private static let mostBytes: UInt64 = 4 << 30

    private static func ofZip(_ archive: OpaquePointer) -> Digest? {
        let count = zip_get_num_entries(archive, 0)
        guard count >= 0, count <= mostFiles else { return nil }
        var files: [(name: String, sha256: Digest)] = []
        var total: UInt64 = 0
        for index in 0..<UInt64(count) {
            guard let name = zip_get_name(archive, index, 0).map({ String(cString: $0) }) else { return nil }
            if name.hasSuffix("/") { continue }
            guard let sha256 = hashFile(index, of: archive, &total) else { return nil }
            files.append((name, sha256))
        }
        return ofFolder(files)
    }

    private static func hashFile(_ index: UInt64, of archive: OpaquePointer, _ total: inout UInt64) -> Digest? {
        guard let file = zip_fopen_index(archive, index, 0) else { return nil }
        defer { zip_fclose(file) }
        var hasher = SHA256()
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = buffer.withUnsafeMutableBytes { zip_fread(file, $0.baseAddress, UInt64($0.count)) }
            if count == 0 { return digest(hasher.finalize()) }
            guard count > 0 else { return nil }
            total += UInt64(count)
            guard total <= mostBytes else { return nil }
            hasher.update(data: buffer[..<Int(count)])
        }
    }

    static func digest(_ hash: some Sequence<UInt8>) -> Digest {
        guard let digest = Digest(bytes: hash) else { preconditionFailure("SHA-256 has 32 bytes") }
        return digest
    }
}
