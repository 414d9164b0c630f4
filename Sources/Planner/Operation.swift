/// What a line of a plan does. The raw value is the word in tables, JSON and the database.
public enum Action: String, Hashable, Sendable, CaseIterable {
    case pull, push, remove, conflict
    case noOp = "no_op"
    case hold, skip

    /// Whether a content goes from one side to the other.
    public var movesContent: Bool { self == .pull || self == .push }
}

/// One line of a plan.
public struct Operation: Hashable, Sendable {
    /// Which save, or nil for an entry that is none.
    public let identity: SaveIdentity?
    /// The save's number on the server, or nil when it is not there yet.
    public let saveID: Int64?
    private let place: ShownPath
    /// Bytes that the step moves, or that stand on the device.
    public let size: UInt64
    /// One sentence for people.
    public let reason: String
    /// What is to be done, with all that doing it needs.
    public let step: Step
    /// Whether the save is gone from the device, kept on the server, and not put back.
    public let isGone: Bool

    /// A line of a plan; see the properties.
    public init(
        identity: SaveIdentity?, saveID: Int64?, remotePath: String, size: UInt64, reason: String, step: Step
    ) {
        self.init(
            identity: identity, saveID: saveID, place: .text(remotePath), size: size, reason: reason,
            step: step)
    }

    init(
        identity: SaveIdentity?, saveID: Int64?, place: ShownPath, size: UInt64, reason: String, step: Step,
        isGone: Bool = false
    ) {
        self.identity = identity
        self.saveID = saveID
        self.place = place
        self.size = size
        self.reason = reason
        self.step = step
        self.isGone = isGone
    }

    /// Where it stands, or will stand, on the device: the save directory's path and the path below it, safe to print.
    public var remotePath: String { place.text }

    /// The same line with another step.
    func replacingStep(_ step: Step, reason: String) -> Operation {
        Operation(identity: identity, saveID: saveID, place: place, size: size, reason: reason, step: step)
    }

    /// The word for the step.
    public var action: Action {
        switch step {
        case .pull: .pull
        case .push: .push
        case .remove: .remove
        case .conflict: .conflict
        case .adopt, .markGone, .retire, .nothing: .noOp
        case .hold: .hold
        case .skip: .skip
        }
    }

    /// Whether nothing is done and nothing is worth saying: a save that is in step.
    public var isQuiet: Bool {
        switch step {
        case .nothing, .adopt, .markGone, .retire: true
        case .pull, .push, .remove, .conflict, .hold, .skip: false
        }
    }
}

/// A path on a device, put together and made safe to print when it is asked for: of a long plan hardly any line is shown.
enum ShownPath: Hashable, Sendable {
    case text(String)
    /// The path below a save directory, whose own is safe to print and has a slash at its end.
    case below(String, RelativePath)

    var text: String {
        switch self {
        case .text(let text): text
        case .below(let directory, let path): directory + path.description
        }
    }

    static func == (a: ShownPath, b: ShownPath) -> Bool { a.text == b.text }

    func hash(into hasher: inout Hasher) { hasher.combine(text) }
}

/// What an operation does. Each case carries all that carrying it out needs.
public indirect enum Step: Hashable, Sendable {
    /// The device's content becomes the current version.
    case pull(DeviceSave, DeviceContent)
    /// The version is put on the device.
    case push(ServerVersion, PushTarget)
    /// The device's copy is removed; its content is in the library.
    case remove(DeviceSave, DeviceContent)
    /// Both contents are kept and neither side is touched.
    case conflict(DeviceSave, DeviceContent, with: ServerVersion)
    /// Both sides hold this content: record it, and the stamps it was seen under.
    case adopt(DeviceSave, DeviceContent)
    /// The device no longer has it: remember that this was seen.
    case markGone
    /// Gone on both sides: forget the baseline.
    case retire
    case nothing
    /// The user is asked; nothing is done until then.
    case hold
    /// Left alone. A problem counts as a failure of the run.
    case skip(isProblem: Bool)
}

/// Where a version goes on a device, and what is there now.
public struct PushTarget: Hashable, Sendable {
    /// The save directory's number.
    public let directory: Int64
    /// The file or folder below it.
    public let path: RelativePath
    /// What stands there now.
    public let over: Over
    /// The folders on the way to ``path`` that don't stand below the save directory, from the top down.
    public let missingFolders: [RelativePath]

    /// Where a version goes; see the properties.
    public init(directory: Int64, path: RelativePath, over: Over, missingFolders: [RelativePath] = []) {
        self.directory = directory
        self.path = path
        self.over = over
        self.missingFolders = missingFolders
    }

    /// What a push replaces.
    public enum Over: Hashable, Sendable {
        case nothing
        /// The device's content, which both sides once agreed on.
        case agreed(DeviceSave, DeviceContent)
        /// The device's content, which is kept as a version of its own before it is replaced.
        case preserving(DeviceSave, DeviceContent, as: Preservation)
    }

    /// How a content that a policy decided against is kept.
    public enum Preservation: Hashable, Sendable {
        case archived
        case slot(String)
    }
}
