import NIOCore
import Testing

@testable import SSHClient

/// What a server may send before it says which it is (RFC 4253, section 4.2).
@Suite struct PreambleTests {
    @Test(arguments: [
        "SSH-2.0-x\r\nrest", "\r\nSSH-2.0-x\r\nrest", "\n\nWelcome!\r\nNot SSH-2.0\n\nSSH-2.0-x\r\nrest",
    ])
    func `lines before the identification are taken away, however they arrive`(_ text: String) {
        for size in 1...text.utf8.count {
            var preamble = Preamble()
            var left: [UInt8] = []
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                left += preamble.strip(ByteBuffer(bytes: rest.prefix(size))).readableBytesView
                rest = rest.dropFirst(size)
            }
            #expect(String(decoding: left, as: UTF8.self) == "SSH-2.0-x\r\nrest", "in pieces of \(size) bytes")
        }
    }

    @Test func `what was said is kept, and an endless speech is not`() {
        var preamble = Preamble()
        _ = preamble.strip(ByteBuffer(string: "Exceeded MaxStartups\r\nand"))
        #expect(preamble.text == Array("Exceeded MaxStartups\r\nand".utf8))
        for _ in 0..<100 { _ = preamble.strip(ByteBuffer(repeating: UInt8(ascii: "x"), count: 1 << 10)) }
        #expect(preamble.text.count <= 512)
        #expect(preamble.strip(ByteBuffer(string: "more")).readableBytes == 4)
    }
}
