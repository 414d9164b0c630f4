import NIOCore

@testable import SSHClient

/// Packets as a server sends them, whole with their length, so that tests say what arrives byte by byte.
enum Wire {
    static func packet(_ type: UInt8, _ body: [UInt8]) -> [UInt8] {
        integer(UInt32(body.count + 1)) + [type] + body
    }

    static func version(_ version: UInt32 = 3, _ extensions: [(String, String)] = []) -> [UInt8] {
        packet(2, integer(version) + extensions.flatMap { string($0.0) + string($0.1) })
    }

    static func status(_ number: UInt32, _ code: UInt32, _ message: String = "as the test wants") -> [UInt8] {
        packet(101, integer(number) + integer(code) + string(message) + string("en"))
    }

    static func handle(_ number: UInt32, _ handle: String) -> [UInt8] {
        packet(102, integer(number) + string(handle))
    }

    static func data(_ number: UInt32, _ bytes: [UInt8]) -> [UInt8] {
        packet(103, integer(number) + string(bytes))
    }

    static func names(_ number: UInt32, _ names: [String]) -> [UInt8] {
        let entries = names.flatMap { string($0) + string("-rw-r--r-- \($0)") + attributes(size: 7) }
        return packet(104, integer(number) + integer(UInt32(names.count)) + entries)
    }

    static func attributes(_ number: UInt32, size: UInt64) -> [UInt8] {
        packet(105, integer(number) + attributes(size: size))
    }

    /// An ATTRS structure with everything in it that version 3 knows.
    static func attributes(size: UInt64) -> [UInt8] {
        integer(UInt32(0x8000_000f)) + integer(size) + integer(UInt32(1_000)) + integer(UInt32(1_000))
            + integer(UInt32(0o100644)) + integer(UInt32(5)) + integer(UInt32(1_700_000_000))
            + integer(UInt32(1)) + string("acl@test") + string("none")
    }

    static func integer(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }

    static func string(_ bytes: [UInt8]) -> [UInt8] { integer(UInt32(bytes.count)) + bytes }

    static func string(_ text: String) -> [UInt8] { string(Array(text.utf8)) }
}
