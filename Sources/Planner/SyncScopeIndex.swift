/// The server's side of one device's run, indexed for the planner: the owner's saves and the device's baselines.
public struct SyncScopeIndex: Sendable {
    private let serversByKey: [SaveKey: ServerSave]
    private let baselinesBySave: [Int64: Baseline]

    /// Indexes `saves` by key and `baselines` by save; each key and each save occurs once.
    public init(saves: [ServerSave], baselines: [Baseline]) {
        serversByKey = Dictionary(saves.map { ($0.identity.key, $0) }, uniquingKeysWith: { first, _ in first })
        baselinesBySave = Dictionary(baselines.map { ($0.saveID, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The server's save with this key, or nil when it has none.
    public func server(_ key: SaveKey) -> ServerSave? { serversByKey[key] }

    /// What the device and the server last agreed on for this save, or nil when they never did.
    public func baseline(_ save: Int64) -> Baseline? { baselinesBySave[save] }

    /// The device's baseline for the save with this key.
    public func baseline(for key: SaveKey) -> Baseline? {
        server(key).flatMap { baseline($0.id) }
    }

    /// All of the owner's saves, in no order.
    var saves: some Collection<ServerSave> { serversByKey.values }
    /// All of the device's baselines, in no order.
    var baselines: some Collection<Baseline> { baselinesBySave.values }
}
