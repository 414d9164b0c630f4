import GRDB
import Planner

extension Store {
    /// A place for a run to receive files, in a library that is in its place (``requireLibrary()``). What runs that died left
    /// is removed first, also what they had put into the library and did not live to record.
    public func openStaging() async throws(StoreError) -> Staging {
        try await requireLibrary()
        let abandoned = await library.abandonedPlacements()
        if !abandoned.isEmpty { try await removeUnrecorded(abandoned) }
        return try await library.openStaging()
    }

    /// Ends the use of a run's staging: what did not become a version is removed, and so is what could not be recorded.
    public func close(_ staging: Staging) async {
        let placements = await staging.unsettledPlacements()
        // Where the database can't be asked, a file too many is left in the library.
        if !placements.isEmpty { try? await uncancelled { store in try await store.removeUnrecorded(placements) } }
        await staging.discard()
    }

    /// Copies a version's files as a version of another identity, and has it recorded. What could not be is removed.
    func withCopy<Value: Sendable>(
        of version: StoredVersion, as identity: SaveIdentity,
        record: (StoredVersion) async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let staging = try await openStaging()
        do {
            let copy: StoredVersion
            do {
                copy = try await library.copy(version, as: identity, in: staging)
            } catch {
                throw try await loss(of: version) ?? StoreError(database: error)
            }
            let value = try await record(copy)
            await close(staging)
            return value
        } catch {
            await close(staging)
            throw StoreError(database: error)
        }
    }

    private func uncancelled(_ work: @escaping @Sendable (Store) async throws -> Void) async throws {
        try await Task { try await work(self) }.value
    }

    private func removeUnrecorded(_ placements: [PlacementJournal.Placement]) async throws(StoreError) {
        let unrecorded = try await read { db in
            let find = try db.cachedStatement(sql: "SELECT 1 FROM save_versions WHERE library_path = ?")
            return try placements.filter { try Int.fetchOne(find, arguments: [$0.libraryPath]) == nil }
        }
        await library.remove(unrecorded)
    }
}
