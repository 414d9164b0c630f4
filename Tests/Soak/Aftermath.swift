import Foundation

/// What is found when the story is over and the daemon has ended: the library, the devices, the database and the state
/// directory, looked at from outside.
struct Aftermath: Sendable {
    /// A run as the database has it.
    struct Run: Decodable, Sendable {
        let id: Int
        let deviceName: String
        let status: String
        /// Why it failed, or the first of its operations that did.
        let reason: String?
        let startedAt: Int
        let endedAt: Int?
        let pulled: Int, pushed: Int, conflicts: Int, bytes: Int
    }

    private struct HeldSave: Decodable {
        let sessionId: Int
        let remotePath: String
    }

    private struct Current: Decodable {
        let owner: String
        let libraryPath: String
    }

    let runs: [Run]
    /// Of each device, the games that a run left alone, by the run's number.
    private let held: [Int: Set<String>]
    /// Every file of a version in the library.
    let library: [SaveContent.Recognition]
    /// The server's current contents, by owner.
    private let current: [String: Set<SaveContent.Recognition>]
    /// What stands on each handheld, by file name.
    private let devices: [[String: SaveContent.Recognition]]
    /// Names in save directories that no player gave.
    let leftovers: [String]
    /// Runs of processes that have ended, which still have files in the library's staging folder.
    let staging: [String]
    /// Leases that a process still holds.
    let leases: [String]
    private let handhelds: [Handheld]

    init(_ ferry: Ferry, _ handhelds: [Handheld]) async throws {
        self.handhelds = handhelds
        runs = try await ferry.rows(
            """
            SELECT id, device_name, status, started_at, ended_at, pulled, pushed, conflicts, bytes,
                COALESCE(error, (SELECT error FROM sync_operations o
                    WHERE o.session_id = s.id AND o.status = 'FAILED' LIMIT 1)) AS reason
            FROM sync_sessions s ORDER BY id
            """)
        let rows: [HeldSave] = try await ferry.rows(
            "SELECT session_id, remote_path FROM sync_operations WHERE action IN ('hold', 'skip')")
        held = Dictionary(grouping: rows, by: \.sessionId).mapValues { Set($0.map(\.remotePath)) }
        library = Aftermath.files(below: ferry.home("library")).map(Aftermath.content)
        let versions: [Current] = try await ferry.rows(
            """
            SELECT s.owner, v.library_path FROM saves s JOIN save_versions v ON v.id = s.current_version_id
            WHERE s.deleted_at IS NULL
            """)
        current = Dictionary(grouping: versions, by: \.owner).mapValues { versions in
            // What is torn on both sides is not in step for that.
            Set(versions.map { Aftermath.content(ferry.home("library/\($0.libraryPath)")) }).subtracting([.torn])
        }
        devices = handhelds.map { handheld in
            let names = handheld.names().map { ($0, Aftermath.content("\(handheld.saves)/\($0)")) }
            return Dictionary(uniqueKeysWithValues: names)
        }
        leftovers = handhelds.flatMap { handheld in
            handheld.names().filter { !$0.hasPrefix("Game ") || !$0.hasSuffix(".srm") }.map {
                "\(handheld.name): \($0)"
            }
        }
        staging = Aftermath.files(below: ferry.home("library/.saveferry/staging"), hidden: true)
        leases = Aftermath.files(below: ferry.home("state/leases")).filter(Aftermath.isLocked)
    }

    // MARK: What follows from it

    /// What was kept of what the players wrote.
    func loss(_ writings: [Writing]) -> Loss {
        let kept = (library + devices.flatMap(\.values)).compactMap { content -> Int? in
            if case .whole(let number) = content { number } else { nil }
        }
        var records: [Int: [Loss.Run]] = [:]
        let byName = Dictionary(grouping: runs, by: \.deviceName)
        for (index, handheld) in handhelds.enumerated() {
            records[index] = (byName[handheld.name] ?? []).map { run in
                let games = writings.lazy.filter { $0.device == index }.map(\.game)
                let paths = held[run.id] ?? []
                return Loss.Run(
                    id: run.id, isCompleted: run.status == "COMPLETED", ended: run.endedAt,
                    held: paths.isEmpty ? [] : Set(games.filter { paths.contains(handheld.path($0)) }))
            }
        }
        return Loss(writings, kept: Set(kept), runs: records)
    }

    /// Files that are no save and no beginning of one, in the library and on devices.
    var torn: Int { (library + devices.flatMap(\.values)).count { $0 == .torn } }

    /// Versions that were read while the player was still writing them, and then once more.
    var beginnings: Int {
        library.count { if case .beginning = $0 { true } else { false } }
    }

    /// Saves on devices that are not the server's current content.
    var outOfStep: [String] {
        zip(handhelds, devices).flatMap { handheld, files in
            files.filter { !(current[handheld.owner] ?? []).contains($0.value) }
                .map { "\(handheld.name): \($0.key) is \($0.value)" }.sorted()
        }
    }

    // MARK: Files

    private static func content(_ path: String) -> SaveContent.Recognition {
        FileManager.default.contents(atPath: path).map { SaveContent.recognise(Array($0)) } ?? .torn
    }

    /// Paths of all files below a folder; without `hidden` only those that no folder or name beginning with a dot hides.
    private static func files(below folder: String, hidden: Bool = false) -> [String] {
        (FileManager.default.subpaths(atPath: folder) ?? []).filter { path in
            var isFolder: ObjCBool = false
            let isShown = hidden || !path.split(separator: "/").contains { $0.hasPrefix(".") }
            return isShown && FileManager.default.fileExists(atPath: "\(folder)/\(path)", isDirectory: &isFolder)
                && !isFolder.boolValue
        }.map { "\(folder)/\($0)" }
    }

    private static func isLocked(_ path: String) -> Bool {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_EX | LOCK_NB) != 0
    }
}
