import NIOCore

/// Cuts the server's bytes into packets. Memory stays below one packet of the largest allowed size.
struct PacketSplitter {
    /// The largest packet that is accepted, in bytes without its length.
    var limit: Int
    private var pending = ByteBuffer()

    init(limit: Int) {
        self.limit = limit
    }

    mutating func append(_ bytes: ByteBuffer) {
        if pending.readableBytes == 0 {
            pending = bytes
        } else {
            pending.discardReadBytes()
            pending.writeImmutableBuffer(bytes)
        }
    }

    /// The next whole packet without its length, or nil until more bytes arrive.
    mutating func next() throws(SFTPMalformed) -> ByteBuffer? {
        guard let length = pending.getInteger(at: pending.readerIndex, as: UInt32.self) else { return nil }
        guard length > 0, Int(length) <= limit else { throw SFTPMalformed(reason: "a packet of \(length) bytes") }
        guard pending.readableBytes >= 4 + Int(length) else { return nil }
        pending.moveReaderIndex(forwardBy: 4)
        return pending.readSlice(length: Int(length))
    }
}
