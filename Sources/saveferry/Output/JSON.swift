import Daemon
import Foundation

/// One JSON document as the answer: keys in snake_case, times in RFC 3339 UTC, sizes in bytes.
enum JSON {
    static func answer(_ document: some Encodable) throws { Console.answer(try text(document)) }

    static func text(_ document: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: JSONEscapes.escaping(try encoder.encode(document)), as: UTF8.self)
    }
}
