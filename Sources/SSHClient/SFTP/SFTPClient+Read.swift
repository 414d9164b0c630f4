import NIOCore

extension SFTPClient {
    /// Reads a whole file in order.
    ///
    /// - Parameters:
    ///   - expecting: the size in bytes that a listing gave; the file is then read without waiting to be told.
    ///   - sink: gets consecutive chunks, all that have come by then up to eight, one call after the other. While it is busy,
    ///     only a bounded part of the file is fetched ahead.
    /// - Returns: what the server said of the file when it was opened and after its last byte was read: the content is
    ///   whole when both are the same and the size is the number of bytes that came, which is one more where the file goes on.
    /// - Throws: ``SSHError/Code/mixedUp`` when what `sink` was given may be of another file, and
    ///   ``SSHError/Code/oldListing`` when the server contradicts the size that it tells.
    public func read(
        _ path: RemotePath, expecting: UInt64? = nil, into sink: @Sendable ([[UInt8]]) async throws -> Void
    ) async throws -> FileRead {
        try Task.checkCancellation()
        let isLarge = expecting.map { $0 >= UInt64(WindowEstimate.largest) } ?? false
        if isLarge { await largeFiles.acquire() }
        defer { if isLarge { largeFiles.release() } }
        if let read = try await readOnce(path, expecting, isCareful: expecting == nil, sink) { return read }
        // Now one thing after the other, and with no other file open where a server may mix it up with that.
        if let read = try await readOnce(path, expecting, isCareful: true, sink) { return read }
        throw mixedUp("read \(path)")
    }

    /// Nil when the answers may be about another file or another state of it, and `sink` was given nothing.
    ///
    /// - Parameter isCareful: whether to wait for what the server says of the file before its content is asked for.
    private func readOnce(
        _ path: RemotePath, _ expecting: UInt64?, isCareful: Bool, _ sink: @Sendable ([[UInt8]]) async throws -> Void
    ) async throws -> FileRead? {
        await acquireOpenFile()
        defer { openFiles.release() }
        let file = try await open(.openRead(path.bytes), "open \(path)")
        defer { close(file) }
        var reading = Reading(file: file, path: path, window: ReadWindow(size: expecting ?? .max))
        do {
            let read = try await receive(&reading, isCareful: isCareful, sink)
            if await isTrusted(file) {
                try await confirmClosed(reading, read)
                return read
            }
        } catch {
            await abandon(&reading)
            guard let code = (error as? SSHError)?.code, code == .mixedUp || file.isShared, file.pipeline.failure == nil
            else { throw error }
        }
        if reading.hasGiven { throw mixedUp("read \(path)") }
        return nil
    }

    private func receive(
        _ reading: inout Reading, isCareful: Bool, _ sink: @Sendable ([[UInt8]]) async throws -> Void
    ) async throws -> FileRead {
        let before = reading.file.pipeline.send(.fstat(handle: reading.file.bytes))
        if !isCareful { await askAhead(&reading) }
        let opened = try attributes(try await before.value(), "look at \(reading.path)")
        guard opened.tellsSize, opened.kind == .file || opened.permissions == nil else {
            throw SSHError(
                .unsupported,
                opened.tellsSize ? "\(reading.path) is not a file" : "the size of \(reading.path) is not told")
        }
        // An answer that was overtaken by data does not say what the file was before that was read.
        if reading.replies.contains(where: { $0.hasArrived && $0.order < before.order }) {
            throw mixedUp("read \(reading.path)")
        }
        if isCareful { reading.window.size = min(reading.window.size, opened.size) }
        while let first = try await nextChunk(of: &reading) {
            // Where the sink is slower than the device, each change of threads between the two carries more.
            var chunks = [first]
            while chunks.count < 8, reading.hasNext, let next = try await nextChunk(of: &reading) {
                chunks.append(next)
            }
            if reading.file.isShared { throw mixedUp("read \(reading.path)") }
            reading.hasGiven = true
            try await sink(chunks)
        }
        let after = try await attributesAfter(&reading)
        var byteCount = reading.window.delivered
        // Read up to the size that was told, which may not be all there is.
        if isCareful, byteCount == after.size, try await isThere(byteCount, of: reading) { byteCount += 1 }
        return FileRead(before: opened, after: after, byteCount: byteCount)
    }

