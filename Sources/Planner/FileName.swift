/// Why a name that a device listed is not used.
public enum NameProblem: Error, Hashable, Sendable {
    case empty, dot, slash, nul, notUTF8, controlCharacter

    /// One clause that completes "the name …".
    public var explanation: String {
        switch self {
        case .empty: "is empty"
        case .dot: "is \".\" or \"..\""
        case .slash: "contains a slash"
        case .nul: "contains a zero byte"
        case .notUTF8: "is not valid UTF-8"
        case .controlCharacter: "contains a control character"
        }
    }
}

/// Turns the bytes of one listed name into text, refusing every name that could lead out of its folder or
/// could not be carried byte for byte.
public enum FileName {
    /// The name as text with exactly the same UTF-8 bytes.
    public static func parse(_ bytes: some Collection<UInt8>) throws(NameProblem) -> String {
        if let problem = problem(in: bytes) { throw problem }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Why these bytes can't be a name, or nil when they can.
    static func problem(in bytes: some Collection<UInt8>) -> NameProblem? {
        if bytes.isEmpty { return .empty }
        if bytes.count <= 2, bytes.allSatisfy({ $0 == UInt8(ascii: ".") }) { return .dot }
        if bytes.contains(UInt8(ascii: "/")) { return .slash }
        // Nearly every name is plain ASCII, and there are many.
        if bytes.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) { return nil }
        if bytes.contains(0) { return .nul }
        guard let text = String(validating: bytes, as: UTF8.self) else { return .notUTF8 }
        let hasControl = text.unicodeScalars.contains { $0.properties.generalCategory == .control }
        return hasControl ? .controlCharacter : nil
    }

    /// The bytes as text that is safe to print: everything that is not plain printable text is written as `\xNN`
    /// (a byte) or `\u{NNNN}` (a control or formatting character).
    public static func escaped(_ bytes: some Collection<UInt8>) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return bytes.map { $0 >= 0x20 && $0 < 0x7f && $0 != 0x5c ? String(UnicodeScalar($0)) : hex($0) }.joined()
        }
        return escaped(text)
    }

    /// Text that is safe to print on a terminal, see ``escaped(_:)-swift.method``.
    public static func escaped(_ text: String) -> String {
        if text.eachByte({ $0 >= 0x20 && $0 < 0x7f && $0 != 0x5c }) { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control where scalar.isASCII: result += hex(UInt8(scalar.value))
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func hex(_ byte: UInt8) -> String {
        "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
}
