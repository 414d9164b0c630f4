/// One save that stands on the device, compared with the server: from the verdict to the step that is planned.
struct Comparison {
    let save: DeviceSave
    let knowledge: DeviceKnowledge
    /// Nil where the server has no such save.
    let row: ScopeRow?
    /// The device's name, for the slot that keeps its content.
    let device: String
    /// Seconds since 1970 by the server's clock.
    let now: Int64
    let conflictPolicy: ConflictPolicy
    let deletionPolicy: DeletionPolicy
    /// Whether the user wants the server's content here again.
    let isWantedBack: Bool

    /// The step, its reason in one sentence, and the bytes it moves or that stand there.
    func step() -> (Step, String, size: UInt64) {
        let verdict = compare(
            device: side, server: row?.side ?? .absent, agreed: row?.agreed ?? .never, isWantedBack: isWantedBack)
        switch verdict {
        case .unchanged: return (renewedStamps ?? .nothing, "in step", save.size)
        case .untracked: return (.nothing, "untracked", save.size)
        case .unknown(let reason): return (.skip(isProblem: true), "not read: \(reason)", save.size)
        case .retire, .deletedOnDevice: return (.nothing, "in step", save.size)
        case .adopt: return (content.map { .adopt(save, $0) } ?? .nothing, "both sides are equal", save.size)
        case .deletedOnServer: return deletedOnServer()
        case .pull(let cause): return pull(cause.sentence)
        case .push(let cause): return push(cause.sentence)
        case .conflict(.neverAgreed) where row?.baseline?.agreement == .forgotten: return resolve(.agreementForgotten)
        case .conflict(let cause): return resolve(cause)
        }
    }

    private var content: DeviceContent? {
        if case .read(let content) = knowledge { content } else { nil }
    }

    private var version: ServerVersion? {
        if case .version(let version) = row?.save.content { version } else { nil }
    }

    private var side: DeviceSide {
        switch knowledge {
        case .read(let content): return .content(content.digest, modified: content.modified)
        case .unreadable(let reason): return .unknown(reason: reason)
        case .unchanged:
            guard let digest = row?.agreedDigest else { return .unknown(reason: "its content was not read") }
            return .content(digest, modified: save.files.map(\.stamp.modified).max() ?? 0)
        }
    }

    /// The content is what was agreed on, but the row would say something else about where or under which stamps.
    private var renewedStamps: Step? {
        guard let content, let baseline = row?.baseline, baseline.digest == content.digest,
            !baseline.isUpToDate(with: save, content)
        else { return nil }
        return .adopt(save, content)
    }

    private func pull(_ reason: String) -> (Step, String, size: UInt64) {
        guard let content else { return (.nothing, "in step", save.size) }
        if let blocked { return (.hold, blocked, save.size) }
        return (.pull(save, content), reason, content.size)
    }

    private func push(
        _ reason: String, preserving: PushTarget.Preservation? = nil
    ) -> (Step, String, size: UInt64) {
        guard let version, let content else { return (.nothing, "in step", save.size) }
        if let blocked { return (.hold, blocked, save.size) }
        let over: PushTarget.Over = preserving.map { .preserving(save, content, as: $0) } ?? .agreed(save, content)
        let target = PushTarget(directory: save.directory, path: save.path, over: over)
        return (.push(version, target), reason, version.size)
    }

    private var blocked: String? { version?.blocked(by: save.shape) }

    private func deletedOnServer() -> (Step, String, size: UInt64) {
        switch (deletionPolicy, content) {
        case (.propagate, _?) where !save.foreign.isEmpty:
            (
                .hold,
                "deleted on the server; stays on the device, where its folder has what is not synced: "
                    + save.foreign.map(\.shownPath).joined(separator: ", "), save.size
            )
        case (.propagate, let content?):
            (.remove(save, content), "deleted on the server; its content stays in the library", content.size)
        case (.propagate, nil), (.hold, _):
            (.hold, "deleted on the server; stays on the device", save.size)
        }
    }

    private func resolve(_ cause: ConflictReason) -> (Step, String, size: UInt64) {
        guard let content, let version else { return (.nothing, "in step", save.size) }
        if let blocked { return (.hold, blocked, save.size) }
        let asked = (Step.conflict(save, content, with: version), cause.sentence, size: content.size)
        switch conflictPolicy {
        case .ask:
            return asked
        case .device:
            return pull(cause.sentence + "; policy: the device wins")
        case .server:
            return push(cause.sentence + "; policy: the server wins", preserving: .archived)
        case .keepBoth:
            let slot = "\(save.identity.slot)-\(device)"
            return push(
                cause.sentence + "; policy: both are kept, the device's as slot \(slot)", preserving: .slot(slot))
        case .newest:
            guard isPlausible(content.modified), isPlausible(version.modified), content.modified != version.modified
            else {
                return (asked.0, cause.sentence + "; the times can't tell which is newer", asked.size)
            }
            return content.modified > version.modified
                ? pull(cause.sentence + "; policy: the device's is newer")
                : push(cause.sentence + "; policy: the server's is newer", preserving: .archived)
        }
    }

    /// After 2000, when no handheld had saves, and not later than a day from now.
    private func isPlausible(_ time: Int64) -> Bool {
        time > 946_684_800 && time < now + 86_400
    }
}

extension ServerVersion {
    /// Why this version can't stand where the device has, or had, something of `shape`: a folder never replaces a file,
    /// nor a file a folder.
    func blocked(by shape: SaveShape) -> String? {
        shape == self.shape ? nil : "blocked: a \(shape.rawValue) on the device, a \(self.shape.rawValue) on the server"
    }
}

extension PullReason {
    var sentence: String {
        switch self {
        case .newOnDevice: "new on device"
        case .changedOnDevice: "changed on device"
        case .serverLost: "the server has no content for it"
        case .changedAfterDeletion: "changed on device after it was deleted on the server"
        }
    }
}

extension PushReason {
    var sentence: String {
        switch self {
        case .newOnServer: "new on server"
        case .changedOnServer: "changed on server"
        case .changedAfterDeletion: "changed on server after it was deleted on device"
        case .wantedBack: "put back: it was deleted on device"
        }
    }
}

extension ConflictReason {
    var sentence: String {
        switch self {
        case .bothChanged: "changed on both sides"
        case .neverAgreed: "different on both sides, never synced before"
        case .agreementForgotten: "different on both sides, and what was agreed on before was forgotten"
        case .wantedBack: "to be put back, and the device has another content now"
        }
    }
}
