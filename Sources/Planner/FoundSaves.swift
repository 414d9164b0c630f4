/// A save on a device, with what the server has of it.
public struct PairedSave: Sendable {
    /// The save as it stands on the device.
    public let save: DeviceSave
    /// The place in ``SyncScopeIndex/rows``, or nil where the server has no such save.
    let row: Int?
}

/// The saves of a pairing in the making.
struct FoundSaves {
    private(set) var saves: [PairedSave] = []
    /// One for each row of the scope.
    private(set) var presences: [Pairing.Presence]
    /// All saves that share a key with another one.
    private(set) var rivals: [SaveKey: [DeviceSave]] = [:]
    private let scope: SyncScopeIndex
    /// The keys of saves that the server does not have, and the places of those saves.
    private var strangers = KeyPositions<SaveKey>(capacity: 0)
    private var strangerPositions: [Int] = []

    init(_ scope: SyncScopeIndex) {
        self.scope = scope
        presences = Array(repeating: .nowhere, count: scope.rows.count)
    }

    /// Adds a save for every file whose name says that it is one.
    mutating func addFiles(_ files: [ListedFile], of directory: SaveDirectory) {
        let reader = SaveFileReader(directory)
        let knowsInStep = scope.inStep.areKnown(in: directory)
        for file in files {
            if knowsInStep, let row = scope.inStep.row(of: file, in: directory.id), presences[row] == .nowhere {
                presences[row] = .inStep
            } else if let save = reader.save(of: file, owner: scope.owner) {
                add(save)
            }
        }
    }

    mutating func add(_ save: DeviceSave) {
        let row = scope.row(save.identity.key)
        if let rival = rival(of: save, row) {
            rivals[save.identity.key, default: [rival]].append(save)
        } else {
            saves.append(PairedSave(save: save, row: row))
        }
    }

    /// An earlier save with the same key, or nil after this one was noted as the first.
    private mutating func rival(of save: DeviceSave, _ row: Int?) -> DeviceSave? {
        guard let row else {
            if let known = strangers.add(save.identity.key) { return saves[strangerPositions[known]].save }
            strangerPositions.append(saves.count)
            return nil
        }
        switch presences[row] {
        case .nowhere, .inSeveralPlaces:
            presences[row] = .once(Int32(saves.count))
            return nil
        case .once(let position): return saves[Int(position)].save
        case .inStep: return scope.inStep.save(scope.rows[row], of: scope.owner)
        }
    }

    /// Takes out what shares a key with another save.
    mutating func leaveOutRivals() {
        guard !rivals.isEmpty else { return }
        saves.removeAll { rivals[$0.save.identity.key] != nil }
        for key in rivals.keys {
            if let row = scope.row(key) { presences[row] = .inSeveralPlaces }
        }
        for (position, paired) in saves.enumerated() {
            if let row = paired.row { presences[row] = .once(Int32(position)) }
        }
    }
}
