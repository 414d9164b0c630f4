import ArgumentParser
import Planner
import Store

/// Which open conflicts are meant.
struct ConflictFilter: ParsableArguments {
    @Option(help: ArgumentHelp("Only of this device.", valueName: "name"), completion: .deviceNames)
    var device: String?
    @Option(help: "Only of this platform.") var platform: String?

    /// Whether every conflict is meant.
    var isEmpty: Bool { device == nil && platform == nil }

    /// The open conflicts that are meant, oldest first. Throws for a device that does not exist.
    func conflicts(in store: Store) async throws -> [ConflictSummary] {
        let name = if let device { try await store.device(named: device).settings.name } else { String?.none }
        let folded = platform.map(NameFolding.platform)
        return try await store.conflicts().filter { conflict in
            (name == nil || conflict.deviceName == name)
                && (folded == nil || NameFolding.platform(conflict.identity.platform) == folded)
        }
    }
}
