import Foundation
import Glibc

import struct Crypto.SHA256

/// Reads a snapshot from its first line to its last, in constant memory however large it is or claims to be.
final class SnapshotReader {
    private let path: String
    private let descriptor: Int32
    private let expander: ZlibExpander
    private var hasher = SHA256()
    private var expanded: [UInt8] = []
    private var position = 0

    /// No row comes near this.
    private static let longestLine = 1 << 20

    private init(_ path: String) throws {
        self.path = path
        expander = try ZlibExpander()
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StoreError(errno: errno, "read the snapshot \(path)") }
    }

    deinit { close(descriptor) }

    /// Reads the snapshot at `path` to its end, and checks that it is whole. `page` gets each entity's rows as JSON arrays
    /// of them, in the order of the file.
    ///
    /// Throws ``StoreError/Code/corrupt`` for a damaged one, ``StoreError/Code/newerSchema`` for one of a later version.
    static func read(_ path: String, page: (SnapshotEntity, String) throws -> Void = { _, _ in }) throws -> Snapshot {
        do {
            let reader = try SnapshotReader(path)
            let header = try SnapshotHeader(line: try reader.line())
            var counts: [(entity: String, count: Int)] = []
            for entity in SnapshotEntity.all {
                guard try reader.line() == Array("\(counts.isEmpty ? "" : ",")\"\(entity.table)\":[".utf8) else {
                    throw StoreError(.corrupt, "it has no \(entity.table) in their place")
                }
                let count = try reader.rows(of: entity, atMost: header.counts[entity.table] ?? 0, page)
                counts.append((entity.table, count))
            }
            guard try reader.line() == Array("},".utf8) else { throw StoreError(.corrupt, "it has an unknown part") }
            let digest = ContentHash.digest(reader.hasher.finalize())
            guard try reader.line() == Array("\"sha256\":\"\(digest.hex)\"}".utf8) else {
                throw StoreError(.corrupt, "its checksum is wrong")
            }
            guard try !reader.fill() else { throw StoreError(.corrupt, "something follows its end") }
            guard Dictionary(uniqueKeysWithValues: counts.map { ($0.entity, $0.count) }) == header.counts else {
                throw StoreError(.corrupt, "it has other rows than it says")
            }
            return Snapshot(
                path: path, sequence: header.sequence, created: header.createdAt, counts: counts,
                contentBytes: header.contentBytes, size: reader.size, schema: header.schema)
        } catch let error as StoreError where error.code == .corrupt {
            throw StoreError(
                .corrupt, "the snapshot \(path) is damaged: \(error.what)",
                advice: "Take another one; see `saveferry snapshot list`.")
        } catch let error as StoreError where error.code == .newerSchema {
            throw StoreError(.newerSchema, "the snapshot \(path) can't be used: \(error.what)", advice: error.advice)
        }
    }

    private func rows(
        of entity: SnapshotEntity, atMost limit: Int, _ page: (SnapshotEntity, String) throws -> Void
    ) throws -> Int {
        var count = 0
        var rows: [UInt8] = []
        while true {
            let line = try line()
            let isEnd = line == [UInt8(ascii: "]")]
            if isEnd || rows.count > 64 << 10 {
                if !rows.isEmpty { try page(entity, "[\(String(decoding: rows, as: UTF8.self))]") }
                rows = []
            }
            if isEnd { return count }
            let comma = line.first == UInt8(ascii: ",") ? 1 : 0
            count += 1
            guard count <= limit, (comma == 1) == (count > 1), line.last == UInt8(ascii: "}") else {
                throw StoreError(.corrupt, "it has rows that are none")
            }
            if !rows.isEmpty { rows.append(UInt8(ascii: ",")) }
            rows += line[comma...]
        }
    }

    /// The next line without its end. It goes into the checksum, unless it is the checksum.
    private func line() throws -> [UInt8] {
        var line: [UInt8] = []
        while true {
            if position == expanded.count, try !fill() { throw StoreError(.corrupt, "it ends too early") }
            if let end = expanded[position...].firstIndex(of: UInt8(ascii: "\n")) {
                line += expanded[position..<end]
                position = end + 1
                if !line.starts(with: Array("\"sha256\"".utf8)) { hasher.update(data: line + [UInt8(ascii: "\n")]) }
                return line
            }
            line += expanded[position...]
            position = expanded.count
            guard line.count <= SnapshotReader.longestLine else { throw StoreError(.corrupt, "a line is too long") }
        }
    }

    /// Expands more. Returns false at the end.
    private func fill() throws -> Bool {
        if position < expanded.count { return true }
        expanded = try expander.next { try compressed() }
        position = 0
        return !expanded.isEmpty
    }

    private func compressed() throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw StoreError(errno: errno, "read the snapshot \(path)") }
            return Array(buffer[..<count])
        }
    }

    private var size: UInt64 {
        var info = stat()
        return fstat(descriptor, &info) == 0 ? UInt64(info.st_size) : 0
    }
}
