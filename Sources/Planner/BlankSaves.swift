/// Holds pulls of blank content over a save that had real content: a fresh save must not beat a played one.
struct BlankSaves {
    private let scope: SyncScopeIndex
    private let isAllowed: Bool
    /// What was held, by the save directory's number.
    private var held: [Int64: [String]] = [:]

    init(_ input: PlanInput) {
        scope = input.pairing.scope
        isAllowed = input.allowed.contains(.blankSave)
    }

    /// The operation, or what stands in its place where it is such a pull.
    mutating func hold(_ operation: Operation) -> Operation {
        guard case .pull(let save, let content) = operation.step, content.isBlank, !isAllowed,
            case .version(let current) = scope.server(save.identity.key)?.content, !current.isBlank
        else { return operation }
        held[save.directory, default: []].append(operation.remotePath)
        return operation.replacingStep(
            .hold, reason: "blank on device where a real save was; allow it with --allow \(Valve.blankSave.rawValue)")
    }

    /// One for each directory in which a pull was held.
    func halts(in listings: [DirectoryListing]) -> [Halt] {
        listings.compactMap { listing in
            guard let names = held[listing.directory.id]?.sorted() else { return nil }
            return Halt(
                valve: .blankSave, directory: FileName.escaped(listing.directory.path),
                message: "empty or filled with one byte where a real save was, and held: "
                    + names.joined(separator: ", "))
        }
    }
}
