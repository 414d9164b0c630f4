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
        // Both sides hold them by the record, and the library has no file of them any more: they were read to be stored again.
        let lost = adopted.filter { staged[$0.payload.save.identity.key] != nil }
        try await pull(lost)
        let restored = Set(lost.map(\.index))
        for batch in adopted.filter({ !restored.contains($0.index) }).batches(of: 4 * Executor.batchSize) {
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

    private func record(_ items: [Numbered<Int64>], _ commit: ([Int64]) async throws -> Void) async throws {
        guard !items.isEmpty else { return }
        try await commit(items.map(\.payload))
        for item in items { await ledger.completed(item.index) }
    }
}
