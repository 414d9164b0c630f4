import NIOCore

/// An SFTP session that keeps many requests under way at once.
///
/// Start as many reads, replacements and listings as you like: they share the open files and the bytes under way that the
/// device has shown to take, and are served in the order in which they were started. An actor on the connection's event loop.
public actor SFTPClient {
    /// What the server can do.
    public nonisolated let capabilities: Capabilities
    /// The first is there from the start, the others come with ``widen(forReplacing:)``. The budgets are for all of them together.
    private(set) var pipelines: [RequestPipeline]
    private var isWide = false
    /// Opens one more channel with an SFTP server on it; nil where there is only the one.
    private let openStream: (@Sendable () async throws(SSHError) -> any ByteStream)?
    /// One unit an open file.
    let openFiles = Budget(64)
    /// For servers that give one handle to several files: one unit, for whatever is open.
    let soleHandle = Budget(1)
    /// One unit a large file that is being read: a few are enough to fill the window, and each then gets much of it, so that
    /// much of a file arrives together.
    let largeFiles = Budget(3)
    /// One unit a directory that is being listed.
    let openDirectories = Budget(128)
    /// One unit a request that is neither of the two.
    private let singleRequests = Budget(128)
    /// Bytes asked for and not yet here.
    let readAhead = TransferWindow()
    /// Bytes sent and not yet acknowledged. Each pipeline has its share of them.
    let writeBehind = TransferWindow()
    /// The shortest time that any answer took so far.
    var roundTrip: TimeAmount { pipelines.lazy.compactMap(\.roundTrip).min() ?? .zero }
    /// More names than any directory has; a server that sends more is broken or hostile.
    var mostEntries = 1_000_000
    /// The largest READ and WRITE, in bytes.
    private(set) var chunkSize = 32 << 10
    /// How many files the server can have open; 0 where it does not say.
    private var mostHandles: UInt64 = 0

    /// Whether requests are taken to be carried out strictly one after the other, so that what depends on another may be sent in
    /// the same flight: the server shows itself as OpenSSH's own, which is single-threaded, and no answer has come out of order.
    /// Whoever relies on it looks again when the answers are there.
    var worksInOrder: Bool { capabilities.resemblesOpenSSH && pipelines.allSatisfy(\.answersInOrder) }

    /// Whether the device may still let us give files to another group.
    var givesGroups = true

    /// The connection's event loop runs everything here.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
    private nonisolated let executor: any SerialExecutor

    /// Runs tasks that mostly call this client on its event loop, which saves a change of threads before and after each
    /// call. What they do besides must be short and must not block.
    public nonisolated let taskExecutor: any TaskExecutor

    private init(
        eventLoop: any EventLoop, pipeline: RequestPipeline, capabilities: Capabilities,
        openStream: (@Sendable () async throws(SSHError) -> any ByteStream)?
    ) {
        executor = eventLoop.executor
        taskExecutor = EventLoopTaskExecutor(eventLoop: eventLoop)
        pipelines = [pipeline]
        self.openStream = openStream
        self.capabilities = capabilities
    }

    /// Begins SFTP version 3 over `stream`.
    ///
    /// - Parameters:
    ///   - directories: will be listed first; they are opened in the same flight.
    ///   - openStream: opens one more channel with an SFTP server on it.
    static func start(
        over stream: any ByteStream, toList directories: [RemotePath] = [],
        openStream: (@Sendable () async throws(SSHError) -> any ByteStream)? = nil
    ) async throws(SSHError) -> SFTPClient {
        let (pipeline, version) = try await begin(over: stream, opening: directories)
        let client = SFTPClient(
            eventLoop: stream.eventLoop, pipeline: pipeline,
            capabilities: Capabilities(extensions: version.extensions), openStream: openStream)
        await client.learnLimits(of: pipeline)
        return client
    }

    private static func begin(
        over stream: any ByteStream, opening directories: [RemotePath] = []
    ) async throws(SSHError) -> (RequestPipeline, SFTPVersion) {
        let pipeline = RequestPipeline(stream: stream)
        let version = try await pipeline.initialize(opening: directories)
        guard version.version == 3 else {
            throw SSHError(
                .unsupported, "the device speaks SFTP version \(version.version), not 3",
                advice: "Use OpenSSH's sftp-server on the device.")
        }
        return (pipeline, version)
    }

    /// Opens more channels if that pays for replacing `count` files: a server that forces one file to its card before it
    /// looks at the next, or takes little at a time, then does several at once. What the server refuses is done without.
    public func widen(forReplacing count: Int) async {
        guard let openStream, count >= 64, !isWide else { return }
        isWide = true
        await withTaskGroup(of: RequestPipeline?.self) { group in
            for _ in 1..<4 {
                group.addTask {
                    guard let stream = try? await openStream() else { return nil }
                    return try? await SFTPClient.begin(over: stream).0
                }
            }
            for await case let pipeline? in group {
                pipelines.append(pipeline)
                learnLimits(of: pipeline)
            }
        }
        shareWriteBehind()
    }

    /// Gives each pipeline its share of the bytes under way: OpenSSH copies what waits in a channel again each time that
    /// more arrives, so that many small queues are far cheaper for it than a long one.
    private func shareWriteBehind() {
        let share = writeBehind.size / pipelines.count
        for pipeline in pipelines where pipeline.writeBehind.units != share { pipeline.writeBehind.resize(to: share) }
    }

    /// A write was answered.
    func wrote(_ bytes: Int, over pipeline: RequestPipeline) {
        writeBehind.release(bytes)
        pipeline.writeBehind.release(bytes)
        shareWriteBehind()
    }

    /// The pipeline for the next file or directory: one that lives, with the fewest unanswered requests.
    func leastBusy() -> RequestPipeline {
        pipelines.filter { $0.failure == nil }.min { $0.unanswered < $1.unanswered } ?? pipelines[0]
    }

    /// Ends the connection because the server broke the protocol, and returns the error for that.
    func breach(_ reason: String) -> SSHError {
        pipelines[0].fail(reason)
        return pipelines[0].failure ?? SSHError(.protocolError, "the device's SFTP server sent \(reason)")
    }

    /// Asks for the server's packet sizes without waiting; until they are known the sizes that every server takes hold.
    private func learnLimits(of pipeline: RequestPipeline) {
        guard capabilities.limits else { return }
        pipeline.send(.limits) { [weak self] result in
            guard case .success(.extended(var limits)) = result, let packet = limits.readInteger(as: UInt64.self),
                let read = limits.readInteger(as: UInt64.self), let write = limits.readInteger(as: UInt64.self)
            else { return }
            let handles = limits.readInteger(as: UInt64.self) ?? 0
            pipeline.allowPackets(of: packet)
            self?.assumeIsolated { client in
                // 0 means that the server does not say.
                let largest = min(read == 0 ? 32 << 10 : read, write == 0 ? 32 << 10 : write, packet)
                client.chunkSize = Int(min(max(largest, 32 << 10), 128 << 10))
                client.mostHandles = handles
            }
        }
    }

    /// Waits until one more file may be open: more of them at once where a round trip is so long that the usual number would
    /// be the limit, and the server can.
    func acquireOpenFile() async {
        // One round trip to open it, another to read it.
        let wanted = UInt64(max(0, 2 * roundTrip.nanoseconds) / SFTPClient.timePerFile)
        let most = Int(max(64, min(wanted, mostHandles / 2, 512)))
        if most != openFiles.units { openFiles.resize(to: most) }
        await openFiles.acquire()
    }

    /// The least that a server takes for one small file: 0.04 ms.
    private static let timePerFile: Int64 = 40_000

    /// What stands at `path`. A symbolic link is followed unless `followLinks` is false.
    public func attributes(of path: RemotePath, followLinks: Bool = true) async throws(SSHError) -> RemoteAttributes {
        let response = try await single(followLinks ? .stat(path.bytes) : .lstat(path.bytes))
        return try attributes(response, "look at \(path)")
    }

    /// The absolute path that the server makes of `path`, with links resolved where it does that.
    public func canonicalPath(of path: RemotePath) async throws(SSHError) -> RemotePath {
        let response = try await single(.realPath(path.bytes))
        guard case .names(let names) = response, let first = names.first else {
            throw refusal(response, "resolve \(path)")
        }
        return RemotePath(bytes: first.name)
    }

    /// Removes a file. Fails for a directory.
    public func remove(_ file: RemotePath) async throws(SSHError) {
        try confirm(try await single(.remove(file.bytes)), "remove \(file)")
    }

    /// Gives a file or directory another name; an existing file is replaced only where ``Capabilities/atomicReplace`` holds.
    public func rename(_ path: RemotePath, to newPath: RemotePath) async throws(SSHError) {
        let request: SFTPRequest =
            capabilities.atomicReplace
            ? .posixRename(from: path.bytes, to: newPath.bytes) : .rename(from: path.bytes, to: newPath.bytes)
        try confirm(try await single(request), "rename \(path) to \(newPath)")
    }

    /// Makes a directory; fails when the name exists or the parent does not.
    public func makeDirectory(_ path: RemotePath) async throws(SSHError) {
        try confirm(try await single(.makeDirectory(path.bytes)), "make the directory \(path)")
    }

    /// Removes an empty directory.
    public func removeDirectory(_ path: RemotePath) async throws(SSHError) {
        try confirm(try await single(.removeDirectory(path.bytes)), "remove the directory \(path)")
    }

    /// Room on the file system of `path`, or nil where the server can't tell.
    public func freeSpace(at path: RemotePath) async throws(SSHError) -> FileSystemStatus? {
        guard capabilities.statvfs else { return nil }
        let response = try await single(.statvfs(path.bytes))
        // Some offer it and have nothing behind it (`rclone serve sftp`).
        if case .status(let status) = response, status.code == SFTPStatus.unsupported { return nil }
        guard case .extended(let answer) = response else {
            throw refusal(response, "ask for the free space at \(path)")
        }
        return FileSystemStatus(statvfs: answer)
    }

    /// Ends the SFTP session; the connection stays.
    public func close() {
        for pipeline in pipelines { pipeline.close() }
    }

    /// One request whose answer is all that is wanted.
    func single(_ request: SFTPRequest) async throws(SSHError) -> SFTPResponse {
        await singleRequests.acquire()
        defer { singleRequests.release() }
        return try await leastBusy().send(request).value()
    }
}

extension FileSystemStatus {
    /// The answer to `statvfs@openssh.com` (OpenSSH's PROTOCOL, section 4.4): eleven 64-bit numbers.
    init?(statvfs answer: ByteBuffer) {
        var answer = answer
        guard let numbers = answer.readMultipleIntegers(as: (UInt64, UInt64, UInt64, UInt64, UInt64).self),
            answer.readableBytes >= 48,
            let (number, flags) = answer.getMultipleIntegers(
                at: answer.readerIndex + 24, as: (UInt64, UInt64).self)
        else { return nil }
        let (_, fragment, blocks, _, available) = numbers
        freeBytes = fragment.multipliedReportingOverflow(by: available).partialValue
        totalBytes = fragment.multipliedReportingOverflow(by: blocks).partialValue
        isReadOnly = flags & 1 != 0
        self.number = number
    }
}
