/// The bytes of a path on a device. SFTP names have no encoding (draft-ietf-secsh-filexfer-02, section 6.2), so they are
/// carried and compared byte for byte.
public struct RemotePath: Hashable, Sendable {
    /// The path as the device has it, components separated by `/`.
    public let bytes: [UInt8]

    /// The path with exactly these bytes.
    public init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The path with the UTF-8 bytes of `text`.
    public init(_ text: String) {
        bytes = Array(text.utf8)
    }

    /// The path of a child with this name.
    public func appending(_ name: [UInt8]) -> RemotePath {
        RemotePath(bytes: bytes.last == UInt8(ascii: "/") ? bytes + name : bytes + [UInt8(ascii: "/")] + name)
    }

    /// The path of what a server lists here under this name. Throws ``SSHError/Code/unusableName`` for what is not the name of one
    /// thing in a directory: as a part of a path it would lead elsewhere.
    public func appending(listed name: [UInt8]) throws(SSHError) -> RemotePath {
        guard RemotePath.isPlain(name) else {
            throw SSHError(
                .unusableName, "the device lists \(printable(name)) in \(self), which can't be a name there",
                advice: "Its card may be damaged, or its SFTP server broken; nothing under that name was touched.")
        }
        return appending(name)
    }

    /// Whether these bytes can be the name of something in a directory (POSIX.1-2017, section 3.170).
    static func isPlain(_ name: [UInt8]) -> Bool {
        !name.isEmpty && !name.contains(UInt8(ascii: "/")) && !name.contains(0)
            && name != [UInt8(ascii: ".")] && name != [UInt8(ascii: "."), UInt8(ascii: ".")]
    }

    /// The path of a child with this name.
    public func appending(_ name: String) -> RemotePath {
        appending(Array(name.utf8))
    }

    /// The path without its last component; `.` for a single name, `/` for a child of the root.
    public var parent: RemotePath {
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return RemotePath(".") }
        return slash == 0 ? RemotePath("/") : RemotePath(bytes: Array(bytes[..<slash]))
    }

    /// The last component.
    public var name: [UInt8] {
        bytes.lastIndex(of: UInt8(ascii: "/")).map { Array(bytes[($0 + 1)...]) } ?? bytes
    }
}

extension RemotePath: Comparable, CustomStringConvertible {
    /// By bytes.
    public static func < (a: RemotePath, b: RemotePath) -> Bool {
        a.bytes.lexicographicallyPrecedes(b.bytes)
    }

    /// The path, safe to print: control characters and bytes that are not UTF-8 are written as `\xNN`.
    public var description: String { printable(bytes) }
}

/// Bytes from the other side as text that can't harm a terminal: everything but printable characters as `\xNN`.
func printable(_ bytes: some Collection<UInt8>) -> String {
    let text = String(validating: bytes, as: UTF8.self)
    if let text, bytes.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) { return text }
    let isHarmless = text?.unicodeScalars.allSatisfy { scalar in
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse: false
        default: true
        }
    }
    if let text, isHarmless == true { return text }
    return bytes.map { byte in
        byte >= 0x20 && byte < 0x7f
            ? String(UnicodeScalar(byte)) : "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
}

extension Collection<UInt8> {
    /// Without white space and control characters at both ends.
    var trimmed: [UInt8] {
        Array(Array(drop { $0 <= 0x20 }).reversed().drop { $0 <= 0x20 }.reversed())
    }
}
