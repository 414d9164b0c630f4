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
    /// Which saves the device has, and what the server has of them.
    public let pairing: Pairing
    /// Of each save that the survey wanted to be read; a missing one counts as unknown.
    public let knowledge: [SaveKey: DeviceKnowledge]
    /// Valves that the user opened for this plan.
    public let allowed: Set<Valve>
    /// Which saves that are gone from the device are put there again; nil for none.
    public let putBack: PutBack?

    /// The input of one device's plan; see the properties.
    public init(
        device: String, now: Int64, conflictPolicy: ConflictPolicy, deletionPolicy: DeletionPolicy, pairing: Pairing,
        knowledge: [SaveKey: DeviceKnowledge], allowed: Set<Valve> = [], putBack: PutBack? = nil
    ) {
        self.device = device
        self.now = now
        self.conflictPolicy = conflictPolicy
        self.deletionPolicy = deletionPolicy
        self.pairing = pairing
        self.knowledge = knowledge
        self.allowed = allowed
        self.putBack = putBack
    }

    /// Seconds since the last run of the device that went through to its end, or nil where that is not known.
    var sinceLastRun: Int64? { pairing.scope.lastRun.map { now - $0 } }

    /// What is known of a save in the pairing.
    func knowledge(of paired: PairedSave) -> DeviceKnowledge {
        if !knowledge.isEmpty, let known = knowledge[paired.save.identity.key] { return known }
        return pairing.mustRead(paired, deletionPolicy)
            ? .unreadable(reason: "its content was not read") : .unchanged
    }

    /// The content that was read of the save at `position` in the pairing.
    func readContent(at position: Int) -> DeviceContent? {
        guard !knowledge.isEmpty, case .read(let content) = knowledge[pairing.saves[position].save.identity.key]
        else { return nil }
        return content
    }
}

/// Compares, in order of the keys, and applies the safety limits. Pure: the same input gives the same plan.
public func makePlan(_ input: PlanInput) -> Plan {
    let pairing = input.pairing
    let places = Places(pairing.listings)
    let valves = DirectoryValves(input, places: places)
    var drafts = Drafts(
        input, valves, places, capacity: pairing.count + pairing.skipped.count)
    let others = draftsBesideRows(input, places)
    var removed = RemovedFolders()
    var next = 0
    for (row, presence) in zip(pairing.scope.rows, pairing.presences) {
        while next < others.count, let key = others[next].operation.identity?.key, key < row.key {
            drafts.add(others[next])
            next += 1
        }
        switch presence {
        case .inStep: if let operation = operation(inStep: row, places) { drafts.append(operation) }
        case .once(let position): drafts.add(draft(for: pairing.saves[Int(position)], row, input, places))
        case .nowhere:
            if let draft = draft(forAbsent: row, input, places) {
                drafts.add(draft)
                if draft.lacksFolder { removed.note(draft) }
            }
        case .inSeveralPlaces: break
        }
    }
    others[next...].forEach { drafts.add($0) }
    for operation in removed.operations(places, valves) { drafts.append(operation) }
    for operation in pairing.skipped.map(skipped).sorted(by: { $0.remotePath < $1.remotePath }) {
        drafts.append(operation)
    }
    drafts.sortByRank()
    return Plan(
        device: input.device, generatedAt: input.now, operations: drafts.operations,
        halts: valves.halts + drafts.limits.halts(in: pairing.listings), cards: valves.cards)
}

/// The operations for saves that the server doesn't have and for clashes, in order of their keys.
private func draftsBesideRows(_ input: PlanInput, _ places: Places) -> [Draft] {
    var drafts = input.pairing.clashes.map { clash($0, input.pairing.scope, places) }
    for paired in input.pairing.saves where paired.row == nil { drafts.append(draft(for: paired, nil, input, places)) }
    return drafts.sorted { a, b in
        guard let key = a.operation.identity?.key, let other = b.operation.identity?.key else { return false }
        return key < other
    }
}

/// The operation for a save that was in step at first sight.
private func operation(inStep row: ScopeRow, _ places: Places) -> Operation? {
    row.inStepFile.map { file in
        Operation(
            identity: row.save.identity, saveID: row.save.id, place: places.shownPath(file.directory, file.path),
            size: file.stamp.size, reason: "in step", step: .nothing)
    }
}

