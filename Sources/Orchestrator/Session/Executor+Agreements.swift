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
        let lost = try await lostContents(adopted)
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

    /// Those of the contents that both sides hold by the record, and that the library has no file of any more: the device's is stored
    /// again.
    private func lostContents(_ adopted: [Numbered<Observed>]) async throws -> [Numbered<Observed>] {
        let wanted = Dictionary(
            adopted.compactMap { item in item.operation.saveID.map { ($0, Set([item.payload.content.digest])) } },
            uniquingKeysWith: { $0.union($1) })
        let present = try await store.versions(with: wanted)
        return adopted.filter { item in item.operation.saveID.map { present[$0] == nil } ?? false }
    }

    private func record(_ items: [Numbered<Int64>], _ commit: ([Int64]) async throws -> Void) async throws {
        guard !items.isEmpty else { return }
        try await commit(items.map(\.payload))
        for item in items { await ledger.completed(item.index) }
    }
}
