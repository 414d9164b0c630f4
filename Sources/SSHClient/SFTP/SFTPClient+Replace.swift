extension SFTPClient {
    /// Puts new content in a file's place so that the old or the new one stands there whole at every instant.
    ///
    /// The content goes to a temporary name in the same directory, is forced to the card where the server can, and takes
    /// its place only after every answer was OK and `beforeSwap` did not throw. Servers without
    /// ``Capabilities/atomicReplace`` get a swap by way of a backup name, which ``Leftover`` recognizes for repair. When
    /// anything fails, the old content stands and the temporary file is removed.
    ///
    /// - Parameters:
    ///   - size: bytes that `source` will give.
    ///   - modified: seconds since 1970 to set, or nil. A device that refuses is not an error.
    ///   - model: whose owner, group and mode the file gets: the one that is replaced, one beside it, or the folder; of a
    ///     folder without the right to execute. A device that refuses them is not an error.
    ///   - overwriting: false where nothing is to stand there: what appears in the meantime then stays, and the call fails.
    ///     Only where the card knows no hard links (FAT, Android), or the server's plain RENAME puts one file over another against
    ///     the draft, is there an instant between the last look and the rename. Where true, a symbolic link is not replaced.
    ///   - source: gives the next bytes, at most as many as asked for; empty or nil at the end. Not asked again once it has
    ///     given `size` bytes.
    ///   - beforeSwap: the last check, made when the new content is safe under its temporary name.
    /// - Returns: what stands there, as the device reports it.
    public func replace(
        _ target: RemotePath, size: UInt64, modified: Int64?, like model: RemotePath? = nil, overwriting: Bool = true,
        source: @Sendable (Int) async throws -> [UInt8]?, beforeSwap: @Sendable () async throws -> Void
    ) async throws -> RemoteAttributes {
        try Task.checkCancellation()
        let temporary = target.parent.appending(Leftover.temporaryName(like: target.name))
        do {
            let writing = try await write(
                temporary, for: target, size: size, modified: modified, like: model, source)
            // Asked in the same flight as the last of the writing, so that they cost no round trip of their own.
            let look = lookForLink(at: target)
            var objection: (any Error)?
            do { try await beforeSwap() } catch { objection = error }
            try await confirm(writing, target)
            await giveGroup(writing, temporary)
            let arrived = try await arrived(writing, temporary)
            guard arrived.size == size else {
                throw SSHError(.failure, "\(arrived.size) bytes of \(target) arrived on the device instead of \(size)")
            }
            if let objection { throw objection }
            if overwriting { try await refuseLink(look, target) } else { try await refuseIfTaken(target, look) }
            let stands = try await swap(temporary, target, overwriting: overwriting)
            guard stands.size == size else {
                throw SSHError(.failure, "\(target) has \(stands.size) bytes on the device instead of \(size)")
            }
            return stands
        } catch let error as SSHError {
            try? await remove(temporary)
            throw await explained(explained(error, named: target), writing: size, to: target)
        } catch {
            try? await remove(temporary)
            throw error
        }
    }

    /// What was sent of a new file and is not all answered yet.
    private struct Writing {
        let file: OpenHandle
        let writes: WriteTally
        let settings: Settings
        let sync: Pending<SFTPResponse>?
        /// What arrived, where all was sent in one flight, which is right only where the server works in order.
        let look: Pending<SFTPResponse>?
        let close: Pending<SFTPResponse>?
    }

    /// Sends everything up to CLOSE, in one flight where the server works in order.
    private func write(
        _ temporary: RemotePath, for target: RemotePath, size: UInt64, modified: Int64?, like model: RemotePath?,
        _ source: @Sendable (Int) async throws -> [UInt8]?
    ) async throws -> Writing {
        await acquireOpenFile()
        defer { openFiles.release() }
        let look = model.map { leastBusy().send(.lstat($0.bytes)) }
        let file = try await open(.openNew(temporary.bytes), "write beside \(target)")
        let pipeline = file.pipeline
        let writes = WriteTally()
        do {
            var offset: UInt64 = 0
            while writes.refusal == nil, offset < size, let data = try await source(chunkSize), !data.isEmpty {
                await pipeline.writeBehind.acquire(data.count)
                await writeBehind.acquire(data.count, roundTrip: roundTrip)
                writes.begin()
                pipeline.send(.write(handle: file.bytes, offset: offset, data: data)) { [weak self] result in
                    self?.assumeIsolated { $0.wrote(data.count, over: pipeline) }
                    writes.end(result)
                }
                offset += UInt64(data.count)
            }
            guard offset == size || writes.refusal != nil else {
                throw SSHError(.failure, "\(target) was to get \(size) bytes, and its source gave \(offset)")
            }
            guard worksInOrder else {
                // Each could overtake what was sent before it.
                try confirm(try await writes.outcome(), "write \(target)")
                let settings = give(file, modified, try await look?.value())
                for answer in settings.answers { _ = try await answer.value() }
                try confirmForced(try await force(file)?.value(), target)
                return Writing(
                    file: file, writes: writes, settings: settings, sync: nil, look: nil, close: close(file))
            }
        } catch {
            close(file)
            throw error
        }
        let settings = give(file, modified, try await look?.value())
        let sync = force(file)
        let arrived = pipeline.send(.fstat(handle: file.bytes))
        return Writing(
            file: file, writes: writes, settings: settings, sync: sync, look: arrived, close: close(file))
    }

    /// What a new file was told to have.
    private struct Settings {
        /// The owner and group that it is to have; nil where they are not known.
        var ownership: Ownership?
        /// The first is to ``ownership``.
        var answers: [Pending<SFTPResponse>] = []
    }

    /// Each its own request: FAT refuses owners and modes, Android refuses times, and none is needed.
    private func give(_ file: OpenHandle, _ modified: Int64?, _ model: SFTPResponse?) -> Settings {
        var settings = Settings()
        let subject = SFTPRequest.Subject.handle(file.bytes)
        if case .attributes(let model)? = model {
            if let ownership = model.ownership {
                settings.ownership = ownership
                settings.answers.append(file.pipeline.send(.setOwnership(of: subject, ownership)))
            }
            if let permissions = model.permissionsOfFile {
                settings.answers.append(file.pipeline.send(.setPermissions(of: subject, permissions)))
            }
        }
        if let modified, let seconds = UInt32(exactly: modified) {
            settings.answers.append(file.pipeline.send(.setTimes(handle: file.bytes, modified: seconds)))
        }
        return settings
    }

    /// Gives a new file at least the group that it is to have, where the login may not give it to another user.
    private func giveGroup(_ writing: Writing, _ temporary: RemotePath) async {
        guard let wanted = writing.settings.ownership, let given = writing.settings.answers.first, givesGroups,
            case .status(let status)? = try? await given.value(), status.code != SFTPStatus.ok
        else { return }
        let answer = try? await single(.setOwnership(of: .path(temporary.bytes), .group(wanted.group)))
        // Where one group is refused, on a card without owners or to a user who is in no other, all are.
        if case .status(let status)? = answer, status.code != SFTPStatus.ok { givesGroups = false }
    }

    /// Asks that a file be forced to the card, where the server can.
    private func force(_ file: OpenHandle) -> Pending<SFTPResponse>? {
        capabilities.fsync ? file.pipeline.send(.fsync(handle: file.bytes)) : nil
    }

    private func confirmForced(_ response: SFTPResponse?, _ target: RemotePath) throws(SSHError) {
        guard let response else { return }
        // Offered, and not possible on this file system.
        if case .status(let status) = response, status.code == SFTPStatus.unsupported { return }
        try confirm(response, "force \(target) to the card")
    }

    /// Throws unless everything that was sent of a new file was answered with OK.
    private func confirm(_ writing: Writing, _ target: RemotePath) async throws(SSHError) {
        try confirm(try await writing.writes.outcome(), "write \(target)")
        try confirmForced(try await writing.sync?.value(), target)
        if let close = writing.close { try confirm(try await close.value(), "finish writing \(target)") }
        // What was written may have gone into another file, or have been closed and forced to the card before it was all there.
        guard await isTrusted(writing.file), writing.look == nil || writing.file.pipeline.answersInOrder else {
            throw mixedUp("write \(target)")
        }
    }

    /// What the server has of a new file: an OK to every write is a promise, and this is what came of it.
    private func arrived(_ writing: Writing, _ temporary: RemotePath) async throws(SSHError) -> RemoteAttributes {
        guard let look = writing.look else { return try await attributes(of: temporary, followLinks: false) }
        return try attributes(try await look.value(), "look at \(temporary)")
    }

    /// Gives the temporary file the target's name and looks at what stands there.
    private func swap(
        _ temporary: RemotePath, _ target: RemotePath, overwriting: Bool
    ) async throws(SSHError) -> RemoteAttributes {
        guard capabilities.atomicReplace else {
            return try await swapByBackup(temporary, target, overwriting: overwriting)
        }
        if !overwriting {
            do throws(SSHError) {
                // Fails where the name is taken (draft-ietf-secsh-filexfer-02, section 6.5).
                return try await settle(.rename(from: temporary.bytes, to: target.bytes), target)
            } catch {
                // Or where the server does it by a hard link and the card has none.
                try await refuseIfTaken(target)
            }
        }
        return try await settle(.posixRename(from: temporary.bytes, to: target.bytes), target)
    }

    /// Makes the rename and looks at what it made, in one flight where the server works in order.
    private func settle(_ rename: SFTPRequest, _ target: RemotePath) async throws(SSHError) -> RemoteAttributes {
        let pipeline = leastBusy()
        let renamed = pipeline.send(rename)
        let look = worksInOrder ? pipeline.send(.lstat(target.bytes)) : nil
        let answer = try await renamed.value()
        let seen = try await look?.value()
        try confirm(answer, "put the new content in place of \(target)")
        // A look that came before the rename saw what stood there until then.
        if let look, look.order > renamed.order, case .attributes(let stands)? = seen { return stands }
        return try await attributes(of: target, followLinks: false)
    }

    /// Gives a file, a link or a directory another name. Fails where that is taken: then both stay as they are. Only where
    /// the card knows no hard links (FAT, Android), or the server's plain RENAME puts one file over another against the draft,
    /// is there an instant between the last look and the rename.
    public func move(_ path: RemotePath, to newPath: RemotePath) async throws(SSHError) {
        try await refuseFollowedLinks(among: [path])
        try await refuseIfTaken(newPath)
        let answer = try await single(.rename(from: path.bytes, to: newPath.bytes))
        if case .status(let status) = answer, status.code == SFTPStatus.ok { return }
        try await refuseIfTaken(newPath)
        guard capabilities.atomicReplace else { throw refusal(answer, "rename \(path) to \(newPath)") }
        try await rename(path, to: newPath)
    }

    private func swapByBackup(
        _ temporary: RemotePath, _ target: RemotePath, overwriting: Bool
    ) async throws(SSHError) -> RemoteAttributes {
        if !overwriting { try await refuseIfTaken(target) }
        let hasOld = overwriting ? try await exists(target) : false
        let aside = hasOld ? try await setAside(target) : nil
        do {
            try await rename(temporary, to: target)
        } catch {
            if let aside { try? await putBack(aside) }
            throw error
        }
        if let aside {
            try await remove(aside.path)
            await removeFolder(of: aside)
        }
        return try await attributes(of: target, followLinks: false)
    }

    private func refuseIfTaken(_ target: RemotePath) async throws(SSHError) {
        try await refuseIfTaken(target, lookForLink(at: target))
    }

    /// Throws where something stands at `target`, which `look` is on its way to.
    private func refuseIfTaken(_ target: RemotePath, _ look: LinkLook) async throws(SSHError) {
        try await refuseLink(look, target)
        do throws(SSHError) {
            _ = try attributes(try await look.attributes.value(), "look at \(target)")
        } catch {
            if error.code == .noSuchFile { return }
            throw error
        }
        throw SSHError(appeared: target)
    }

    private func exists(_ path: RemotePath) async throws(SSHError) -> Bool {
        do throws(SSHError) {
            _ = try await attributes(of: path, followLinks: false)
            return true
        } catch  where error.code == .noSuchFile {
            return false
        }
    }

    /// A full card and a read-only one both arrive as a bare "failure": asks the server which it was.
    private func explained(_ error: SSHError, writing size: UInt64, to target: RemotePath) async -> SSHError {
        guard error.code == .failure, let room = try? await freeSpace(at: target.parent) else { return error }
        if room.isReadOnly {
            return SSHError(
                .readOnly, "\(target) can't be written: the file system is read-only",
                advice: "The device may have found its card damaged; check it there.")
        }
        if room.freeBytes < size + 4_096 {
            return SSHError(
                .noSpace,
                "\(target) can't be written: \(room.freeBytes) bytes are free on the device, \(size) are needed",
                advice: "Make room on the device.")
        }
        return error
    }
}

