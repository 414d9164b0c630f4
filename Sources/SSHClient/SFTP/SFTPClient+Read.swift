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
        let file = try await open(path)
        defer { close(file) }
        let before = file.pipeline.send(.fstat(handle: file.handle))
        var window = ReadWindow(file: file, path: path, size: expecting ?? 0)
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
        // Cut short by the server and not by the end of the file: from now on files stay open until all has come.
        if window.wasCutShort, after.size > window.delivered { closesEarly = false }
        return FileRead(before: opened, after: after, byteCount: window.delivered)
    }

    /// A file that is open on the device.
    ///
    /// Confined to the client's actor.
    private final class OpenFile {
        let handle: [UInt8]
        let pipeline: RequestPipeline
        var isOpen = true

        init(handle: [UInt8], over pipeline: RequestPipeline) {
            self.handle = handle
            self.pipeline = pipeline
        }
    }

    private func open(_ path: RemotePath) async throws(SSHError) -> OpenFile {
        await acquireOpenFile()
        let pipeline = leastBusy()
        do throws(SSHError) {
            let response = try await pipeline.send(.openRead(path.bytes)).value()
            return OpenFile(handle: try handle(response, "open \(path)"), over: pipeline)
        } catch {
            openFiles.release()
            throw error
        }
    }

    /// Idempotent.
    private func close(_ file: OpenFile) {
        guard file.isOpen else { return }
        file.isOpen = false
        file.pipeline.send(.close(handle: file.handle))
        openFiles.release()
    }

    /// The part of a file that was asked for and has not been handed over.
    private struct ReadWindow {
        let file: OpenFile
        let path: RemotePath
        /// Bytes up to which to read: as listed or opened, less when the file turns out to be shorter.
        var size: UInt64
        var nextOffset: UInt64 = 0
        var delivered: UInt64 = 0
        var asked: [(offset: UInt64, length: Int, reply: Pending<SFTPResponse>)] = []
        var after: Pending<SFTPResponse>?
        var lastDataOrder = 0
        var wasCutShort = false

        mutating func end() {
            size = delivered
            nextOffset = delivered
        }
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
                throw breach("\(count) bytes where \(length) were asked for")
            }
            window.lastDataOrder = max(window.lastDataOrder, reply.order)
            window.delivered += UInt64(count)
            if count < length, window.file.isOpen {
                // Servers may give less than asked for: the rest is asked for again, before what follows it.
                rest = length - count
                let reply = window.file.pipeline.send(
                    .read(handle: window.file.handle, offset: offset + UInt64(count), length: UInt32(rest)))
                window.asked.insert((offset + UInt64(count), rest, reply), at: 0)
            } else if count < length {
                window.wasCutShort = true
                window.end()
                await abandon(&window)
            }
            return Array(data.readableBytesView)
        case .status(let status) where status.code == SFTPStatus.endOfFile:
            window.end()
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
                await readAhead.acquire(length, roundTrip: roundTrip)
            } else if window.asked.count >= 64 || !readAhead.tryAcquire(length, roundTrip: roundTrip) {
                return
            }
            let reply = window.file.pipeline.send(
                .read(handle: window.file.handle, offset: window.nextOffset, length: UInt32(length)))
            window.asked.append((window.nextOffset, length, reply))
            window.nextOffset += UInt64(length)
        }
        guard window.after == nil else { return }
        window.after = window.file.pipeline.send(.fstat(handle: window.file.handle))
        // A server that works in order has read it all when it comes to this, and can open the next file meanwhile.
        if closesEarly { close(window.file) }
    }

    /// What the server says of the file now. An answer that overtook the data says nothing and is asked for again.
    private func attributesAfter(_ window: inout ReadWindow) async throws(SSHError) -> RemoteAttributes {
        if let after = window.after {
            let response = try await after.value()
            if after.order > window.lastDataOrder { return try attributes(response, "look at \(window.path)") }
        }
        guard window.file.isOpen else { return try await attributes(of: window.path) }
        let response = try await window.file.pipeline.send(.fstat(handle: window.file.handle)).value()
        return try attributes(response, "look at \(window.path)")
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
