import Glibc
import Planner
import Synchronization

import struct Crypto.SHA256

/// Where one run receives files before they are versions: a folder in the library, so that a version is made by
/// giving a file its final name.
public actor Staging {
    private nonisolated let disk: DiskExecutor
    /// The actor runs where it may block.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { disk.asUnownedSerialExecutor() }
    nonisolated let folder: String
    /// Made for what is being received.
    nonisolated let reserve = FolderReserve()
    private nonisolated let next = Mutex(0)
    private var isMade = false
    /// Held while this run lives; what nobody holds was left by a run that died.
    private var lock: Int32 = -1

    init(folder: String, disk: DiskExecutor) {
        self.folder = folder
        self.disk = disk
    }

    /// Where a library's runs have their folders.
    static func parent(inLibrary root: String) -> String { "\(LibraryPresence.sign(in: root))/staging" }

    /// A place for a run that keeps nothing; it makes a folder only for a file too large to be hashed in memory.
    public static func discarding() -> Staging {
        var info = stat()
        let wanted = getenv("TMPDIR").map { String(cString: $0) } ?? ""
        let base: String = stat(wanted, &info) == 0 ? wanted : "/tmp"
        return Staging(folder: "\(base)/saveferry-\(UInt64.random(in: .min ... .max))", disk: DiskExecutor())
    }

    /// A new file to receive bytes into. With `keep` false only its hashes are wanted. Of its first `beginning` bytes the hash
    /// is computed too.
    public nonisolated func file(keep: Bool, hashingFirst beginning: UInt64? = nil) -> StagedFile {
        StagedFile(path: "\(folder)/\(number())", staging: self, keep: keep, beginning: beginning, disk: disk)
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
        // Before it is locked, another run's sweep may take it for one that was left: then it is made again.
        for _ in 0..<100 {
            // Not what it stands in: a library that went away must not seem to be there.
            try FileCalls.makeFolder(folder)
            lock = FileCalls.call("lock", folder) { open("\(folder)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600) }
            guard lock >= 0 || errno == ENOENT else { throw StoreError(errno: errno, "lock \(folder)") }
            isMade = lock >= 0 && flock(lock, LOCK_EX) == 0 && FileCalls.hasName(lock)
            if isMade { return }
            if lock >= 0 { close(lock) }
        }
        throw StoreError(.other, "\(folder) is removed again and again")
    }

    /// Removes everything that did not become a version.
    public func discard() async {
        await reserve.discard()
        guard isMade else { return }
        Staging.remove(folder)
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
        for folder in abandoned(in: parent) { remove(folder) }
    }

    /// The folders of runs that died.
    static func abandoned(in parent: String) -> [String] {
        var found: [String] = []
        for name in FileCalls.names(in: parent) ?? [] where !name.hasPrefix(".") {
            let folder = "\(parent)/\(name)"
            let lock = open("\(folder)/lock", O_RDWR | O_CLOEXEC)
            guard lock >= 0 else {
                // Without its lock it is empty: nearly removed, or being made just now.
                FileCalls.removeFolder(folder)
                continue
            }
            if flock(lock, LOCK_EX | LOCK_NB) == 0 { found.append(folder) }
            close(lock)
        }
        return found
    }

    /// Makes what runs that died put into the library stay there. For when a database takes over that may be older than
    /// those runs: what they recorded would count as unrecorded.
    static func forgetPlacements(in parent: String) throws(StoreError) {
        for folder in abandoned(in: parent) { try PlacementJournal(staging: folder).forget() }
    }

    /// Whether a run that lives receives files in `parent`.
    static func isInUse(below parent: String) throws(StoreError) -> Bool {
        for name in try FileCalls.namesIfThere(in: parent) where !name.hasPrefix(".") {
            let path = "\(parent)/\(name)/lock"
            let lock = open(path, O_RDONLY | O_CLOEXEC)
            guard lock >= 0 else {
                // Nearly removed, or being made just now: nothing was received there.
                guard errno == ENOENT || errno == ENOTDIR else { throw StoreError(errno: errno, "open \(path)") }
                continue
            }
            defer { close(lock) }
            if flock(lock, LOCK_SH | LOCK_NB) != 0 { return true }
        }
        return false
    }

    /// Removes a run's folder. The lock goes last, and only when all else is gone: by it a later sweep knows what was left.
    private static func remove(_ folder: String) {
        for name in FileCalls.names(in: folder) ?? [] where name != "lock" { FileCalls.removeTree("\(folder)/\(name)") }
        guard FileCalls.names(in: folder) == ["lock"] else { return }
        FileCalls.remove("\(folder)/lock")
        FileCalls.removeFolder(folder)
    }
}
