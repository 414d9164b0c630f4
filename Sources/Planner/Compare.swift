/// One side's part in a comparison.
public enum DeviceSide: Hashable, Sendable {
    case absent
    /// Nothing may be concluded: the directory could not be read, or the content could not.
    case unknown(reason: String)
    /// `modified` in seconds since 1970 by the device's clock.
    case content(Digest, modified: Int64)
}

/// One side's part in a comparison.
public enum ServerSide: Hashable, Sendable {
    case absent
    case deleted(last: Digest?)
    /// `modified` in seconds since 1970.
    case content(Digest, modified: Int64)
}

/// What was agreed on before.
public enum Agreed: Hashable, Sendable {
    case never
    case content(Digest)
    /// Imported: only times are known, in seconds since 1970 by each side's clock.
    case times(device: Int64, server: Int64)
    /// The user keeps this device and this save apart.
    case untracked
}

/// What follows from comparing a device, the server and their baseline.
public enum Verdict: Hashable, Sendable {
    /// Nothing to do and nothing to record.
    case unchanged
    /// Both sides are equal and the baseline is not: record the agreement.
    case adopt
    case pull(because: PullReason)
    case push(because: PushReason)
    case conflict(because: ConflictReason)
    /// The device no longer has it; the server keeps it and does not put it back.
    case deletedOnDevice
    /// The user deleted it on the server; the device still has the content that was agreed on.
    case deletedOnServer
    /// Gone on both sides: the baseline has no further use.
    case retire
    case untracked
    case unknown(reason: String)
}

/// Why the device's content is taken.
public enum PullReason: Hashable, Sendable { case newOnDevice, changedOnDevice, serverLost, changedAfterDeletion }
/// Why the server's content is given.
public enum PushReason: Hashable, Sendable { case newOnServer, changedOnServer, changedAfterDeletion, wantedBack }
/// Why nobody but the user can decide.
public enum ConflictReason: Hashable, Sendable { case bothChanged, neverAgreed, agreementForgotten, wantedBack }

/// The shared comparison engine: the one place where an action is chosen.
///
/// Total and deterministic. Contents decide; times are looked at only for an imported baseline that has nothing else.
///
/// - Parameter isWantedBack: the user wants the server's content on the device again: what is gone there is pushed, and
///   another content that stands there is not taken for the player's next step.
public func compare(
    device: DeviceSide, server: ServerSide, agreed: Agreed, isWantedBack: Bool = false
) -> Verdict {
    if agreed == .untracked { return .untracked }
    switch (device, server) {
    case (.unknown(let reason), _):
        return .unknown(reason: reason)
    case (.absent, .absent):
        return .unchanged
    case (.absent, .deleted):
        return agreed == .never ? .unchanged : .retire
    case (.absent, .content(let there, let time)):
        return whenDeviceHasNone(server: there, serverTime: time, agreed: agreed, isWantedBack: isWantedBack)
    case (.content, .absent):
        return .pull(because: agreed == .never ? .newOnDevice : .serverLost)
    case (.content(let here, let time), .deleted(let last)):
        return whenServerDeleted(last: last, device: here, deviceTime: time, agreed: agreed)
    case (.content(let here, _), .content(let there, _)) where here == there:
        return agreed == .content(here) ? .unchanged : .adopt
    case (.content(let here, let deviceTime), .content(let there, let serverTime)):
        switch agreed {
        case .content(there): return isWantedBack ? .conflict(because: .wantedBack) : .pull(because: .changedOnDevice)
        case .content(here): return .push(because: .changedOnServer)
        case .content: return .conflict(because: .bothChanged)
        case .times(let oldDevice, let oldServer):
            switch (deviceTime > oldDevice, serverTime > oldServer) {
            case (true, false):
                return isWantedBack ? .conflict(because: .wantedBack) : .pull(because: .changedOnDevice)
            case (false, true): return .push(because: .changedOnServer)
            case (true, true): return .conflict(because: .bothChanged)
            case (false, false): return .unchanged
            }
        case .never, .untracked: return .conflict(because: .neverAgreed)
        }
    }
}

private func whenDeviceHasNone(
    server: Digest, serverTime: Int64, agreed: Agreed, isWantedBack: Bool
) -> Verdict {
    let deleted: Verdict = isWantedBack ? .push(because: .wantedBack) : .deletedOnDevice
    return switch agreed {
    case .never, .untracked: .push(because: .newOnServer)
    case .content(server): deleted
    case .content: .push(because: .changedAfterDeletion)
    case .times(_, let old): serverTime > old ? .push(because: .changedAfterDeletion) : deleted
    }
}

private func whenServerDeleted(last: Digest?, device: Digest, deviceTime: Int64, agreed: Agreed) -> Verdict {
    switch agreed {
    case .content(device): .deletedOnServer
    // A device that never took part but holds the very content that was deleted does not bring it back.
    case .never, .untracked: device == last ? .deletedOnServer : .pull(because: .newOnDevice)
    case .content: .pull(because: .changedAfterDeletion)
    case .times(let old, _): deviceTime > old ? .pull(because: .changedAfterDeletion) : .deletedOnServer
    }
}
