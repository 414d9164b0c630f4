/// The server's side of one device's run, indexed for the planner: the owner's saves that the device may have or get, and
/// what is known of the device.
public struct SyncScopeIndex: Sendable {
    /// Whose saves they are.
    let owner: String
    /// One for each of those saves, in order of their keys.
    let rows: [ScopeRow]
    /// What was agreed on for saves that are not the owner's, by the save's number.
    let strayBaselines: [Int64: Baseline]
    /// In the order of ``rows``.
    private let keys: KeyPositions<SaveKey>
    /// What the device shows where nothing has to be done.
    let inStep: InStepFiles
    private let cards: [Int64: CardIdentity]
    /// The versions that the user decided to put over what was agreed on, by the save's number.
    private let decisions: [Int64: Set<Int64>]
    /// When the last run of the device that went through to its end began, in seconds since 1970; nil where none is known.
    let lastRun: Int64?
    /// The platforms, folded, of which all the owner's saves are here; nil for every platform.
    private let platforms: Set<String>?

    /// Indexes the saves of `owner` by key and `baselines` by save; each key and each save occurs once. `directories` are
    /// the device's, and `cards` those that they were last seen on, by the directory's number. Of each of `platforms`
    /// (folded; nil for every platform) all saves are given, and of others those that have a baseline. `decisions` are the
    /// versions that the user decided to put on the device over what was agreed on, by the save's number, and `lastRun` is
    /// when the device's last run that went through to its end began, in seconds since 1970.
    public init(
        owner: String, saves: [ServerSave], baselines: [Baseline], directories: [SaveDirectory],
        cards: [Int64: CardIdentity] = [:], platforms: Set<String>? = nil, decisions: [Int64: Set<Int64>] = [:],
        lastRun: Int64? = nil
    ) {
        self.owner = owner
        self.cards = cards
        self.decisions = decisions
        self.lastRun = lastRun
        self.platforms = platforms
        var unclaimed: [Int64: Int] = [:]
        unclaimed.reserveCapacity(baselines.count)
        for (index, baseline) in baselines.enumerated() where unclaimed[baseline.saveID] == nil {
            unclaimed[baseline.saveID] = index
        }
        // The store reads them in this order already, but for names that it sorts by other rules.
        let homes = BaselineHomes(directories)
        var sorted = saves.map { save in
            ScopeRow(save, unclaimed.removeValue(forKey: save.id).map { homes.home(of: baselines[$0], save) })
        }
        sorted.sort { $0.key < $1.key }
        var keys = KeyPositions<SaveKey>(capacity: sorted.count)
        rows = sorted.filter { keys.add($0.key) == nil }
        self.keys = keys
        inStep = InStepFiles(rows, of: owner, in: directories)
        strayBaselines = unclaimed.mapValues { baselines[$0] }
    }

    /// Whether all that a plan needs to know of these platforms (folded) is here.
    public func covers(_ wanted: Set<String>) -> Bool { platforms.map(wanted.isSubset) ?? true }

    /// The place in ``rows`` of the save with this key, or nil when the server has none.
    func row(_ key: SaveKey) -> Int? { keys.position(of: key) }

    /// The server's save with this key, or nil when it has none.
    public func server(_ key: SaveKey) -> ServerSave? { row(key).map { rows[$0].save } }

    /// What the device and the server last agreed on for this save, or nil when they never did. Looks through all of them:
    /// whoever has the key asks ``baseline(for:)``.
    public func baseline(_ save: Int64) -> Baseline? {
        rows.first { $0.save.id == save }?.baseline ?? strayBaselines[save]
    }

    /// The device's baseline for the save with this key.
    public func baseline(for key: SaveKey) -> Baseline? { row(key).flatMap { rows[$0].baseline } }

    /// The card that the directory was last synced on, or nil when that is not known.
    func card(of directory: Int64) -> CardIdentity? { cards[directory] }

    /// Whether the user decided, in a conflict, that this version goes over what was agreed on.
    func isDecided(_ version: ServerVersion, over save: Int64) -> Bool {
        decisions[save]?.contains(version.id) == true
    }

    /// How many saves the server will probably put into `directories`: those whose content differs from what was last
    /// agreed on. Platforms that only a listing can tell are not counted.
    public func likelyPushes(to directories: [SaveDirectory]) -> Int {
        let platforms = Set(directories.filter(\.acceptsNew).compactMap(\.foldedPlatform))
        return rows.count { row in
            guard case .version(let version) = row.save.content, platforms.contains(row.save.identity.key.platform)
            else { return false }
            return row.baseline.map { !$0.isUntracked && $0.digest != version.digest } ?? true
        }
    }
}
