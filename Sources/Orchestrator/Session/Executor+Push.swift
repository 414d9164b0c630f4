import Logging
import Planner
import SSHClient
import Store

extension Executor {
    /// A push whose version is found in the library and whose target's old content is safe.
    private struct ReadyPush: Sendable {
        let index: Int
        let operation: Operation
        let target: PushTarget
        let version: StoredVersion
        let modified: Int64
    }

    /// Old contents to safety → temp → verify → replace → commit. Many are on their way to the device at once; meanwhile
    /// the next ones are made ready, and those that have arrived are recorded.
    func push() async throws {
        let pushes = operations { operation in
            if case .push(let version, let target) = operation.step { (version: version, target: target) } else { nil }
        }
        let neighbours = Neighbours(of: pushes.map(\.payload.target).filter { $0.over == .nothing }, in: listings)
        // Opened while the first files are on their way.
        async let widened: Void = sftp.widen(forReplacing: pushes.count)
        var arrivals = PushArrivals(store: store, ledger: ledger)
        var refused: [ReadyPush] = []
        await withTaskGroup(of: (push: ReadyPush, result: Result<PushCommit, any Error>).self) { group in
            func takeArrival() async -> Bool {
                guard let (push, result) = await group.next() else { return false }
                if result.isRefusal { refused.append(push) } else { await arrivals.add((push.index, result)) }
                return true
            }
            var underWay = 0
            do {
                for batch in pushes.batches(of: Executor.pushesMadeReady) {
                    try stop.check()
                    for push in try await makeReady(batch) {
                        if underWay < Executor.pushesUnderWay { underWay += 1 } else { _ = await takeArrival() }
                        group.addTask(executorPreference: sftp.taskExecutor) {
                            (push, await Result { try await put(push, beside: neighbours) })
                        }
                    }
                }
            } catch {
                arrivals.end(with: error)
            }
            // Whatever happened: what is under way is finished and recorded.
            while await takeArrival() {}
        }
        // One that finds no room on the card takes the room of those beside it for as long as it tries. Once more, one by
        // one, so that it fails alone.
        for push in refused {
            await arrivals.add((push.index, await Result { try await put(push, beside: neighbours) }))
        }
        await widened
        try await arrivals.finish()
    }

    private func makeReady(_ batch: ArraySlice<Numbered<(version: ServerVersion, target: PushTarget)>>) async throws
        -> [ReadyPush]
    {
        let versions = try await store.versions(batch.map(\.payload.version.id))
        let safe = try await secureOldContents(
            of: batch.map { Numbered(index: $0.index, operation: $0.operation, payload: $0.payload.target) })
        return batch.compactMap { push in
            guard safe.contains(push.index), let version = versions[push.payload.version.id] else { return nil }
            return ReadyPush(
                index: push.index, operation: push.operation, target: push.payload.target, version: version,
                modified: push.payload.version.modified)
        }
    }

    /// P1: nothing on the device is replaced before its content is a durable, recorded version.
    ///
    /// Returns the indices of the pushes for which that holds; the others have failed.
    private func secureOldContents(of pushes: [Numbered<PushTarget>]) async throws -> Set<Int> {
        var safe: Set<Int> = []
        var atRisk: [Numbered<Observed>] = []
        var slots: [Int: String] = [:]
        for push in pushes {
            switch push.payload.over {
            case .nothing:
                safe.insert(push.index)
            case .agreed(let save, let content), .preserving(let save, let content, as: .archived):
                atRisk.append(
                    Numbered(
                        index: push.index, operation: push.operation, payload: Observed(save: save, content: content)))
            case .preserving(let save, let content, as: .slot(let slot)):
                slots[push.index] = slot
                atRisk.append(
                    Numbered(
                        index: push.index, operation: push.operation.inSlot(slot),
                        payload: Observed(save: save, content: content)))
            }
        }
        let archived = try await keepUnknown(atRisk.filter { slots[$0.index] == nil })
        let inSlots = try await keep(atRisk.filter { slots[$0.index] != nil }, archival: false)
        try await archive(
            archivals(archived)
                + inSlots.map { item, version in archival(item, version, in: .slot(item.identity)) })
        safe.formUnion(archived.map(\.0.index))
        safe.formUnion(inSlots.map(\.0.index))
        await staging.settle()
        return safe
    }

    /// One transaction for all, since each waits for the disk.
    private func archive(_ commits: [ArchiveCommit]) async throws {
        try await uncancelled { [store] in try await store.archive(commits) }
    }

    /// Of contents that were kept, those that are not on record yet, as archival versions.
    private func archivals(_ kept: [(Numbered<Observed>, StoredVersion?)]) -> [ArchiveCommit] {
        kept.compactMap { item, version in
            guard let version, let save = item.operation.saveID else { return nil }
            return archival(item, version, in: .archive(save: save))
        }
    }

    private func archival(
        _ item: Numbered<Observed>, _ version: StoredVersion, in place: ArchiveCommit.Place
    ) -> ArchiveCommit {
        ArchiveCommit(device: device.id, place: place, version: version, modified: item.payload.content.modified)
    }

