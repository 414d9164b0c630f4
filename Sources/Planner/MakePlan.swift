/// All that a plan is made of.
public struct PlanInput: Sendable {
    /// The device's name.
    public let device: String
    /// Seconds since 1970 by the server's clock.
    public let now: Int64
    /// What happens when both sides changed.
    public let conflictPolicy: ConflictPolicy
    /// What happens to saves that were deleted on the server.
    public let deletionPolicy: DeletionPolicy
    /// What stands in each save directory.
    public let listings: [DirectoryListing]
    /// Which saves the listings hold.
    public let pairing: Pairing
    /// One for each save in the pairing; a missing one counts as unknown.
    public let knowledge: [SaveKey: DeviceKnowledge]
    /// The server's saves, and what was agreed on.
    public let scope: SyncScopeIndex
    /// Valves that the user opened for this plan.
    public let allowed: Set<Valve>

    /// The input of one device's plan; see the properties.
    public init(
        device: String, now: Int64, conflictPolicy: ConflictPolicy, deletionPolicy: DeletionPolicy,
        listings: [DirectoryListing], pairing: Pairing, knowledge: [SaveKey: DeviceKnowledge],
        scope: SyncScopeIndex, allowed: Set<Valve> = []
    ) {
        self.device = device
        self.now = now
        self.conflictPolicy = conflictPolicy
        self.deletionPolicy = deletionPolicy
        self.listings = listings
        self.pairing = pairing
        self.knowledge = knowledge
        self.scope = scope
        self.allowed = allowed
    }
}

/// Pairs, compares, orders, and applies the safety limits. Pure: the same input gives the same plan.
public func makePlan(_ input: PlanInput) -> Plan {
    let places = Places(input.listings)
    let valves = DirectoryValves(input, places: places)
    var drafts: [Draft] = []
    drafts += input.pairing.saves.values.map { draft(for: $0, input, places) }
    drafts += input.pairing.clashes.map { clash($0, input, places) }
    drafts += input.scope.saves.compactMap { draft(forAbsent: $0, input, places) }
    drafts += input.pairing.skipped.map { skipped($0.entry, in: $0.directory) }

    var halts = valves.halts
    let blank = holdBlankSaves(&drafts, input, places)
    halts += blank
    for index in drafts.indices {
        guard let halt = valves.halt(over: drafts[index].place), !drafts[index].operation.isIdle else { continue }
        let wished = drafts[index].operation
        let wish = wished.action == .skip ? "" : ", not done: \(wished.action.rawValue)"
        drafts[index].operation = wished.replacingStep(
            .skip(isProblem: false), reason: "halted by \(halt.valve.rawValue)\(wish)")
    }
    return Plan(
        device: input.device, generatedAt: input.now, operations: ordered(drafts), halts: halts,
        cards: valves.cards)
}

/// An operation with the place whose valves rule over it.
struct Draft {
    var operation: Operation
    /// Nil where no directory is concerned.
    let place: Place?
}

/// By what is done, then by platform, game, kind and slot; entries that are no saves come last, by path.
private func ordered(_ drafts: [Draft]) -> [Operation] {
    // Sorted are small keys, because operations are costly to move and there may be very many.
    let keys = drafts.indices.map { index in
        let operation = drafts[index].operation
        return (rank: operation.step.rank, key: operation.identity?.key, index: index)
    }
    return keys.sorted { a, b in
        if a.rank != b.rank { return a.rank < b.rank }
        switch (a.key, b.key) {
        case (let key?, let other?) where key != other: return key < other
        case (.some, nil): return true
        case (nil, .some): return false
        default: return drafts[a.index].operation.remotePath < drafts[b.index].operation.remotePath
        }
    }.map { drafts[$0.index].operation }
}

extension Step {
    /// Contents are brought to safety before anything is replaced, and what is left alone comes last.
    fileprivate var rank: Int {
        switch self {
        case .pull: 0
        case .conflict: 1
        case .adopt, .markGone, .retire: 2
        case .push: 3
        case .remove: 4
        case .hold: 5
        case .skip: 6
        case .nothing: 7
        }
    }
}

extension Operation {
    /// Whether it changes neither side nor any record.
    fileprivate var isIdle: Bool { step == .nothing }

    func replacingStep(_ step: Step, reason: String) -> Operation {
        Operation(
            identity: identity, saveID: saveID, remotePath: remotePath, size: size, reason: reason, step: step)
    }
}

/// The operation for a save that stands on the device.
private func draft(for save: DeviceSave, _ input: PlanInput, _ places: Places) -> Draft {
    let key = save.identity.key
    let server = input.scope.server(key)
    let baseline = server.flatMap { input.scope.baseline($0.id) }
    let knowledge = input.knowledge[key] ?? .unreadable(reason: "its content was not read")
    let comparison = Comparison(save: save, knowledge: knowledge, server: server, baseline: baseline, input: input)
    let (step, reason, size) = comparison.step()
    let operation = Operation(
        identity: server?.identity ?? save.identity, saveID: server?.id,
        remotePath: places.shownPath(save.directory, save.path), size: size, reason: reason, step: step)
    return Draft(operation: operation, place: places.place(of: save.path, in: save.directory))
}

