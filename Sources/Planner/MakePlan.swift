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
    public let knowledge: SaveTable<DeviceKnowledge>
    /// The server's saves, and what was agreed on.
    public let scope: SyncScopeIndex
    /// Valves that the user opened for this plan.
    public let allowed: Set<Valve>

    /// The input of one device's plan; see the properties.
    public init(
        device: String, now: Int64, conflictPolicy: ConflictPolicy, deletionPolicy: DeletionPolicy,
        listings: [DirectoryListing], pairing: Pairing, knowledge: SaveTable<DeviceKnowledge>,
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

    /// What is known of the save at `position` in the pairing.
    func knowledge(at position: Int) -> DeviceKnowledge? {
        knowledge.isAligned(with: pairing.saves)
            ? knowledge.values[position] : knowledge[pairing.saves.values[position].identity.key]
    }
}

/// Pairs, compares, orders, and applies the safety limits. Pure: the same input gives the same plan.
public func makePlan(_ input: PlanInput) -> Plan {
    let places = Places(input.listings)
    let matches = Matches(input.pairing, input.scope)
    let valves = DirectoryValves(input, matches, places: places)
    var drafts = Drafts(capacity: input.scope.rows.count + input.pairing.skipped.count)
    for position in input.pairing.saves.values.indices {
        drafts.add(draft(forSaveAt: position, matches.rows[position], input, places))
    }
    for found in input.pairing.clashes { drafts.add(clash(found, input, places)) }
    for (row, presence) in zip(input.scope.rows, matches.presences) where presence == .nowhere {
        if let draft = draft(forAbsent: row, input, places) { drafts.add(draft) }
    }
    for (directory, entry) in input.pairing.skipped { drafts.add(skipped(entry, in: directory)) }

    var halts = valves.halts
    let blank = holdBlankSaves(&drafts.operations, input, places)
    halts += blank
    if valves.areClosed { halt(&drafts, by: valves, places) }
    drafts.sort()
    return Plan(
        device: input.device, generatedAt: input.now, operations: drafts.operations, halts: halts,
        cards: valves.cards)
}

/// Leaves alone what lies in places whose valves closed.
private func halt(_ drafts: inout Drafts, by valves: DirectoryValves, _ places: Places) {
    for (index, subject) in drafts.subjects.enumerated() {
        guard let subject, !drafts.operations[index].isIdle,
            let halt = valves.halt(over: places.place(of: subject.path, in: subject.directory))
        else { continue }
        let wished = drafts.operations[index]
        let wish = wished.action == .skip ? "" : ", not done: \(wished.action.rawValue)"
        drafts.operations[index] = wished.replacingStep(
            .skip(isProblem: false), reason: "halted by \(halt.valve.rawValue)\(wish)")
    }
}

extension Operation {
    /// Whether it changes neither side nor any record.
    fileprivate var isIdle: Bool { if case .nothing = step { true } else { false } }

    func replacingStep(_ step: Step, reason: String) -> Operation {
        Operation(
            identity: identity, saveID: saveID, remotePath: remotePath, size: size, reason: reason, step: step)
    }
}

/// The operation for a save that stands on the device.
private func draft(forSaveAt position: Int, _ index: Int?, _ input: PlanInput, _ places: Places) -> Draft {
    let save = input.pairing.saves.values[position]
    let row = index.map { input.scope.rows[$0] }
    let knowledge = input.knowledge(at: position) ?? .unreadable(reason: "its content was not read")
    let comparison = Comparison(
        save: save, knowledge: knowledge, row: row, device: input.device, now: input.now,
        conflictPolicy: input.conflictPolicy, deletionPolicy: input.deletionPolicy)
    let (step, reason, size) = comparison.step()
    let operation = Operation(
        identity: row?.save.identity ?? save.identity, saveID: row?.save.id,
        remotePath: places.shownPath(save.directory, save.path), size: size, reason: reason, step: step)
    return (operation, Subject(key: save.identity.key, directory: save.directory, path: save.path))
}

/// The operation for a save that the server knows and the device does not show, or nil when the device has no
/// place for it.
private func draft(forAbsent row: ScopeRow, _ input: PlanInput, _ places: Places) -> Draft? {
    let (server, baseline) = (row.save, row.baseline)
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
    return (operation, Subject(key: server.identity.key, directory: target.directory, path: target.path))
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
    let isUntracked = input.scope.baseline(for: clash.identity.key)?.isUntracked == true
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
    return (operation, Subject(key: clash.identity.key, directory: first.directory, path: first.path))
}

private func skipped(_ entry: SkippedEntry, in directory: SaveDirectory) -> Draft {
    let operation = Operation(
        identity: nil, saveID: nil, remotePath: FileName.escaped(directory.path) + "/" + entry.shownPath, size: 0,
        reason: entry.reason, step: .skip(isProblem: false))
    return (operation, nil)
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