    private var deviceLogger: Logger {
        var logger = logger
        logger[metadataKey: "device"] = "\(device.settings.name)"
        return logger
    }

    private func put(_ push: ReadyPush, beside neighbours: Neighbours) async throws -> PushCommit {
        try stop.check()
        guard let directory = device.directoriesByID[push.target.directory], let save = push.operation.saveID else {
            throw DeviceFailure(code: .other, message: "its save directory is not known")
        }
        try await sftp.makeFolders(push.target.missingFolders, below: directory.remotePath)
        let replacement = RemoteReplacement(
            sftp: sftp, library: store.library, clock: clock, directory: directory, target: push.target,
            shape: push.version.shape, neighbour: neighbours.model(for: push.target, in: directory),
            modified: push.modified > 0 ? push.modified : nil, logger: deviceLogger)
        let entries: [DeviceContent.Entry]
        do {
            entries = try await replacement.put(push.version)
        } catch let error as StoreError {
            throw try await store.loss(of: push.version) ?? error
        }
        let content = DeviceContent(digest: push.version.digest, isBlank: push.version.isBlank, entries: entries)
        return PushCommit(
            operation: ledger.record(of: push.index), device: device.id, save: save, directory: push.target.directory,
            path: push.target.path, shape: push.version.shape, content: content)
    }

    /// Removes what the server deleted, once its content is a version and the device still has exactly that.
    func remove() async throws {
        let removals = operations { operation in
            if case .remove(let save, let content) = operation.step {
                Observed(save: save, content: content)
            } else {
                nil
            }
        }
        guard !removals.isEmpty else { return }
        let kept = try await keepUnknown(removals)
        try await archive(archivals(kept))
        await staging.settle()
        for (item, _) in kept {
            try stop.check()
            guard let save = item.operation.saveID,
                let directory = device.directoriesByID[item.payload.save.directory]
            else { continue }
            do {
                try await remove(item.payload, from: directory)
                let commit = RemovalCommit(
                    operation: ledger.record(of: item.index), device: device.id, save: save)
                try await uncancelled { [store] in try await store.commitRemovals([commit]) }
                await ledger.completed(item.index)
            } catch let error as SSHError where error.endsConnection {
                throw error
            } catch {
                await ledger.failed(item.index, error)
            }
        }
    }
}

extension Executor {
    /// Takes the save out of its place, looks once more whether it is what the plan was made for, and then removes it.
    private func remove(_ observed: Observed, from directory: SaveDirectory) async throws {
        let check = RemoteGuard(sftp: sftp, directory: directory)
        let (save, expected) = (observed.save, RemoteGuard.Expected(observed))
        let confirmed = try await check.confirm(expected)
        let displaced = try await DisplacedSave.displace(save.path, in: directory, over: sftp)
        do {
            let tree = try await check.confirm(expected, confirmed: confirmed, at: displaced.path)
            guard tree?.skipped.isEmpty ?? true else {
                throw DeviceFailure(
                    code: .other, message: "the folder \(save.path) has got what is not synced since the plan was made",
                    advice: "It was left alone; the next run plans it anew.")
            }
        } catch {
            try? await displaced.undo()
            throw error
        }
        try await displaced.discard(save.shape)
    }
}

/// Records pushes as they arrive on the device, a few at a time.
private struct PushArrivals {
    typealias Arrival = (index: Int, result: Result<PushCommit, any Error>)

    let store: Store
    let ledger: Ledger
    private var unrecorded: [(index: Int, commit: PushCommit)] = []
    /// What ended the work: the first error that was not about one save alone.
    private var failure: (any Error)?

    init(store: Store, ledger: Ledger) {
        self.store = store
        self.ledger = ledger
    }

    mutating func add(_ arrival: Arrival) async {
        switch arrival.result {
        case .success(let commit):
            unrecorded.append((arrival.index, commit))
            if unrecorded.count >= 128 { await record() }
        case .failure(let error):
            if let error = error as? SSHError, error.endsConnection { end(with: error) }
            await ledger.failed(arrival.index, error)
        }
    }

    mutating func end(with error: any Error) {
        if failure == nil { failure = error }
    }

    /// Records the rest, and throws what ended the work.
    mutating func finish() async throws {
        await record()
        if let failure { throw failure }
    }

    private mutating func record() async {
        guard !unrecorded.isEmpty else { return }
        let arrived = unrecorded
        unrecorded = []
        do {
            let commits = arrived.map(\.commit)
            try await uncancelled { [store] in try await store.commitPushes(commits) }
            for push in arrived { await ledger.completed(push.index) }
        } catch {
            end(with: error)
        }
    }
}

extension Result<PushCommit, any Error> {
    /// Whether the device refused to take the content, which may be for lack of room, or its server mixed it up with another.
    fileprivate var isRefusal: Bool {
        guard case .failure(let error as SSHError) = self else { return false }
        return error.code == .noSpace || error.code == .failure || error.code == .mixedUp
    }
}

extension Operation {
    /// The same line for the slot that a content is kept in.
    fileprivate func inSlot(_ slot: String) -> Operation {
        Operation(
            identity: identity?.inSlot(slot), saveID: nil, remotePath: remotePath, size: size, reason: reason,
            step: step)
    }
}
