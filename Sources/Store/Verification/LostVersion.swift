import GRDB
import Planner

/// A version of which the library has not all files as they were stored.
struct LostVersion: Sendable {
    let reference: VersionReference
    /// Absolute path of the first file that is gone or has other bytes.
    let path: String
    /// Whether that file is gone; else it is another than was stored.
    let isGone: Bool
    /// Names of the devices that have the same content by the record, in order.
    let holders: [String]

    /// The failure of whatever needs the version.
    var failure: StoreError {
        let reading = "\(reference.identity.shown) version \(reference.number)"
        let others = "restore the file from a backup, or make another version current with `saveferry restore`."
        return StoreError(
            .corrupt,
            "the library's file of \(reading) is \(isGone ? "gone" : "not what was stored"): \(FileName.escaped(path))",
            advice: holders.isEmpty
                ? "Run `saveferry verify --repair`, which puts back what there is another copy of; else \(others)"
                : "A sync of \(holders.joined(separator: ", ")) puts it back: the same content is there by the record. "
                    + "Else run `saveferry verify --repair`, \(others)")
    }
}

extension Store {
    /// The failure that it is to need this version, where one of its files is gone from the library or damaged; nil when the
    /// library has all of it. Reads all of it, so that it is asked only where something is amiss. Unless it is for a dry run, the
    /// next runs of devices that have the same content by the record read it and heal the version.
    ///
    /// Throws when the library is not in its place, or the database can't be used.
    public func loss(
        of version: StoredVersion, isDryRun: Bool = false
    ) async throws(StoreError) -> StoreError? {
        guard let (path, isGone) = await library.damage(to: version) else { return nil }
        try await requireLibrary()
        let recorded = try await read { db in
            try fetchRecorded(where: "v.library_path = ?", [version.libraryPath], db).first
        }
        guard let reference = recorded?.reference else { return nil }
        let holders = try await noteLoss(of: version.digest, in: reference.save, isDryRun: isDryRun)
        return LostVersion(reference: reference, path: path, isGone: isGone, holders: holders).failure
    }

    /// Lets the next runs of the devices that agreed on this content of a save read it, whatever its stamps say. Returns their
    /// names, in order; none where the library is not in its place. One transaction, none where there is no such device. A save
    /// that the user deleted is left as it is: nothing would be stored of it.
    func noteLoss(
        of content: Digest, in save: Int64, isDryRun: Bool = false
    ) async throws(StoreError) -> [String] {
        let holders = """
            save_id = ? AND content_hash = ? AND is_gone = 0 AND is_untracked = 0
                AND EXISTS (SELECT 1 FROM saves WHERE id = save_id AND deleted_at IS NULL)
            """
        let arguments: StatementArguments = [save, content.data]
        let names = try await read { db in
            try String.fetchAll(
                db,
                sql: """
                    SELECT name FROM devices WHERE id IN (SELECT device_id FROM device_save_sync WHERE \(holders)) ORDER BY name
                    """, arguments: arguments)
        }
        guard !names.isEmpty, (try? await requireLibrary()) != nil else { return [] }
        guard !isDryRun else { return names }
        try await write { db in
            try db.execute(
                sql:
                    "DELETE FROM device_save_entries WHERE sync_id IN (SELECT id FROM device_save_sync WHERE \(holders))",
                arguments: arguments)
        }
        return names
    }

    /// Those of the versions with these numbers of which the library has not all files: by their sizes, and with `reading` by
    /// their bytes.
    public func lostVersions(among ids: [Int64], reading: Bool) async throws(StoreError) -> Set<Int64> {
        guard !ids.isEmpty else { return [] }
        let versions = try await versions(ids)
        let whole = await library.wholeVersions(among: versions, reading: reading)
        return Set(versions.keys).subtracting(whole)
    }

    /// Puts the files of a version that the library lost back from contents that were received, durable when it returns. What
    /// stood in their places is kept as an orphan.
    ///
    /// Returns which version it is; nil when these contents are not its bytes, or it is not on record any more. Fails with what
    /// keeps the library from taking them.
    public func heal(
        _ version: Int64, with contents: [StagedContent]
    ) async -> Result<VersionReference?, StoreError> {
        do throws(StoreError) {
            let recorded = try await read { db in try fetchRecorded(where: "v.id = ?", [version], db).first }
            guard let recorded, try await library.heal(recorded.version, with: contents) else { return .success(nil) }
            return .success(recorded.reference)
        } catch {
            return .failure(error)
        }
    }
}
