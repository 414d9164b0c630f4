/// A file or directory that is open on the device.
///
/// Confined to the client's actor.
final class OpenHandle {
    /// What the server calls it.
    let bytes: [UInt8]
    let pipeline: RequestPipeline
    private let opening: HandleTable.Opening
    /// Whether nothing else is opened until it is closed.
    let isAlone: Bool
    var isOpen = true

    init(_ bytes: [UInt8], over pipeline: RequestPipeline, isAlone: Bool) {
        self.bytes = bytes
        self.pipeline = pipeline
        self.isAlone = isAlone
        opening = pipeline.opening(of: bytes)
    }

    /// Whether the server gave this handle to something else too: nothing that was answered for it counts.
    var isShared: Bool { opening.isShared }
}

extension SFTPClient {
    /// Opens a file or directory; `action` completes "the device refused to …". Where the server has given one handle to several
    /// files, nothing else is open meanwhile.
    func open(_ request: SFTPRequest, _ action: @autoclosure () -> String) async throws(SSHError) -> OpenHandle {
        let isAlone = sharesHandles
        if isAlone { await acquireTurn() }
        let pipeline = leastBusy()
        do throws(SSHError) {
            let bytes = try handle(try await pipeline.send(request).value(), action())
            return OpenHandle(bytes, over: pipeline, isAlone: isAlone)
        } catch {
            if isAlone { soleHandle.release() }
            throw error
        }
    }

    /// The same for a directory, which may have been opened along with the session.
    func openDirectory(_ directory: RemotePath) async throws(SSHError) -> OpenHandle {
        let first = pipelines[0]
        guard !sharesHandles, let early = first.takeOpenedEarly(directory) else {
            return try await open(.openDirectory(directory.bytes), "list \(directory)")
        }
        return OpenHandle(try handle(try await early.value(), "list \(directory)"), over: first, isAlone: false)
    }

    /// Closes what is open. Returns the answer to come, or nil when it was closed before.
    @discardableResult
    func close(_ handle: OpenHandle) -> Pending<SFTPResponse>? {
        guard handle.isOpen else { return nil }
        handle.isOpen = false
        guard handle.isAlone else { return handle.pipeline.send(.close(handle: handle.bytes)) }
        return handle.pipeline.send(.close(handle: handle.bytes)) { [weak self] _ in
            self?.assumeIsolated { $0.soleHandle.release() }
        }
    }

    /// Whether the server has given one handle to several files. From then on one is opened at a time.
    var sharesHandles: Bool { pipelines.contains { $0.handles.hasShared } }

    private func acquireTurn() async {
        await soleHandle.acquire()
        pipelines[0].closeOpenedEarly()
        for pipeline in pipelines { await pipeline.waitForHandles { $0.isEmpty } }
    }

    /// Waits until no OPEN is under way that could turn out to share `handle`, unless the server works in order: then
    /// that is known already. Returns whether what was answered for it counts.
    func isTrusted(_ handle: OpenHandle) async -> Bool {
        if !worksInOrder {
            let now = handle.pipeline.sent
            await handle.pipeline.waitForHandles { $0.knowsOpenings(before: now) }
        }
        return !handle.isShared
    }

    /// What was answered for one file may be about another.
    func mixedUp(_ action: String) -> SSHError {
        SSHError(
            .mixedUp, "the device's server mixed up its answers when asked to \(action)",
            advice: "Nothing of it was used. Use OpenSSH's sftp-server on the device if this goes on.")
    }
}
