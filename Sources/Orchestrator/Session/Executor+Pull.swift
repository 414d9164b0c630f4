import Planner
import SSHClient
import Store

/// A save on the device with its content.
struct Observed: Sendable {
    let save: DeviceSave
    let content: DeviceContent
}

extension Executor {
    /// Staging → library → commit, a batch at a time.
    func pull() async throws {
        let pulls = operations { operation in
            if case .pull(let save, let content) = operation.step {
                Observed(save: save, content: content)
            } else {
                nil
            }
        }
        for batch in pulls.batches(of: Executor.batchSize) {
            try stop.check()
            try await pull(Array(batch))
        }
    }

    /// Stores the contents of these saves, and makes them the current ones.
    func pull(_ batch: [Numbered<Observed>]) async throws {
        guard !batch.isEmpty else { return }
        let stored = try await keep(batch, archival: false)
        let commits = stored.map { pull, version in
            PullCommit(
                operation: ledger.record(of: pull.index), device: device.id,
                over: scope.server(pull.payload.save.identity.key), identity: pull.identity,
                directory: pull.payload.save.directory, path: pull.payload.save.path,
                shape: pull.payload.save.shape, content: pull.payload.content, version: version)
        }
        let outcomes = try await uncancelled { [store] in try await store.commitPulls(commits) }
        await staging.settle()
        for ((pull, _), outcome) in zip(stored, outcomes) {
            switch outcome {
            case .current: await ledger.completed(pull.index)
            case .superseded:
                await ledger.failed(
                    pull.index,
                    DeviceFailure(
                        code: .other, message: "the server got another content after the plan was made",
                        advice: "The device's is kept in the history; the next run plans it anew."))
            }
        }
    }

    /// Both contents are kept: the server's is, and the device's becomes an archival version.
    func openConflicts() async throws {
        let conflicts = operations { operation in
            if case .conflict(let save, let content, let version) = operation.step {
                (observed: Observed(save: save, content: content), server: version)
            } else {
                nil
            }
        }
        for batch in conflicts.batches(of: Executor.batchSize) {
            try stop.check()
            let observed = batch.map {
                Numbered(index: $0.index, operation: $0.operation, payload: $0.payload.observed)
            }
            let kept = try await keepUnknown(observed, inConflict: true)
            let servers = Dictionary(uniqueKeysWithValues: batch.map { ($0.index, $0.payload.server) })
            let commits = kept.compactMap { conflict, version -> (Planner.Operation, ConflictCommit)? in
                guard let save = conflict.operation.saveID, let server = servers[conflict.index] else { return nil }
                let commit = ConflictCommit(
                    operation: ledger.record(of: conflict.index), device: device.id, save: save,
                    directory: conflict.payload.save.directory, path: conflict.payload.save.path,
                    shape: conflict.payload.save.shape, content: conflict.payload.content, version: version,
                    serverVersion: server.id,
                    // The user wants back what was agreed on.
                    endsAgreement: scope.baseline(for: conflict.payload.save.identity.key)?.digest == server.digest)
                return (conflict.operation, commit)
            }
            let isNew = try await uncancelled { [store] in try await store.openConflicts(commits.map(\.1)) }
            await staging.settle()
            for (conflict, _) in kept { await ledger.completed(conflict.index) }
            for ((operation, _), isNew) in zip(commits, isNew) where isNew { await ledger.conflictOpened(operation) }
        }
    }

    /// Moves staged contents into the library. Those that can't be kept fail; the others are returned.
    func keep(
        _ items: [Numbered<Observed>], archival: Bool
    ) async throws -> [(Numbered<Observed>, StoredVersion)] {
        var drafts: [VersionDraft] = []
        var drafted: [Numbered<Observed>] = []
        for item in items {
            guard let contents = staged[item.payload.save.identity.key] else {
                await ledger.failed(item.index, DeviceFailure(code: .other, message: "its content was not received"))
                continue
            }
            drafted.append(item)
            drafts.append(
                VersionDraft(
                    item.identity, of: item.payload.save, named: item.payload.save.path.name, archival: archival,
                    contents: contents))
        }
        var kept: [(Numbered<Observed>, StoredVersion)] = []
        for (item, result) in zip(drafted, await store.library.store(drafts, from: staging)) {
            switch result {
            case .success(let version): kept.append((item, version))
            case .failure(let error): await ledger.failed(item.index, error)
            }
        }
        return kept
    }

    /// Keeps contents as archival versions, except those that the library already has for their save
    /// (version nil), as files and not only on record.
    func keepUnknown(
        _ items: [Numbered<Observed>], inConflict: Bool = false
    ) async throws -> [(Numbered<Observed>, StoredVersion?)] {
        let wanted = Dictionary(
            items.compactMap { item in item.operation.saveID.map { ($0, Set([item.payload.content.digest])) } },
            uniquingKeysWith: { $0.union($1) })
        let known = try await store.knownDigests(of: wanted, inConflict: inConflict)
        let isKnown = { (item: Numbered<Observed>) in
            item.operation.saveID.flatMap { known[$0] }?.contains(item.payload.content.digest) == true
        }
        let kept: [(Numbered<Observed>, StoredVersion?)] =
            try await keep(items.filter { !isKnown($0) }, archival: true).map { ($0, $1) }
        return items.filter(isKnown).map { ($0, nil) } + kept
    }
}

extension Executor.Numbered<Observed> {
    /// The save's identity as the server shows it, or as the device does when the server has none.
    var identity: SaveIdentity { operation.identity ?? payload.save.identity }
}

extension VersionDraft {
    /// A version of a save as it was read: `contents` are in the order of its files.
    init(
        _ identity: SaveIdentity, of save: DeviceSave, named name: String, archival: Bool, contents: [StagedContent]
    ) {
        self.init(
            identity: identity, shape: save.shape, originalName: name, archival: archival,
            files: zip(save.files, contents).map { file, content in
                File(name: file.path.relative(to: save.path)?.text ?? name, content: content)
            })
    }
}