extension SSHError {
    fileprivate init(appeared target: RemotePath) {
        self.init(
            .failure, "\(target) appeared on the device after the plan was made",
            advice: "It was left alone; the next run plans it anew.")
    }
}

extension SFTPClient {
    /// Gives a directory the owner, group and mode of the directory `model`, as far as the device lets us.
    public func copyAccess(of model: RemotePath, to directory: RemotePath) async throws(SSHError) {
        guard case .attributes(let model) = try await single(.lstat(model.bytes)), model.kind == .directory else {
            return
        }
        if let ownership = model.ownership {
            let answer = try await single(.setOwnership(of: .path(directory.bytes), ownership))
            if case .status(let status) = answer, status.code != SFTPStatus.ok, givesGroups {
                _ = try await single(.setOwnership(of: .path(directory.bytes), .group(ownership.group)))
            }
        }
        if let permissions = model.permissions {
            _ = try await single(.setPermissions(of: .path(directory.bytes), permissions))
        }
    }
}

extension RemoteAttributes {
    /// The mode for a file that is to be like this one, or like the files of this folder.
    fileprivate var permissionsOfFile: UInt32? {
        switch kind {
        case .file: permissions
        case .directory: permissions.map { $0 & 0o666 }
        case .symlink, .other: nil
        }
    }
}

/// Counts writes that are not acknowledged yet and keeps the first refusal.
///
/// Confined to the client's actor.
private final class WriteTally {
    private var unanswered = 0
    private(set) var refusal: Result<SFTPResponse, SSHError>?
    private var continuation: CheckedContinuation<Void, Never>?

    func begin() { unanswered += 1 }

    func end(_ result: Result<SFTPResponse, SSHError>) {
        unanswered -= 1
        if case .success(.status(let status)) = result, status.code == SFTPStatus.ok {
            // Written.
        } else if refusal == nil {
            refusal = result
        }
        if unanswered == 0 {
            continuation?.resume()
            continuation = nil
        }
    }

    /// Waits until every write is answered: OK, or the first answer that was not.
    func outcome(isolation: isolated (any Actor)? = #isolation) async throws(SSHError) -> SFTPResponse {
        if unanswered > 0 {
            await withCheckedContinuation { continuation in
                // Asked again: on the way here the task may have been suspended, and the last answer have come.
                if unanswered == 0 { continuation.resume() } else { self.continuation = continuation }
            }
        }
        return try refusal?.get() ?? .status(SFTPStatus(code: SFTPStatus.ok, message: ""))
    }
}
