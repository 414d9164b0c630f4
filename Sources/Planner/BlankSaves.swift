/// Holds pulls of blank content over a save that had real content: a fresh save must not beat a played one.
///
/// Returns one halt for each directory in which a pull was held.
func holdBlankSaves(_ operations: inout [Operation], _ input: PlanInput, _ places: Places) -> [Halt] {
    guard !input.allowed.contains(.blankSave) else { return [] }
    var held: [Int64: [String]] = [:]
    for index in operations.indices {
        guard case .pull(let save, let content) = operations[index].step, content.isBlank,
            case .version(let current) = input.scope.server(save.identity.key)?.content, !current.isBlank
        else { continue }
        let operation = operations[index]
        operations[index] = operation.replacingStep(
            .hold, reason: "blank on device where a real save was; allow it with --allow \(Valve.blankSave.rawValue)")
        held[save.directory, default: []].append(operation.remotePath)
    }
    return input.listings.compactMap { listing in
        guard let names = held[listing.directory.id]?.sorted() else { return nil }
        return Halt(
            valve: .blankSave, directory: FileName.escaped(listing.directory.path),
            message: "empty or filled with one byte where a real save was, and held: \(names.joined(separator: ", "))")
    }
}
