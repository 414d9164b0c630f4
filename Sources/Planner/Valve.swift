/// A safety limit that stops one directory, or one save, until the user says that it is meant.
///
/// The raw value is the code in JSON and the word that `--allow` takes.
public enum Valve: String, Hashable, Sendable, CaseIterable {
    /// A save directory does not exist.
    case directoryMissing = "directory-missing"
    /// A save directory, or a folder in it, could not be listed.
    case directoryUnreadable = "directory-unreadable"
    /// A directory that held saves holds nothing at all.
    case directoryEmptied = "directory-emptied"
    /// The directory lies, or seems to lie, on another card than before: most of the tracked saves are not as they were.
    case cardChanged = "card-changed"
    /// More than half of the tracked saves (from four up) vanished at once.
    case massDeletion = "mass-deletion"
    /// All of the tracked saves (from twenty up) changed at once.
    case massChange = "mass-change"
    /// A content that is empty or one repeated byte would take the place of another one.
    case blankSave = "blank-save"
    /// The beginning of a content would take the place of the whole.
    case truncatedSave = "truncated-save"
    /// A content would take the place of one of quite another size: another form of the same memory, or a choice that a policy
    /// can't make.
    case sizeChanged = "size-changed"

    /// Whether the user can let it pass for one plan; what can't be read stays unknown whatever the user says.
    public var canBeAllowed: Bool {
        switch self {
        case .directoryMissing, .directoryUnreadable: false
        case .directoryEmptied, .cardChanged, .massDeletion, .massChange, .blankSave, .truncatedSave, .sizeChanged: true
        }
    }

    /// Whether it closes for saves that vanished and for nothing else: putting them back deduces nothing.
    var isAboutLoss: Bool { self == .directoryEmptied || self == .massDeletion }
}

/// A valve that closed, for one directory.
public struct Halt: Hashable, Sendable {
    /// Which limit it is.
    public let valve: Valve
    /// Path on the device.
    public let directory: String
    /// What was found and what was not done because of it.
    public let message: String

    /// The argument that lets it pass for one plan, or nil where nothing can.
    public var override: String? { valve.override }

    /// The command that takes nothing away on either side, or nil where there is none.
    public func remedy(for device: String) -> String? { valve.remedy(for: device) }

    /// What the user can do about it, one sentence each, the harmless one first.
    public func waysOut(for device: String) -> [String] { valve.waysOut(for: device) }
}

extension Valve {
    /// The argument that lets it pass for one plan, or nil where nothing can.
    fileprivate var override: String? { canBeAllowed ? "--allow \(rawValue)" : nil }

    /// The command that takes nothing away on either side, or nil where there is none.
    fileprivate func remedy(for device: String) -> String? {
        if isAboutLoss { return "saveferry sync \(device) --put-back" }
        return self == .cardChanged ? "saveferry device reset \(device)" : nil
    }

    /// What the user can do about it where it closed, one sentence each, the harmless one first.
    public func waysOut(for device: String) -> [String] {
        let purpose = self == .cardChanged ? "compare the new card afresh" : "have the saves there again"
        return [
            remedy(for: device).map { "To \(purpose), run `\($0)`." },
            override.map { "If it is meant, run `saveferry sync \(device) \($0)`." },
        ].compactMap(\.self)
    }
}
