/// The limits on single saves: holds what would put a content in place of one that the player would miss.
///
/// They are the same in both directions, under every policy and for saves that were deleted. Only what the user chose, by
/// restoring a version or in a conflict, passes without a word.
struct ContentLimits {
    private let scope: SyncScopeIndex
    private let allowed: Set<Valve>
    /// What was held, by the save directory's number.
    private var held: [Int64: [Valve: [String]]] = [:]

    init(_ input: PlanInput) {
        scope = input.pairing.scope
        allowed = input.allowed
    }

    /// The operation, or what stands in its place where it meets a limit. `directory` is the number of the one that it is for.
    mutating func hold(_ operation: Operation, in directory: Int64) -> Operation {
        guard operation.action.movesContent, let identity = operation.identity, let row = scope.row(identity.key),
            let exchange = Exchange(operation.step, scope.rows[row], scope),
            let (valve, finding) = exchange.limit(identity),
            !allowed.contains(valve)
        else { return operation }
        held[directory, default: [:]][valve, default: []].append(operation.remotePath)
        return operation.replacingStep(.hold, reason: "\(finding); allow it with --allow \(valve.rawValue)")
    }

    /// One for each directory and each limit that something in it met.
    func halts(in listings: [DirectoryListing]) -> [Halt] {
        guard !held.isEmpty else { return [] }
        return listings.flatMap { listing in
            Valve.allCases.compactMap { valve in
                guard let names = held[listing.directory.id]?[valve]?.sorted() else { return nil }
                return Halt(
                    valve: valve, directory: FileName.escaped(listing.directory.path),
                    message: "\(valve.findings), and held: \(names.joined(separator: ", "))\(valve.advice)")
            }
        }
    }
}

extension Valve {
    /// What the limit finds in the saves of a directory.
    fileprivate var findings: String {
        switch self {
        case .blankSave: "empty or filled with one byte where a real save was"
        case .truncatedSave: "only the beginning of the save that was there, as a full card leaves it"
        default: "of quite another size than what was there"
        }
    }

    /// What else can be done than to let it pass.
    fileprivate var advice: String {
        let choice = "`saveferry device edit NAME --conflicts ask` lets you choose."
        return self == .sizeChanged
            ? ". Where two emulators keep one memory in two forms, `saveferry untrack` keeps them apart; where a policy chose, "
                + choice
            : ". Where a policy chose, \(choice)"
    }
}

/// A content that is to take another one's place.
private struct Exchange {
    let old: Side
    let new: Side
    /// Where the new content comes from, for people.
    let source: String
    /// Whether the new content is only the beginning of the old one.
    let isTruncated: Bool
    /// Whether something else than the content that was agreed on chose the new one.
    let isByPolicy: Bool

    struct Side {
        let size: UInt64
        let shape: SaveShape
        let isBlank: Bool

        init(_ version: ServerVersion) {
            (size, shape, isBlank) = (version.size, version.shape, version.isBlank)
        }

        init(_ save: DeviceSave, _ content: DeviceContent) {
            (size, shape, isBlank) = (content.size, save.shape, content.isBlank)
        }

        /// What stood where nothing stands any more: there is nothing to lose, and its size says in which form the device has
        /// it. Nil where that is not known.
        init?(gone baseline: Baseline) {
            guard !baseline.entries.isEmpty else { return nil }
            size = baseline.entries.reduce(0) { $0 &+ $1.stamp.size }
            (shape, isBlank) = (baseline.shape, true)
        }
    }

    /// Nil where nothing takes another content's place, and where the user chose the one that does.
    init?(_ step: Step, _ row: ScopeRow, _ scope: SyncScopeIndex) {
        switch step {
        case .pull(let save, let content):
            guard let replaced = row.save.content.newest else { return nil }
            (old, new, source) = (Side(replaced), Side(save, content), "device")
            isTruncated = content.truncation == .onDevice
            if case .deleted = row.side {
                isByPolicy = false
            } else {
                isByPolicy = row.agreed != .content(replaced.digest)
            }
        case .push(let version, let target):
            switch target.over {
            case .nothing:
                guard let last = row.baseline.flatMap({ Side(gone: $0) }) else { return nil }
                (old, new, source, isTruncated, isByPolicy) = (last, Side(version), "server", false, false)
            case .agreed where version.isRestored || scope.isDecided(version, over: row.save.id): return nil
            case .agreed(let save, let content), .preserving(let save, let content, as: _):
                (old, new, source) = (Side(save, content), Side(version), "server")
                isTruncated = content.truncation == .onServer
                isByPolicy = row.agreed != .content(content.digest)
            }
        default: return nil
        }
    }

    /// The limit that the exchange meets, with what was found as one clause, or nil.
    func limit(_ identity: SaveIdentity) -> (Valve, String)? {
        if new.isBlank, !old.isBlank { return (.blankSave, "blank on \(source) where a real save was") }
        if isTruncated, !new.isBlank {
            return (.truncatedSave, "cut off on \(source): only the first \(new.size) bytes of the save")
        }
        let sizes = "\(new.size) bytes on \(source) where \(old.size) were"
        if isOtherForm(identity) {
            return (
                .sizeChanged, "\(sizes), another form of it: an emulator that keeps the one may not read the other"
            )
        }
        if isByPolicy, !old.isBlank, new.size.isFar(from: old.size) {
            return (.sizeChanged, "\(sizes): too different to be decided by a policy")
        }
        return nil
    }

    /// Whether two emulators keep the same memory in another form: what stands beside a game's save has one size in each,
    /// and the image of a cartridge's memory has that of a chip.
    private func isOtherForm(_ identity: SaveIdentity) -> Bool {
        guard old.size > 0, old.size != new.size, old.shape == .file, new.shape == .file, identity.kind == .save else {
            return false
        }
        if SaveFileName.isCompanion(slot: identity.key.slot) { return true }
        return old.size.isOfMemoryChip && new.size.isOfMemoryChip && new.size.isFar(from: old.size)
    }
}

extension UInt64 {
    /// Whether this is less than half or more than twice of `other`.
    fileprivate func isFar(from other: UInt64) -> Bool {
        let (small, large) = (Swift.min(self, other), Swift.max(self, other))
        return large / 2 > small || large / 2 == small && large % 2 == 1
    }

    /// A power of two from 256 bytes (MBC2) on.
    fileprivate var isOfMemoryChip: Bool { self >= 256 && nonzeroBitCount == 1 }
}
