import Planner
import Testing

/// The contents of the decision table: x, y, z differ, and the same letter is the same content everywhere.
func digest(_ letter: Character) -> Digest {
    guard let digest = Digest(bytes: [UInt8](repeating: letter.asciiValue ?? 0, count: 32)) else { fatalError() }
    return digest
}

func path(_ text: String) -> RelativePath {
    guard let path = RelativePath(text) else { fatalError("\(text) is no path") }
    return path
}

/// One device and the server, set up in the notation of the behaviour cases, and taken through pairing, survey and plan
/// as a run takes them: only what the survey asks for counts as read.
struct Fixture {
    static let deviceTime: Int64 = 1_700_000_000
    static let serverTime: Int64 = 1_700_001_000

    var directories = [
        SaveDirectory(id: 1, path: "/saves/gba", platform: .named("gba"), extensions: ["srm", "sav", "rtc"])
    ]
    var conflictPolicy = ConflictPolicy.ask
    var deletionPolicy = DeletionPolicy.hold
    var now: Int64 = 1_750_000_000
    /// Listings that failed or were interfered with, by the directory's number.
    var states: [Int64: DirectoryListing.State] = [:]
    var contents: [Int64: DirectoryListing.Contents] = [:]
    /// The cards that the directories lie on, and those that are remembered, by the directory's number.
    var cards: [Int64: CardIdentity] = [:]
    var knownCards: [Int64: CardIdentity] = [:]
    private(set) var servers: [ServerSave] = []
    private(set) var baselines: [Baseline] = []
    private var letters: [Int64: [RelativePath: Character]] = [:]
    private var truncations: [Int64: [RelativePath: DeviceContent.Truncation]] = [:]
    /// What the user decided in conflicts, and when the last run was.
    var decisions: [Int64: Set<Int64>] = [:]
    var lastRun: Int64?

    /// The letter that stands for blank content.
    static let blank: Character = "0"

    /// What one save is beyond its three contents.
    struct Save {
        var fileExtension = "srm"
        var directory: Int64 = 1
        var platform = "gba"
        var slot = SaveIdentity.mainSlot
        var prefix = ""
        var deviceTime = Fixture.deviceTime
        /// When the device had what was agreed on; nil for just before.
        var agreedTime: Int64?
        var serverTime = Fixture.serverTime
        var isUntracked = false
        var isGone = false
        var isWantedBack = false
        var serverShape = SaveShape.file
        var deviceSize: UInt64 = 100
        var serverSize: UInt64 = 100
        var truncation: DeviceContent.Truncation?
        var isRestored = false
    }

    /// Adds a save as `device/server/baseline`: a letter, `-` for absent, `deleted` for the server's tombstone.
    mutating func add(_ game: String, _ sides: String, _ save: Save = Save()) {
        let parts = sides.split(separator: "/").map(String.init)
        let place = path(save.prefix + game + "." + save.fileExtension)
        let stamp = Stamp(size: save.deviceSize, modified: save.deviceTime)
        if let letter = parts[0].first, letter != "-" { stand(place, letter, in: save.directory, stamp) }
        if let truncation = save.truncation { truncations[save.directory, default: [:]][place] = truncation }
        let identity = SaveIdentity(owner: "anna", platform: save.platform, game: game, kind: .save, slot: save.slot)
        let id = Int64(servers.count + 1)
        guard parts[1] != "-" || parts[2] != "-" else { return }
        servers.append(
            ServerSave(id: id, identity: identity, content: content(parts[1], was: parts[2], id, place.name, save)))
        guard let agreed = parts[2].first, agreed != "-" || save.isUntracked else { return }
        // A stamp that is not the listed one makes the survey ask for the content.
        let isChanged = parts[0] != parts[2]
        let old = isChanged ? Stamp(size: save.deviceSize, modified: save.agreedTime ?? save.deviceTime - 1) : stamp
        baselines.append(
            Baseline(
                saveID: id, directory: save.directory, path: place, shape: .file, agreement: .content(digest(agreed)),
                entries: [EntryBaseline(path: place, stamp: old, state: .settled)], isUntracked: save.isUntracked,
                isGone: save.isGone, isWantedBack: save.isWantedBack))
    }

    private func content(
        _ text: String, was agreed: String, _ id: Int64, _ name: String, _ save: Save
    ) -> ServerSave.Content {
        switch text {
        case "-": return .absent
        case "deleted": return .deleted(last: agreed.first.map { version($0, id, name, save) })
        default: return .version(version(text.first ?? "x", id, name, save))
        }
    }

    private func version(_ letter: Character, _ id: Int64, _ name: String, _ save: Save) -> ServerVersion {
        ServerVersion(
            id: id * 10, digest: digest(letter), shape: save.serverShape, size: save.serverSize,
            isBlank: letter == Fixture.blank, originalName: name, modified: save.serverTime,
            isRestored: save.isRestored)
    }

