import Foundation

/// JSON on one line: keys in snake_case, times in RFC 3339 UTC with milliseconds.
enum JSONLine {
    /// The document in UTF-8, without the line's end; control characters in its texts are escaped (RFC 8259, section 7).
    static func text(_ document: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.dateEncodingStrategy = .custom { date, encoder in
            var container = encoder.singleValueContainer()
            try container.encode(date.formatted(JSONLine.time))
        }
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Values of these types always have a form in JSON.
        return (try? encoder.encode(document)).map { JSONEscapes.escaping($0) } ?? []
    }

    /// The document in this line; throws `DecodingError`.
    static func read<Document: Decodable>(_ type: Document.Type, from line: [UInt8]) throws -> Document {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        decoder.dateDecodingStrategy = .custom { decoder in
            try Date(decoder.singleValueContainer().decode(String.self), strategy: JSONLine.time)
        }
        return try decoder.decode(type, from: Data(line))
    }

    private static let time = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
}
