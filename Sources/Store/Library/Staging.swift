import Glibc
import Planner
import Synchronization

import struct Crypto.SHA256

/// Where one run receives files before they are versions: a folder in the library, so that a version is made by
/// giving a file its final name.
public actor Staging {
    private nonisolated let disk: DiskExecutor
    /// The actor runs on its own thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { disk.asUnownedSerialExecutor() }
    nonisolated let folder: String
    private nonisolated let next = Mutex(0)
    private var isMade = false
    /// Held while this run lives; what nobody holds was left by a run that died.
    private var lock: Int32 = -1

    init(folder: String, disk: DiskExecutor) {
        self.folder = folder
        self.disk = disk
    }

    /// A place for a run that keeps nothing; it makes a folder only for a file too large to be hashed in memory.
    public static func discarding() -> Staging {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        return Staging(folder: "\(base)/saveferry-\(UInt64.random(in: .min ... .max))", disk: DiskExecutor())
    }

    /// A new file to receive bytes into. With `keep` false only its hashes are wanted.
    public nonisolated func file(keep: Bool) -> StagedFile {
        StagedFile(path: "\(folder)/\(number())", staging: self, keep: keep, disk: disk)
    }

    private nonisolated func number() -> Int {
        next.withLock { next in
            next += 1
            return next
        }
    }

    /// A path for a folder to be built in.
    func folderPath() throws(StoreError) -> String {
        try make()
        return "\(folder)/\(number())"
    }

    /// Makes the folder, once.
    func make() throws(StoreError) {
        guard !isMade else { return }
        _ = try FileCalls.makeFolders(folder)
        lock = open("\(folder)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        flock(lock, LOCK_EX | LOCK_NB)
        isMade = true
    }

    /// Removes everything that did not become a version.
    public func discard() {
        guard isMade else { return }
        FileCalls.removeTree(folder)
        close(lock)
        isMade = false
    }

    /// What was put into the library since the last call of ``settle()``.
    func unsettledPlacements() -> [PlacementJournal.Placement] {
        isMade ? PlacementJournal(staging: folder).placements() : []
    }

    /// Everything that was put into the library so far is recorded.
    public func settle() {
        if isMade { PlacementJournal(staging: folder).settle() }
    }

    /// Removes what runs that died left in `parent`.
    static func sweep(_ parent: String) {
        for folder in abandoned(in: parent) { FileCalls.removeTree(folder) }
    }

    /// The folders of runs that died.
    static func abandoned(in parent: String) -> [String] {
        guard let directory = opendir(parent) else { return [] }
        defer { closedir(directory) }
        var found: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasPrefix(".") { continue }
            let folder = "\(parent)/\(name)"
            let lock = open("\(folder)/lock", O_RDWR | O_CLOEXEC)
            // A folder without its lock is being made just now.
            guard lock >= 0 else { continue }
            if flock(lock, LOCK_EX | LOCK_NB) == 0 { found.append(folder) }
            close(lock)
        }
        return found
    }
}