    /// Whether a file has a byte at this offset.
    private func isThere(_ offset: UInt64, of reading: Reading) async throws(SSHError) -> Bool {
        let answer = reading.file.pipeline.send(.read(handle: reading.file.bytes, offset: offset, length: 1))
        if case .data = try await answer.value() { return true }
        return false
    }

    /// A file that is being read.
    private struct Reading {
        let file: OpenHandle
        let path: RemotePath
        var window: ReadWindow
        /// One for each piece that the window has asked for.
        var replies: [Pending<SFTPResponse>] = []
        var after: Pending<SFTPResponse>?
        /// Which answer was the last one with data.
        var lastDataOrder = 0
        /// Whether the server said that the file ends before all that was asked for.
        var hasEnded = false
        /// Whether the sink got something.
        var hasGiven = false

        init(file: OpenHandle, path: RemotePath, window: ReadWindow) {
            self.file = file
            self.path = path
            self.window = window
        }

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
            if case .rest(let rest) = reading.window.answered(piece, with: count) {
                kept = rest.length
                reading.replies.insert(ask(rest, of: reading.file), at: 0)
            }
            return Array(data.readableBytesView)
        case .status(let status) where status.code == SFTPStatus.endOfFile:
            reading.window.ended()
            reading.hasEnded = true
            await abandon(&reading)
            return nil
        case .status(let status) where !worksInOrder && status.message.contains("EOF"):
            throw oldListing(reading.path, status.message)
        default:
            throw refusal(response, "read \(reading.path)")
        }
    }

    private func ask(_ piece: ReadWindow.Piece, of file: OpenHandle) -> Pending<SFTPResponse> {
        file.pipeline.send(.read(handle: file.bytes, offset: piece.offset, length: UInt32(piece.length)))
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
        if reading.after == nil, worksInOrder {
            reading.after = reading.file.pipeline.send(.fstat(handle: reading.file.bytes))
        }
    }

    /// What the server says of the file now: asked when all data is here, or along with it where that is answered in order.
    private func attributesAfter(_ reading: inout Reading) async throws(SSHError) -> RemoteAttributes {
        if let after = reading.after {
            let response = try await after.value()
            if after.order > reading.lastDataOrder, worksInOrder {
                return try attributes(response, "look at \(reading.path)")
            }
        }
        let response = try await reading.file.pipeline.send(.fstat(handle: reading.file.bytes)).value()
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

    /// Throws where the server takes back what it said. One that lists from a cache gives the bytes that are there now, up to the
    /// size that was there before, and only then finds that they don't belong together (`rclone serve sftp`).
    private func confirmClosed(_ reading: Reading, _ read: FileRead) async throws(SSHError) {
        guard !worksInOrder, let closed = close(reading.file) else { return }
        guard case .status(let status) = try await closed.value() else {
            throw breach("an answer of the wrong type when asked to close \(reading.path)")
        }
        if status.code != SFTPStatus.ok { throw oldListing(reading.path, status.message) }
        if reading.hasEnded, read.before == read.after, read.byteCount < read.after.size {
            throw oldListing(reading.path, "it ends after \(read.byteCount) of \(read.after.size) bytes")
        }
    }

    private func oldListing(_ path: RemotePath, _ reason: String) -> SSHError {
        SSHError(
            .oldListing, "the device's server tells another size or content of \(path) than it has: \(reason)",
            advice:
                "A server that lists from a cache (rclone, --dir-cache-time) does so until that is renewed; the next runs "
                + "try again.")
    }
}
