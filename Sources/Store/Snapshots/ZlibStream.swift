import CZlib

/// Compresses bytes into one zlib stream (RFC 1950), in constant memory.
final class ZlibCompressor {
    // zlib refuses a stream that moved in memory.
    private let stream: UnsafeMutablePointer<z_stream>
    private var buffer = [UInt8](repeating: 0, count: 64 << 10)

    init() throws(StoreError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard saveferry_deflate_init(stream) == Z_OK else { throw StoreError(.other, "zlib can't be used") }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Takes `bytes` in; `each` gets what is ready of the stream. With `finishing` that is all the rest.
    func add(_ bytes: [UInt8], finishing: Bool = false, each: ([UInt8]) throws -> Void) throws {
        var input = bytes
        try input.withUnsafeMutableBufferPointer { input in
            stream.pointee.next_in = input.baseAddress
            stream.pointee.avail_in = UInt32(input.count)
            repeat {
                let result = buffer.withUnsafeMutableBufferPointer { buffer in
                    stream.pointee.next_out = buffer.baseAddress
                    stream.pointee.avail_out = UInt32(buffer.count)
                    return deflate(stream, finishing ? Z_FINISH : Z_NO_FLUSH)
                }
                guard result != Z_STREAM_ERROR else { throw StoreError(.other, "zlib failed") }
                let count = buffer.count - Int(stream.pointee.avail_out)
                if count > 0 { try each(Array(buffer[..<count])) }
            } while stream.pointee.avail_out == 0
        }
    }
}

/// Expands one zlib stream (RFC 1950), in constant memory.
final class ZlibExpander {
    // zlib refuses a stream that moved in memory.
    private let stream: UnsafeMutablePointer<z_stream>
    private var input: [UInt8] = []
    private var position = 0
    /// Whether the stream has been read to its end, with its checksum right.
    private(set) var isAtEnd = false

    init() throws(StoreError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard saveferry_inflate_init(stream) == Z_OK else { throw StoreError(.other, "zlib can't be used") }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// At most 64 KiB more of what was compressed; empty at the stream's end. `more` gives the stream's next bytes, none at
    /// the end of the file. Throws ``StoreError/Code/corrupt``.
    func next(more: () throws -> [UInt8]) throws -> [UInt8] {
        var output = [UInt8](repeating: 0, count: 64 << 10)
        while !isAtEnd {
            if position == input.count {
                (input, position) = (try more(), 0)
                guard !input.isEmpty else { throw StoreError(.corrupt, "it ends too early") }
            }
            let result = input.withUnsafeMutableBufferPointer { input in
                output.withUnsafeMutableBufferPointer { output in
                    stream.pointee.next_in = input.baseAddress.map { $0 + position }
                    stream.pointee.avail_in = UInt32(input.count - position)
                    stream.pointee.next_out = output.baseAddress
                    stream.pointee.avail_out = UInt32(output.count)
                    return inflate(stream, Z_NO_FLUSH)
                }
            }
            position = input.count - Int(stream.pointee.avail_in)
            guard result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR else {
                throw StoreError(.corrupt, "it is no whole zlib stream")
            }
            isAtEnd = result == Z_STREAM_END
            let count = output.count - Int(stream.pointee.avail_out)
            if count > 0 { return Array(output[..<count]) }
        }
        guard position == input.count, try more().isEmpty else {
            throw StoreError(.corrupt, "something follows its end")
        }
        return []
    }
}