    /// Puts a file with this content on the device.
    mutating func stand(
        _ path: RelativePath, _ letter: Character, in directory: Int64 = 1,
        _ stamp: Stamp = Stamp(size: 100, modified: deviceTime)
    ) {
        contents[directory, default: .init()].files.append(ListedFile(path: path, stamp: stamp))
        letters[directory, default: [:]][path] = letter
    }

    mutating func add(server save: ServerSave) { servers.append(save) }
    mutating func add(_ baseline: Baseline) { baselines.append(baseline) }

    var scope: SyncScopeIndex {
        SyncScopeIndex(
            owner: "anna", saves: servers, baselines: baselines, directories: directories, cards: knownCards,
            decisions: decisions, lastRun: lastRun)
    }

    /// As much of the server's side as a run loads: all saves of the listed platforms, and what was agreed on.
    var narrowScope: SyncScopeIndex {
        let platforms = listings.reduce(into: Set()) { $0.formUnion($1.platforms) }
        let agreed = Set(baselines.map(\.saveID))
        return SyncScopeIndex(
            owner: "anna",
            saves: servers.filter { platforms.contains($0.identity.key.platform) || agreed.contains($0.id) },
            baselines: baselines, directories: directories, cards: knownCards, platforms: platforms,
            decisions: decisions, lastRun: lastRun)
    }

    var listings: [DirectoryListing] {
        directories.map { directory in
            let state = states[directory.id] ?? .listed(contents[directory.id] ?? .init())
            return DirectoryListing(directory: directory, state: state, card: cards[directory.id])
        }
    }

    var pairing: Pairing { Pairing(listings: listings, scope: scope) }

    /// The saves that the survey wants read.
    var surveyed: [DeviceSave] { survey(pairing, deletions: deletionPolicy) }

    /// The plan, which is the same whether the whole of the server's side is known or what a run loads of it.
    func plan(
        allowing allowed: Set<Valve> = [], puttingBack putBack: PutBack? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> Plan {
        let plan = plan(of: pairing, allowing: allowed, puttingBack: putBack)
        let narrow = Pairing(listings: listings, scope: narrowScope)
        #expect(
            self.plan(of: narrow, allowing: allowed, puttingBack: putBack) == plan, sourceLocation: sourceLocation)
        return plan
    }

    func plan(of pairing: Pairing, allowing allowed: Set<Valve> = [], puttingBack putBack: PutBack? = nil) -> Plan {
        var knowledge: [SaveKey: DeviceKnowledge] = [:]
        for save in survey(pairing, deletions: deletionPolicy) {
            knowledge[save.identity.key] = .read(content(of: save))
        }
        return makePlan(
            PlanInput(
                device: "deck", now: now, conflictPolicy: conflictPolicy, deletionPolicy: deletionPolicy,
                pairing: pairing, knowledge: knowledge, allowed: allowed, putBack: putBack))
    }

    /// A folder's content is told by its files' contents together, as the canonical hash tells it.
    func content(of save: DeviceSave) -> DeviceContent {
        let read = save.files.map { ($0, letters[save.directory]?[$0.path] ?? "?") }
        let whole = read.reduce(UInt8(0)) { $0 &* 31 &+ ($1.1.asciiValue ?? 0) }
        return DeviceContent(
            digest: Digest(bytes: [UInt8](repeating: whole, count: 32)) ?? digest("?"),
            isBlank: read.allSatisfy { $0.1 == Fixture.blank },
            entries: read.map { file, letter in
                DeviceContent.Entry(path: file.path, sha256: digest(letter), stamp: file.stamp, state: .settled)
            }, truncation: truncations[save.directory]?[save.path])
    }
}

extension Plan {
    /// One line an operation, for a failing row to print: `pull Metroid: changed on device`.
    var lines: [String] {
        operations.map { "\($0.action.rawValue) \($0.identity?.game ?? $0.remotePath): \($0.reason)" }
    }

    /// The only operation of a plan that must have no other.
    var only: Operation? { operations.count == 1 ? operations.first : nil }

    func actions(_ game: String) -> [Action] {
        operations.filter { $0.identity?.game == game }.map(\.action)
    }
}

extension Fixture {
    /// A device whose one directory holds a folder for each save.
    static var folders: Fixture {
        var fixture = Fixture()
        fixture.directories = [SaveDirectory(id: 1, path: "/saves/psp", platform: .named("psp"), layout: .folders)]
        return fixture
    }

    /// The server's side, and the row, of a folder save that stands in ``folders``.
    mutating func addFolder(_ game: String, server: Character, baseline: Character, shape: SaveShape = .folder) {
        let id = Int64(servers.count + 1)
        let version = ServerVersion(
            id: id * 10, digest: digest(server), shape: shape, size: 200, isBlank: false, originalName: game,
            modified: Fixture.serverTime)
        let identity = SaveIdentity(owner: "anna", platform: "psp", game: game, kind: .save)
        add(server: ServerSave(id: id, identity: identity, content: .version(version)))
        add(
            Baseline(
                saveID: id, directory: 1, path: path(game), shape: .folder, agreement: .content(digest(baseline)),
                entries: []))
    }
}
