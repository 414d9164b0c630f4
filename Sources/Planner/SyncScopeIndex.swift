/// The server's side of one device's run, indexed for the planner: the owner's saves, and what is known of the device.
public struct SyncScopeIndex: Sendable {
    private let serversByKey: [SaveKey: ServerSave]
    private let baselinesBySave: [Int64: Baseline]
    private let cards: [Int64: CardIdentity]

    /// Indexes `saves` by key and `baselines` by save; each key and each save occurs once. `cards` are those that the
    /// device's save directories were last seen on, by the directory's number.
    public init(saves: [ServerSave], baselines: [Baseline], cards: [Int64: CardIdentity] = [:]) {
        self.cards = cards
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

    /// The card that the directory was last synced on, or nil when that is not known.
    func card(of directory: Int64) -> CardIdentity? { cards[directory] }

    /// How many saves the server will probably put into `directories`: those whose content differs from what was last
    /// agreed on. Platforms that only a listing can tell are not counted.
    public func likelyPushes(to directories: [SaveDirectory]) -> Int {
        let platforms = Set(
            directories.compactMap { directory -> String? in
                guard case .named(let name) = directory.platform, directory.acceptsNew else { return nil }
                return NameFolding.platform(name)
            })
        return saves.count { save in
            guard case .version(let version) = save.content, platforms.contains(save.identity.key.platform) else {
                return false
            }
            return baselinesBySave[save.id].map { !$0.isUntracked && $0.digest != version.digest } ?? true
        }
    }

    /// All of the owner's saves, in no order.
    var saves: some Collection<ServerSave> { serversByKey.values }
    /// All of the device's baselines, in no order.
    var baselines: some Collection<Baseline> { baselinesBySave.values }
}
