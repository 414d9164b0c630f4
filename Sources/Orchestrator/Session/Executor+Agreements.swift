import Logging
import Planner
import Store

extension Executor {
    /// Records what both sides turned out to agree on, what is gone, and the cards that were seen.
    func recordAgreements() async throws {
        try stop.check()
        try await store.rememberCards(plan.cards)
        let adopted = operations { operation in
            if case .adopt(let save, let content) = operation.step {
                Observed(save: save, content: content)
            } else {
                nil
            }
        }
        let unhealed = try await heal(adopted.filter { staged[$0.payload.save.identity.key] != nil })
        for batch in adopted.filter({ !unhealed.contains($0.index) }).batches(of: 4 * Executor.batchSize) {
            let commits = batch.compactMap { item in
                item.operation.saveID.map { save in
                    AgreementCommit(
                        device: device.id, save: save, directory: item.payload.save.directory,
                        path: item.payload.save.path, shape: item.payload.save.shape, content: item.payload.content)
                }
            }
            try await store.commitAgreements(commits)
            for item in batch { await ledger.completed(item.index) }
        }
        try await record(operations { $0.step == .markGone ? $0.saveID : nil }) {
            try await store.commitGone($0, device: device.id)
        }
        try await record(operations { $0.step == .retire ? $0.saveID : nil }) {
            try await store.retireBaselines($0, device: device.id)
        }
    }

    /// Gives the library back what it lost of contents that both sides hold by the record. Where a device's bytes are others with the
    /// same meaning, such as another zip of the same files, they are stored as a version of their own.
    ///
    /// Returns the indices of those that are recorded already, or failed.
    private func heal(_ lost: [Numbered<Observed>]) async throws -> Set<Int> {
        var inOtherBytes: [Numbered<Observed>] = []
        var failed: Set<Int> = []
        for item in lost {
            let key = item.payload.save.identity.key
            guard case .version(let version) = scope.server(key)?.content, let contents = staged[key] else { continue }
            try stop.check()
            switch await store.heal(version.id, with: contents) {
            case .success(let healed?):
                logger.notice(
                    "healed: the library has \(healed.identity.shown) version \(healed.number) again, which it had lost",
                    metadata: ["device": "\(device.settings.name)"])
            case .success(nil):
                inOtherBytes.append(item)
            case .failure(let error):
                failed.insert(item.index)
                await ledger.failed(item.index, error)
            }
        }
        try await pull(inOtherBytes)
        return failed.union(inOtherBytes.map(\.index))
    }

    private func record(_ items: [Numbered<Int64>], _ commit: ([Int64]) async throws -> Void) async throws {
        guard !items.isEmpty else { return }
        try await commit(items.map(\.payload))
        for item in items { await ledger.completed(item.index) }
    }
}
