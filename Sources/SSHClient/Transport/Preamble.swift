import NIOCore

/// Takes away the lines that a server may send before its identification (RFC 4253, section 4.2): they say nothing to a program,
/// and libssh2 1.10 fails at one that is empty.
struct Preamble {
    /// What was taken away, at most 512 bytes of it.
    var text: [UInt8] { taken + (isOver ? [] : pending.prefix(512 - taken.count)) }
    private var taken: [UInt8] = []
    /// A line whose end has not come yet.
    private var pending: [UInt8] = []
    private var length = 0
    private var isOver = false

    /// Whoever sends more than this has no identification.
    private static let longest = 64 << 10

    /// What is left of the next bytes from the server.
    mutating func strip(_ bytes: ByteBuffer) -> ByteBuffer {
        guard !isOver else { return bytes }
        pending += bytes.readableBytesView
        var line = pending[...]
        while !line.starts(with: Array("SSH-".utf8)), length <= Preamble.longest,
            let end = line.firstIndex(of: UInt8(ascii: "\n"))
        {
            taken += line[...end].prefix(512 - taken.count)
            length += end + 1 - line.startIndex
            line = line[(end + 1)...]
        }
        pending = Array(line)
        isOver = line.starts(with: Array("SSH-".utf8)) || length + line.count > Preamble.longest
        return isOver ? ByteBuffer(bytes: pending) : ByteBuffer()
    }
}
