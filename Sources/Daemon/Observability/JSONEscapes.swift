/// What a JSON encoder leaves as it is although a terminal obeys it.
public enum JSONEscapes {
    /// The document, in UTF-8, with the control characters U+0080 to U+009F in its texts as `\u0080` to `\u009f`
    /// (RFC 8259, section 7, has to escape the ones below U+0020 only).
    public static func escaping(_ document: some Sequence<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        for byte in document {
            // In UTF-8 these two bytes next to each other are nothing else.
            if result.last == 0xC2, (0x80...0x9F).contains(byte) {
                result.removeLast()
                result += Array("\\u00\(String(byte, radix: 16))".utf8)
            } else {
                result.append(byte)
            }
        }
        return result
    }
}