/// The operation for a save that stands on the device; `row` is what the server has of it.
private func draft(for paired: PairedSave, _ row: ScopeRow?, _ input: PlanInput, _ places: Places) -> Draft {
    let save = paired.save
    let comparison = Comparison(
        save: save, knowledge: input.knowledge(of: paired), row: row, device: input.device, now: input.now,
        conflictPolicy: input.conflictPolicy, deletionPolicy: input.deletionPolicy,
        isWantedBack: row.map { input.putBack?.wants(standing: $0) == true } ?? false)
    let (step, reason, size) = comparison.step()
    let operation = Operation(
        identity: row?.save.identity ?? save.identity, saveID: row?.save.id,
        place: places.shownPath(save.directory, save.path), size: size, reason: reason, step: step)
    return Draft(operation: operation, directory: save.directory, path: save.path)
}

/// The operation for a save that the server knows and the device does not show, or nil when the device has no
/// place for it.
private func draft(forAbsent row: ScopeRow, _ input: PlanInput, _ places: Places) -> Draft? {
    let (server, baseline) = (row.save, row.baseline)
    let version: ServerVersion?
    if case .version(let current) = server.content { version = current } else { version = nil }

    let target: Target
    if let baseline {
        guard let known = places.target(of: baseline, row) else { return nil }
        target = known
    } else {
        guard let version, let free = places.target(for: server.identity, version) else { return nil }
        target = free
    }
    let isAskedFor = baseline != nil && input.putBack?.wants(row) == true
    let isWantedBack = isAskedFor || baseline?.isWantedBack == true
    let verdict = compare(
        device: target.side, server: server.side, agreed: baseline.agreed, isWantedBack: isWantedBack)
    let gone: Step = baseline?.isGone == true ? .nothing : .markGone
    var isGone = false
    let (step, reason): (Step, String)
    switch verdict {
    case .push where target.lacksPlatformFolder && !isAskedFor:
        (step, reason, isGone) = (gone, "no folder for its platform here; kept on the server", true)
    case .push(let cause):
        (step, reason) =
            version.map { push($0, to: target, places, whichWas: baseline?.shape, because: cause) }
            ?? (.nothing, "the server has no content")
    case .deletedOnDevice:
        (step, reason, isGone) = (gone, "deleted on device; kept on the server, not put back", true)
    case .retire: (step, reason) = (.retire, "gone on both sides")
    case .unknown(let cause): (step, reason) = (.skip(isProblem: false), "left alone: \(cause)")
    case .untracked: (step, reason) = (.nothing, "untracked")
    case .unchanged, .adopt, .pull, .conflict, .deletedOnServer: (step, reason) = (.nothing, "on neither side")
    }
    let operation = Operation(
        identity: server.identity, saveID: server.id, place: places.shownPath(target.directory, target.path),
        size: step.isPush ? version?.size ?? 0 : 0, reason: reason, step: step, isGone: isGone)
    return Draft(
        operation: operation, directory: target.directory, path: target.path,
        isWantedBack: isAskedFor && step.isPush,
        lacksFolder: target.lacksPlatformFolder && step == .markGone)
}

private func push(
    _ version: ServerVersion, to target: Target, _ places: Places, whichWas shape: SaveShape?,
    because cause: PushReason
) -> (Step, String) {
    if let blocked = shape.flatMap(version.blocked) { return (.hold, blocked) }
    if let obstacle = target.obstacle { return (.skip(isProblem: true), obstacle) }
    let place = PushTarget(
        directory: target.directory, path: target.path, over: .nothing,
        missingFolders: places.missingFolders(above: target.path, in: target.directory))
    return (.push(version, place), cause.sentence)
}

/// Two places on the device that map to one save: nothing is written to either.
private func clash(_ clash: Pairing.Clash, _ scope: SyncScopeIndex, _ places: Places) -> Draft {
    let server = scope.server(clash.identity.key)
    let names = clash.saves.map { places.shownPath($0.directory, $0.path).text }.joined(separator: " and ")
    let first = clash.saves[0]
    let isUntracked = scope.baseline(for: clash.identity.key)?.isUntracked == true
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
        place: places.shownPath(first.directory, first.path), size: first.size, reason: reason, step: step)
    return Draft(operation: operation, directory: first.directory, path: first.path)
}

private func skipped(_ directory: SaveDirectory, _ entry: SkippedEntry) -> Operation {
    Operation(
        identity: nil, saveID: nil, remotePath: FileName.escaped(directory.path) + "/" + entry.shownPath, size: 0,
        reason: entry.reason, step: .skip(isProblem: false))
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
        case .deleted(let last): .deleted(last: last?.digest)
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
        case .forgotten: .never
        }
    }
}
