import Foundation

/// What a snapshot says of itself.
public struct Snapshot: Sendable {
    /// Absolute path of the file.
    public let path: String
    /// Grows with every snapshot of a database.
    public let sequence: Int
    /// When it was taken.
    public let created: Date
    /// How many rows of each entity it has, in the order of the file.
    public let counts: [(entity: String, count: Int)]
    /// Bytes of all versions it names. They are in the library, not in the snapshot.
    public let contentBytes: UInt64
    /// Bytes of the file.
    public let size: UInt64
    /// The last migration of the database it was taken of.
    let schema: String

    /// The file's layout; another one is for another program.
    static let format = 1

    /// `saveferry-000007-2025-06-15T150640Z.json.z`: names sort by number and say when.
    static func name(_ sequence: Int, _ created: Date) -> String {
        let time = created.formatted(.iso8601.timeSeparator(.omitted).dateSeparator(.dash))
        let digits = "\(sequence)"
        return "saveferry-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits + "-\(time).json.z"
    }

    /// The numbers that there can be: SQLite keeps the last one in 32 bits (https://www.sqlite.org/pragma.html#pragma_user_version).
    static let sequences = 1..<Int(Int32.max)

    /// The number of the next one.
    static func sequence(after last: Int) throws(StoreError) -> Int {
        guard last < sequences.upperBound - 1 else {
            throw StoreError(
                .invalid, "no snapshot can have a number above \(last)",
                advice: "Remove the file with that number from the folder of the snapshots.")
        }
        return max(0, last) + 1
    }

    /// The number in such a name; nil for another file's, also for a copy that somebody named by hand.
    static func sequence(in name: String) -> Int? {
        guard let parts = name.wholeMatch(of: #/saveferry-([0-9]{6,})-[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{6}Z\.json\.z/#)
        else { return nil }
        return Int(parts.1).flatMap { sequences.contains($0) ? $0 : nil }
    }
}

/// The first line of a snapshot.
struct SnapshotHeader: Codable {
    let format: Int
    let sequence: Int
    let createdAt: Date
    let schema: String
    let contentBytes: UInt64
    let counts: [String: Int]

    enum CodingKeys: String, CodingKey {
        case format, sequence
        case createdAt = "created_at"
        case schema
        case contentBytes = "content_bytes"
        case counts
    }

    /// The line, which ends where the entities begin.
    func line() throws -> String {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self).dropLast(), as: UTF8.self) + ",\"entities\":{"
    }

    init(_ sequence: Int, _ created: Date, schema: String, contentBytes: UInt64, counts: [String: Int]) {
        (format, self.sequence, createdAt) = (Snapshot.format, sequence, created)
        (self.schema, self.contentBytes, self.counts) = (schema, contentBytes, counts)
    }

    /// From that line. Throws ``StoreError/Code/corrupt``, or ``StoreError/Code/newerSchema`` for another layout.
    init(line: [UInt8]) throws {
        struct Format: Decodable { let format: Int }
        let text = Data(line + Array("}}".utf8))
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        guard let found = try? decoder.decode(Format.self, from: text) else {
            throw StoreError(.corrupt, "it does not begin like one")
        }
        guard found.format == Snapshot.format else {
            throw StoreError(
                .newerSchema, "it has the format \(found.format), and this program knows \(Snapshot.format)",
                advice: "Update SaveFerry.")
        }
        guard let header = try? decoder.decode(SnapshotHeader.self, from: text) else {
            throw StoreError(.corrupt, "its first line can't be read")
        }
        guard Snapshot.sequences.contains(header.sequence) else {
            throw StoreError(.corrupt, "no snapshot has the number \(header.sequence)")
        }
        self = header
    }
}
