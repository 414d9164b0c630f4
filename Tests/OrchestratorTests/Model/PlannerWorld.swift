import Planner

/// The planner with a server and devices that are only values: each step of a plan is carried out at once and never fails.
final class PlannerWorld: World {
    private struct File {
        var content: Int
        var modified: Int64
    }

    private struct Version {
        let content: Int
        let modified: Int64
    }

    private var devices = Array(repeating: [Int: File](), count: Scale.devices)
    private var seconds: Int64 = 0
    /// By save; the index is the version's number.
    private var versions: [Int: [Version]] = [:]
    private var current: [Int: Int] = [:]
    private var deleted: Set<Int> = []
    private var archived: [Int: Set<Int>] = [:]
    private var baselines = Array(repeating: [Int: Baseline](), count: Scale.devices)
    private var conflicts = Array(repeating: [Int: Int](), count: Scale.devices)

    private let directory = SaveDirectory(id: 1, path: "/saves", platform: .named("gba"))
    private var moment: Moment { Moment(boot: "this", nanoseconds: seconds * 1_000_000_000) }

    // MARK: Players and users

    func write(_ content: Int, device: Int, game: Int, time: Int?) {
        let modified = time.map(Int64.init) ?? devices[device][game]?.modified ?? 0
        devices[device][game] = File(content: content, modified: modified)
    }

    func remove(device: Int, game: Int) { devices[device][game] = nil }
    func wait(seconds more: Int) { seconds += Int64(more) }
    func delete(game: Int) { deleted.insert(game) }
    func restore(_ content: Int, game: Int) {
        addVersion(content, game, modified: 1_800_000_000 + seconds)
        for device in baselines.indices where baselines[device][game]?.digest == digest(content) {
            baselines[device][game] = baselines[device][game]?.changed(isWantedBack: true)
        }
    }

    func resolve(device: Int, game: Int, keepDevice: Bool) {
        guard let content = conflicts[device].removeValue(forKey: game) else { return }
        if keepDevice { addVersion(content, game, modified: 1_800_000_000 + seconds) }
        agree(device, game, DeviceContent(digest: digest(content), isBlank: false, entries: []))
        conflicts[device][game] = nil
    }

    // MARK: What there is

    func deviceContent(device: Int, game: Int) -> Int? { devices[device][game]?.content }
    func hasConflict(device: Int, game: Int) -> Bool { conflicts[device][game] != nil }

    func serverContent(game: Int) -> Oracle.Server {
        guard let index = current[game], let content = versions[game]?[index].content else { return .never }
        return deleted.contains(game) ? .deleted(last: content) : .holds(content)
    }

    func library(game: Int) -> Set<Int> {
        Set((versions[game] ?? []).map(\.content)).union(archived[game] ?? [])
    }

    // MARK: A sync

    func sync(device: Int) throws -> Int {
        let listings = [listing(device)]
        let scope = SyncScopeIndex(
            owner: "default", saves: servers(), baselines: Array(baselines[device].values), directories: [directory])
        let pairing = Pairing(listings: listings, scope: scope)
        let policy: DeletionPolicy = Scale.propagates(device) ? .propagate : .hold
        var knowledge: [SaveKey: DeviceKnowledge] = [:]
        for save in survey(pairing, deletions: policy) {
            knowledge[save.identity.key] = .read(try read(save, device))
        }
        let plan = makePlan(
            PlanInput(
                device: "device\(device)", now: 1_800_000_000 + seconds, conflictPolicy: .ask, deletionPolicy: policy,
                pairing: pairing, knowledge: knowledge))
        var moved = 0
        for operation in plan.operations where try carryOut(operation, device) { moved += 1 }
        return moved
    }

    private func listing(_ device: Int) -> DirectoryListing {
        let saves = devices[device].compactMap { game, file in
            RelativePath(Scale.fileName(game)).map {
                ListedFile(path: $0, stamp: Stamp(size: 64, modified: file.modified))
            }
        }
        // Something that is no save, so that an empty directory is not taken for a missing card.
        let other = RelativePath("readme.txt").map { ListedFile(path: $0, stamp: Stamp(size: 1, modified: 0)) }
        return DirectoryListing(directory: directory, state: .listed(.init(files: saves + [other].compactMap { $0 })))
    }

    private func servers() -> [ServerSave] {
        versions.keys.map { game in
            let content: ServerSave.Content
            if let index = current[game], let version = versions[game]?[index] {
                let newest = ServerVersion(
                    id: Int64(game * 10_000 + index), digest: digest(version.content), shape: .file, size: 64,
                    isBlank: false, originalName: Scale.fileName(game), modified: version.modified)
                content = deleted.contains(game) ? .deleted(last: newest) : .version(newest)
            } else {
                content = .absent
            }
            return ServerSave(id: Int64(game), identity: identity(game), content: content)
        }
    }

