extension Sequence where Element: Sendable {
    /// The results of `work` on each element, in the elements' order, with at most `limit` under way at once, on
    /// `executor` if there is one.
    public func concurrentMap<Result: Sendable>(
        atMost limit: Int, on executor: (any TaskExecutor)? = nil, _ work: @escaping @Sendable (Element) async -> Result
    ) async -> [Result] {
        await withTaskGroup(of: (Int, Result).self) { group in
            var results: [(Int, Result)] = []
            for (index, element) in enumerated() {
                if index >= limit, let finished = await group.next() { results.append(finished) }
                group.addTask(executorPreference: executor) { (index, await work(element)) }
            }
            for await finished in group { results.append(finished) }
            return results.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }
}
