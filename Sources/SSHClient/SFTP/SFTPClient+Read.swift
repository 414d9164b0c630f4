import NIOCore

extension SFTPClient {
    /// Reads a whole file in order.
    ///
    /// - Parameters:
    ///   - expecting: the size in bytes that a listing gave; the file is then read without waiting to be told.
    ///   - sink: gets consecutive chunks, one call after the other. While it is busy, only a bounded part of the file
    ///     is fetched ahead.
    /// - Returns: what the server said of the file when it was opened and after its last byte was read: the content is
    ///   whole when both are the same and the size is the number of bytes that came.
    public func read(
        _ path: RemotePath, expecting: UInt64? = nil, into sink: @Sendable ([UInt8]) async throws -> Void
    ) async throws -> FileRead {
        try Task.checkCancellation()
        await openFiles.acquire()
        defer { openFiles.release() }
        let handle = try handle(try await pipeline.send(.openRead(path.bytes)).value(), "open \(path)")
        defer { pipeline.send(.close(handle: handle)) }

        let before = pipeline.send(.fstat(handle: handle))
        var window = ReadWindow(handle: handle, path: path, size: expecting ?? 0)
        let opened: RemoteAttributes
        do {
            if expecting != nil { await askAhead(&window) }
            opened = try attributes(try await before.value(), "look at \(path)")
            if expecting == nil { window.size = opened.size }
            while let chunk = try await nextChunk(of: &window) { try await sink(chunk) }
        } catch {
            await abandon(&window)
            throw error
        }
        let after = try await attributesAfter(&window)
        return FileRead(before: opened, after: after, byteCount: window.delivered)
    }

    /// The part of a file that was asked for and has not been handed over.
    private struct ReadWindow {
        let handle: [UInt8]
        let path: RemotePath
        /// Bytes up to which to read: as listed or opened, less when the file turns out to be shorter.
        var size: UInt64
        var nextOffset: UInt64 = 0
        var delivered: UInt64 = 0
        var asked: [(offset: UInt64, length: Int, reply: Pending<SFTPResponse>)] = []
        var after: Pending<SFTPResponse>?
        var lastDataOrder = 0
    }

    /// The next bytes in order, or nil at the end.
    private func nextChunk(of window: inout ReadWindow) async throws(SSHError) -> [UInt8]? {
        await askAhead(&window)
        guard !window.asked.isEmpty else { return nil }
        let (offset, length, reply) = window.asked.removeFirst()
        // What is asked for again keeps its part of the budget: to wait for it here could be to wait for oneself.
        var rest = 0
        defer { readAhead.release(length - rest) }
        let response = try await reply.value()
        switch response {
        case .data(let data):
            let count = data.readableBytes
            guard count > 0, count <= length else {
                pipeline.fail("\(count) bytes where \(length) were asked for")
                throw pipeline.failure ?? SSHError(.protocolError, "\(window.path) was sent wrongly")
            }
            window.lastDataOrder = max(window.lastDataOrder, reply.order)
            window.delivered += UInt64(count)
            if count < length {
                // Servers may give less than asked for: the rest is asked for again, before what follows it.
                rest = length - count
                let reply = pipeline.send(
                    .read(handle: window.handle, offset: offset + UInt64(count), length: UInt32(rest)))
                window.asked.insert((offset + UInt64(count), rest, reply), at: 0)
            }
            return Array(data.readableBytesView)
        case .status(let status) where status.code == SFTPStatus.endOfFile:
            window.size = window.delivered
            window.nextOffset = window.size
            await abandon(&window)
            return nil
        default:
            throw refusal(response, "read \(window.path)")
        }
    }

    /// Keeps as much under way as the shared budget allows, at least one request for each file.
    private func askAhead(_ window: inout ReadWindow) async {
        while window.nextOffset < window.size {
            let length = Int(min(UInt64(chunkSize), window.size - window.nextOffset))
            if window.asked.isEmpty {
                await readAhead.acquire(length)
            } else if window.asked.count >= 64 || !readAhead.tryAcquire(length) {
                return
            }
            let reply = pipeline.send(
                .read(handle: window.handle, offset: window.nextOffset, length: UInt32(length)))
            window.asked.append((window.nextOffset, length, reply))
            window.nextOffset += UInt64(length)
        }
        if window.after == nil { window.after = pipeline.send(.fstat(handle: window.handle)) }
    }

    /// What the server says of the file now. An answer that overtook the data says nothing and is asked for again.
    private func attributesAfter(_ window: inout ReadWindow) async throws(SSHError) -> RemoteAttributes {
        if let after = window.after {
            let response = try await after.value()
            if after.order > window.lastDataOrder { return try attributes(response, "look at \(window.path)") }
        }
        return try attributes(try await pipeline.send(.fstat(handle: window.handle)).value(), "look at \(window.path)")
    }

    /// Waits for what is under way without using it.
    private func abandon(_ window: inout ReadWindow) async {
        for (_, length, reply) in window.asked {
            _ = try? await reply.value()
            readAhead.release(length)
        }
        window.asked = []
    }
}