    private func read(_ save: DeviceSave, _ device: Int) throws -> DeviceContent {
        let game = try game(of: save.identity)
        guard let file = devices[device][game], let listed = save.files.first else { throw Impossible() }
        let previous = baselines[device][game]?.entries.first
        return DeviceContent(
            digest: digest(file.content), isBlank: false,
            entries: [
                DeviceContent.Entry(
                    path: listed.path, sha256: digest(file.content), stamp: listed.stamp,
                    state: .afterRead(of: listed.stamp, previous: previous, listed: moment, readBegan: moment))
            ])
    }

    /// Returns whether anything moved or a conflict was newly recorded.
    private func carryOut(_ operation: Operation, _ device: Int) throws -> Bool {
        guard let identity = operation.identity else { return false }
        let game = try game(of: identity)
        switch operation.step {
        case .pull(_, let content):
            addVersion(try number(content.digest), game, modified: content.modified)
            agree(device, game, content)
        case .push(let version, let target):
            if case .agreed(_, let old) = target.over { archived[game, default: []].insert(try number(old.digest)) }
            devices[device][game] = File(content: try number(version.digest), modified: version.modified)
            let stamp = Stamp(size: 64, modified: version.modified)
            agree(
                device, game,
                DeviceContent(
                    digest: version.digest, isBlank: false,
                    entries: [
                        DeviceContent.Entry(
                            path: target.path, sha256: version.digest, stamp: stamp,
                            state: .unsettled(firstListed: moment))
                    ]))
        case .remove(_, let content):
            archived[game, default: []].insert(try number(content.digest))
            devices[device][game] = nil
            baselines[device][game] = nil
        case .conflict(_, let content, with: _):
            let number = try number(content.digest)
            archived[game, default: []].insert(number)
            baselines[device][game] = baselines[device][game]?.changed(entries: [])
            defer { conflicts[device][game] = number }
            return conflicts[device][game] != number
        case .adopt(_, let content):
            agree(device, game, content)
            return false
        case .markGone:
            baselines[device][game] = baselines[device][game]?.changed(isGone: true)
            return false
        case .retire:
            baselines[device][game] = nil
            return false
        case .nothing, .hold, .skip:
            return false
        }
        return true
    }

    private func addVersion(_ content: Int, _ game: Int, modified: Int64) {
        versions[game, default: []].append(Version(content: content, modified: modified))
        current[game] = (versions[game]?.count ?? 1) - 1
        deleted.remove(game)
    }

    private func agree(_ device: Int, _ game: Int, _ content: DeviceContent) {
        guard let path = RelativePath(Scale.fileName(game)) else { return }
        baselines[device][game] = Baseline(
            saveID: Int64(game), directory: directory.id, path: path, shape: .file, agreement: .content(content.digest),
            entries: content.entries.map { EntryBaseline(path: $0.path, stamp: $0.stamp, state: $0.state) })
        conflicts[device][game] = nil
    }

    // MARK: Contents and games as the planner has them

    private struct Impossible: Error {}

    private func identity(_ game: Int) -> SaveIdentity {
        SaveIdentity(owner: "default", platform: "gba", game: "Game \(game)", kind: .save)
    }

    private func game(of identity: SaveIdentity) throws -> Int {
        guard let game = identity.game.split(separator: " ").last.flatMap({ Int($0) }) else { throw Impossible() }
        return game
    }

    private func digest(_ content: Int) -> Digest {
        let text = String(content, radix: 16)
        guard let digest = Digest(hex: String(repeating: "0", count: 64 - text.count) + text) else {
            preconditionFailure("64 digits are a digest")
        }
        return digest
    }

    private func number(_ digest: Digest) throws -> Int {
        guard let number = Int(digest.hex, radix: 16) else { throw Impossible() }
        return number
    }
}

extension Baseline {
    fileprivate func changed(
        entries: [EntryBaseline]? = nil, isGone: Bool? = nil, isWantedBack: Bool? = nil
    ) -> Baseline {
        Baseline(
            saveID: saveID, directory: directory, path: path, shape: shape, agreement: agreement,
            entries: entries ?? self.entries, isUntracked: isUntracked, isGone: isGone ?? self.isGone,
            isWantedBack: isWantedBack ?? self.isWantedBack)
    }
}