/// The operation for a save that the server knows and the device does not show, or nil when the device has no
/// place for it.
private func draft(forAbsent server: ServerSave, _ input: PlanInput, _ places: Places) -> Draft? {
    let key = server.identity.key
    guard input.pairing.saves[key] == nil, !input.pairing.claims(key) else { return nil }
    let baseline = input.scope.baseline(server.id)
    let version: ServerVersion?
    if case .version(let current) = server.content { version = current } else { version = nil }

    let target: Target
    if let baseline {
        guard let known = places.target(of: baseline) else { return nil }
        target = known
    } else {
        guard let version, let free = places.target(for: server.identity, version) else { return nil }
        target = free
    }
    let verdict = compare(device: target.side, server: server.side, agreed: baseline.agreed)
    let (step, reason): (Step, String) =
        switch verdict {
        case .push(let cause):
            version.map { push($0, to: target, whichWas: baseline?.shape, because: cause) }
                ?? (.nothing, "the server has no content")
        case .deletedOnDevice:
            (baseline?.isGone == true ? .nothing : .markGone, "deleted on device; kept on the server, not put back")
        case .retire: (.retire, "gone on both sides")
        case .unknown(let reason): (.skip(isProblem: false), "unknown: \(reason)")
        case .untracked: (.nothing, "untracked")
        case .unchanged, .adopt, .pull, .conflict, .deletedOnServer: (.nothing, "on neither side")
        }
    let operation = Operation(
        identity: server.identity, saveID: server.id, remotePath: places.shownPath(target.directory, target.path),
        size: step.isPush ? version?.size ?? 0 : 0, reason: reason, step: step)
    return Draft(operation: operation, place: places.place(of: target.path, in: target.directory))
}

private func push(
    _ version: ServerVersion, to target: Target, whichWas shape: SaveShape?, because cause: PushReason
) -> (Step, String) {
    if let blocked = shape.flatMap(version.blocked) { return (.hold, blocked) }
    if let obstacle = target.obstacle { return (.skip(isProblem: true), obstacle) }
    return (
        .push(version, PushTarget(directory: target.directory, path: target.path, over: .nothing)), cause.sentence
    )
}

/// Two places on the device that map to one save: nothing is written to either.
private func clash(_ clash: Pairing.Clash, _ input: PlanInput, _ places: Places) -> Draft {
    let server = input.scope.server(clash.identity.key)
    let names = clash.saves.map { places.shownPath($0.directory, $0.path) }.joined(separator: " and ")
    let first = clash.saves[0]
    let isUntracked = server.flatMap { input.scope.baseline($0.id) }?.isUntracked == true
    let (step, reason): (Step, String) =
        if isUntracked {
            (.nothing, "untracked")
        } else if clash.isSameNameInTwoForms {
            (.hold, "ambiguous: \(names) are one name in two forms; rename or remove one of them on the device")
        } else {
            (
                .skip(isProblem: true),
                "pairing error: \(names) are the same save; keep one, or give them different directories"
            )
        }
    let operation = Operation(
        identity: server?.identity ?? clash.identity, saveID: server?.id,
        remotePath: places.shownPath(first.directory, first.path), size: first.size, reason: reason, step: step)
    return Draft(operation: operation, place: places.place(of: first.path, in: first.directory))
}

private func skipped(_ entry: SkippedEntry, in directory: SaveDirectory) -> Draft {
    let operation = Operation(
        identity: nil, saveID: nil, remotePath: FileName.escaped(directory.path) + "/" + entry.shownPath, size: 0,
        reason: entry.reason, step: .skip(isProblem: false))
    return Draft(operation: operation, place: nil)
}

extension Pairing {
    /// Whether two places claim this key.
    fileprivate func claims(_ key: SaveKey) -> Bool {
        clashes.contains { $0.identity.key == key }
    }
}

extension Step {
    var isPush: Bool { if case .push = self { true } else { false } }
}

extension ServerSave {
    /// This save's part in a comparison.
    var side: ServerSide {
        switch content {
        case .absent: .absent
        case .version(let version): .content(version.digest, modified: version.modified)
        case .deleted(let last): .deleted(last: last)
        }
    }
}

extension Optional<Baseline> {
    /// What was agreed on, for a comparison.
    var agreed: Agreed {
        guard let self else { return .never }
        if self.isUntracked { return .untracked }
        return switch self.agreement {
        case .content(let digest): .content(digest)
        case .times(let device, let server): .times(device: device, server: server)
        }
    }
}
