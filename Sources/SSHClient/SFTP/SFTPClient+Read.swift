import NIOCore

extension SFTPClient {
    /// Reads a whole file in order.
    ///
    /// - Parameters:
    ///   - expecting: the size in bytes that a listing gave; the file is then read without waiting to be told.
    ///   - sink: gets consecutive chunks, all that have come by then up to eight, one call after the other. While it is busy,
    ///     only a bounded part of the file is fetched ahead.
    /// - Returns: what the server said of the file when it was opened and after its last byte was read: the content is
    ///   whole when both are the same and the size is the number of bytes that came.
    public func read(
        _ path: RemotePath, expecting: UInt64? = nil, into sink: @Sendable ([[UInt8]]) async throws -> Void
    ) async throws -> FileRead {
        try Task.checkCancellation()
        let isLarge = expecting.map { $0 >= UInt64(WindowEstimate.largest) } ?? false
        if isLarge { await largeFiles.acquire() }
        defer { if isLarge { largeFiles.release() } }
        let file = try await open(path)
        defer { close(file) }
        let before = file.pipeline.send(.fstat(handle: file.handle))
        var reading = Reading(file: file, path: path, window: ReadWindow(size: expecting ?? 0))
        let opened: RemoteAttributes
        do {
            if expecting != nil { await askAhead(&reading) }
            opened = try attributes(try await before.value(), "look at \(path)")
            if expecting == nil { reading.window.size = opened.size }
            while let first = try await nextChunk(of: &reading) {
                // Where the sink is slower than the device, each change of threads between the two carries more.
                var chunks = [first]
                while chunks.count < 8, reading.hasNext, let next = try await nextChunk(of: &reading) {
                    chunks.append(next)
                }
                try await sink(chunks)
            }
        } catch {
            await abandon(&reading)
            throw error
        }
        let after = try await attributesAfter(&reading)
        // Cut short by the server and not by the end of the file: from now on files stay open until all has come.
        if reading.window.wasCutShort, after.size > reading.window.delivered { closesEarly = false }
        return FileRead(before: opened, after: after, byteCount: reading.window.delivered)
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

    /// A file that is being read.
    private struct Reading {
        let file: OpenFile
        let path: RemotePath
        var window: ReadWindow
        /// One for each piece that the window has asked for.
        var replies: [Pending<SFTPResponse>] = []
        var after: Pending<SFTPResponse>?
        /// Which answer was the last one with data.
        var lastDataOrder = 0

        /// Whether the next chunk is here already.
        var hasNext: Bool { replies.first?.hasArrived == true }
    }

    /// The next bytes in order, or nil at the end.
    private func nextChunk(of reading: inout Reading) async throws(SSHError) -> [UInt8]? {
        await askAhead(&reading)
        guard let piece = reading.window.take() else { return nil }
        let reply = reading.replies.removeFirst()
        // What is asked for again keeps its part of the budget: to wait for it here could be to wait for oneself.
        var kept = 0
        defer { readAhead.release(piece.length - kept) }
        let response = try await reply.value()
        switch response {
        case .data(let data):
            let count = data.readableBytes
            guard count > 0, count <= piece.length else {
                throw breach("\(count) bytes where \(piece.length) were asked for")
            }
            reading.lastDataOrder = max(reading.lastDataOrder, reply.order)
            switch reading.window.answered(piece, with: count, canAskAgain: reading.file.isOpen) {
            case .complete: break
            case .rest(let rest):
                kept = rest.length
                reading.replies.insert(ask(rest, of: reading.file), at: 0)
            case .cutShort: await abandon(&reading)
            }
            return Array(data.readableBytesView)
        case .status(let status) where status.code == SFTPStatus.endOfFile:
            reading.window.ended()
            await abandon(&reading)
            return nil
        default:
            throw refusal(response, "read \(reading.path)")
        }
    }

    private func ask(_ piece: ReadWindow.Piece, of file: OpenFile) -> Pending<SFTPResponse> {
        file.pipeline.send(.read(handle: file.handle, offset: piece.offset, length: UInt32(piece.length)))
    }

    /// Keeps as much under way as the shared budget allows, at least one request for each file.
    private func askAhead(_ reading: inout Reading) async {
        while let piece = reading.window.next(upTo: chunkSize) {
            if reading.window.asked.isEmpty {
                await readAhead.acquire(piece.length, roundTrip: roundTrip)
            } else if reading.window.asked.count >= 64 || !readAhead.tryAcquire(piece.length, roundTrip: roundTrip) {
                return
            }
            reading.window.ask(piece)
            reading.replies.append(ask(piece, of: reading.file))
        }
        guard reading.after == nil else { return }
        reading.after = reading.file.pipeline.send(.fstat(handle: reading.file.handle))
        // A server that works in order has read it all when it comes to this, and can open the next file meanwhile.
        if closesEarly { close(reading.file) }
    }

    /// What the server says of the file now. An answer that overtook the data says nothing and is asked for again.
    private func attributesAfter(_ reading: inout Reading) async throws(SSHError) -> RemoteAttributes {
        if let after = reading.after {
            let response = try await after.value()
            if after.order > reading.lastDataOrder { return try attributes(response, "look at \(reading.path)") }
        }
        guard reading.file.isOpen else { return try await attributes(of: reading.path) }
        let response = try await reading.file.pipeline.send(.fstat(handle: reading.file.handle)).value()
        return try attributes(response, "look at \(reading.path)")
    }

    /// Waits for what is under way without using it.
    private func abandon(_ reading: inout Reading) async {
        for (piece, reply) in zip(reading.window.asked, reading.replies) {
            _ = try? await reply.value()
            readAhead.release(piece.length)
        }
        reading.window.forgetAsked()
        reading.replies = []
    }
}
