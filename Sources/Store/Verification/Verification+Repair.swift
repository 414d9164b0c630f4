import Planner

/// What a verification changes: orphans move aside, files are copied back. Nothing is removed.
extension Verification {
    /// Nil when a version refers to it by now, or it is gone.
    func orphan(_ libraryPath: String) async throws -> Difference? {
        guard repairs else {
            return Difference(kind: .orphan, libraryPath: libraryPath, version: nil, outcome: .remains)
        }
        do {
            guard let place = try await setOrphanAside(libraryPath) else { return nil }
            return Difference(
                kind: .orphan, libraryPath: libraryPath, version: nil, outcome: .repaired("moved to \(place)"))
        } catch let error as StoreError {
            try Task.checkCancellation()
            return Difference(
                kind: .orphan, libraryPath: libraryPath, version: nil, outcome: .unrepairable(error.description))
        }
    }

    private func setOrphanAside(_ libraryPath: String) async throws -> String? {
        var sha256: Digest?
        if case .file(let found, _) = await library.examine(libraryPath) { sha256 = found }
        let target = try await library.makeOrphanPlace(libraryPath, sha256)
        return try await store.moveOrphan(libraryPath, to: target) ? target : nil
    }

    /// Puts back a file from wherever the library has the same bytes. What stands in its place is kept as an orphan.
    func repair(
        _ entry: StoredVersion.Entry, at libraryPath: String, of recorded: Store.RecordedVersion, _ found: Library.Found
    ) async throws -> Difference.Outcome {
        do {
            guard let source = try await source(of: entry.sha256, notIn: recorded.reference.id) else {
                let holders = try await store.noteLoss(of: recorded.version.digest, in: recorded.reference.save)
                return .unrepairable(
                    "no other copy of it is in the library; restore it from a backup"
                        + (holders.isEmpty
                            ? ""
                            : ", or sync what has it by the record, from where it is stored again: "
                                + holders.joined(separator: ", ")))
            }
            try await library.clearPlace(of: libraryPath, found)
            guard try await library.copy(source, to: libraryPath, expecting: entry.sha256) else {
                return .unrepairable("something else has its place; run it again")
            }
            return .repaired("copied from \(source)")
        } catch let error as StoreError {
            try Task.checkCancellation()
            return .unrepairable(error.description)
        }
    }

    /// What comes of a difference that is not to be repaired here: where the library has no other copy, devices that have the
    /// content by the record are read at their next sync. Where that can't be recorded, it is told without.
    func leave(_ entry: StoredVersion.Entry, of recorded: Store.RecordedVersion) async -> Difference.Outcome {
        guard (try? await source(of: entry.sha256, notIn: recorded.reference.id)) == nil,
            let holders = try? await store.noteLoss(of: recorded.version.digest, in: recorded.reference.save),
            !holders.isEmpty
        else { return .remains }
        return .heldElsewhere(holders)
    }

    /// A file below the library with these bytes, read to be sure.
    private func source(of sha256: Digest, notIn version: Int64) async throws -> String? {
        if let kept = await library.keptOrphan(sha256), case .file(sha256, _) = await library.examine(kept) {
            return kept
        }
        var position: Int64 = 0
        while true {
            let twins = try await store.twins(of: sha256, notIn: version, after: position, limit: 20)
            for twin in twins {
                if case .file(sha256, _) = await library.examine(twin.libraryPath) { return twin.libraryPath }
            }
            guard let last = twins.last else { return nil }
            position = last.version
        }
    }
}
