import Dispatch
import Foundation
import Glibc
import Planner
import Synchronization

/// A save that was received and is to become a version.
public struct VersionDraft: Sendable {
    /// One of its files.
    public struct File: Sendable {
        let name: String
        let content: StagedContent

        /// `name` is the path inside the save; the file's own name for a save of one file.
        public init(name: String, content: StagedContent) {
            self.name = name
            self.content = content
        }
    }

    let identity: SaveIdentity
    let shape: SaveShape
    let originalName: String
    let archival: Bool
    let files: [File]

    /// A draft of `files`; `archival` keeps it apart from the slot's versions.
    public init(identity: SaveIdentity, shape: SaveShape, originalName: String, archival: Bool, files: [File]) {
        self.identity = identity
        self.shape = shape
        self.originalName = originalName
        self.archival = archival
        self.files = files
    }
}

/// The versions on disk: plain files that a person can browse, back up and carry away.
///
/// `<library>/<owner>/<platform>/<game>/<slot>/<stem> [YYYY-MM-DD_HH-MM-SS].<ext>`. An actor that runs where it may block.
public actor Library {
    private nonisolated let disk = DiskExecutor()
    /// The actor runs where it may block.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { disk.asUnownedSerialExecutor() }
    /// Absolute path.
    public nonisolated let root: String
    private nonisolated let now: @Sendable () -> Date
    /// Whether its sign was seen: a folder without it is not the library from then on.
    private nonisolated let wasSeen = Atomic(false)

    init(root: String, now: @escaping @Sendable () -> Date) {
        self.root = root
        self.now = now
    }

    /// Absolute path of something in the library.
    public nonisolated func path(of libraryPath: String) -> String { "\(root)/\(libraryPath)" }

    nonisolated var stagingParent: String { Staging.parent(inLibrary: root) }

    /// Why nothing can be put there, provided that versions are recorded; nil when it is in its place. Throws when it was there
    /// before, and is not any more.
    func absence() throws(StoreError) -> StoreError? { try absenceNow() }

    /// The same without waiting for what the library has in hand. Blocks.
    nonisolated func absenceNow() throws(StoreError) -> StoreError? {
        if LibraryPresence.hasSign(root) {
            wasSeen.store(true, ordering: .relaxed)
            return nil
        }
        if wasSeen.load(ordering: .relaxed) { throw LibraryPresence.loss(of: root) }
        return LibraryPresence.absence(of: root)
    }

    /// Makes a folder in the one that is the library's sign. Throws when the library was there before, and is not any more.
    func makeHiddenFolder(_ path: String) throws(StoreError) {
        if wasSeen.load(ordering: .relaxed) { try LibraryPresence.requireSign(root) }
        _ = try FileCalls.makeFolders(path)
        wasSeen.store(true, ordering: .relaxed)
    }

    /// A place for a run to receive files. What runs that died left behind is removed first. Throws when the library was
    /// there before, and is not any more.
    func openStaging() throws(StoreError) -> Staging {
        try makeHiddenFolder(stagingParent)
        Staging.sweep(stagingParent)
        return Staging(folder: "\(stagingParent)/\(String(UInt64.random(in: .min ... .max), radix: 16))", disk: disk)
    }

    /// Makes the folders of saves that are new to the library while their contents are being received. What does not get
    /// a version is removed with the staging.
    public nonisolated func reserveFolders(for saves: [SaveIdentity], in staging: Staging) async {
        // A few are made faster than a thread.
        guard saves.count >= 64 else { return }
        await staging.reserve.make(
            saves.map { path(of: LibraryName.folder(of: $0, archival: false)) }, in: root)
    }

    /// What runs that died had put into the library since they last recorded anything.
    func abandonedPlacements() -> [PlacementJournal.Placement] {
        Staging.abandoned(in: stagingParent).flatMap { PlacementJournal(staging: $0).placements() }
    }

    /// Removes files and folders that no version is made of, each only if it is still the one that was put there.
    func remove(_ placements: [PlacementJournal.Placement]) {
        for placement in placements {
            var info = stat()
            let path = path(of: placement.libraryPath)
            if lstat(path, &info) == 0, UInt64(info.st_ino) == placement.inode { FileCalls.removeTree(path) }
        }
    }

    /// Makes versions of drafts: final names, everything durable before it returns. One result a draft, in the order
    /// given; one that can't be stored leaves the others alone.
    public func store(_ drafts: [VersionDraft], from staging: Staging) async -> [Result<StoredVersion, StoreError>] {
        var ready: [Result<Prepared, StoreError>] = []
        for draft in drafts {
            do {
                ready.append(.success(try await prepare(draft, staging)))
            } catch {
                ready.append(.failure(error as? StoreError ?? StoreError(.other, "\(error)")))
            }
        }
        let trustsSync = drafts.count >= 8 && FileCalls.trustsFileSystemSync(at: root)
        do {
            // First the contents, then the names: a name never stands for bytes that are not on the disk.
            if trustsSync {
                try FileCalls.syncFileSystem(of: root)
            } else {
                for case .success(let prepared) in ready { for path in prepared.toSync { try FileCalls.sync(path) } }
            }
            let (stored, folders) = place(ready, PlacementJournal(staging: staging.folder))
            await staging.reserve.use(folders)
            if trustsSync {
                try FileCalls.syncFileSystem(of: root)
            } else {
                for folder in await folders.union(staging.reserve.changed).sorted(by: >) { try FileCalls.sync(folder) }
            }
            return stored
        } catch {
            return drafts.map { _ in .failure(error) }
        }
    }

    /// A draft whose bytes are in one file or folder of the staging.
    private struct Prepared: Sendable {
        let draft: VersionDraft
        let path: String
        let toSync: [String]
        let entries: [StoredVersion.Entry]
    }

    private func prepare(_ draft: VersionDraft, _ staging: Staging) async throws -> Prepared {
        var entries: [StoredVersion.Entry] = []
        var paths: [String] = []
        for file in draft.files {
            guard let path = RelativePath(file.name) else {
                throw StoreError(.invalid, "\(FileName.escaped(file.name)) can't be a file's name in the library")
            }
            entries.append(StoredVersion.Entry(path: path, size: file.content.size, sha256: file.content.sha256))
            paths.append(try await file.content.file.persist())
        }
        guard draft.shape == .folder else {
            guard let only = paths.first, paths.count == 1 else {
                throw StoreError(.invalid, "a save without its file")
            }
            return Prepared(draft: draft, path: only, toSync: [only], entries: entries)
        }
        let folder = try await staging.folderPath()
        try FileCalls.makeFolder(folder)
        var toSync = [folder]
        for (entry, path) in zip(entries, paths) {
            let target = "\(folder)/\(entry.path.text)"
            toSync += try FileCalls.makeFolders(FileCalls.parent(of: target))
            // A library on a file system that folds names can't hold two that differ only by case.
            guard try FileCalls.moveWithoutReplacing(path, to: target, isFolder: false) else {
                throw StoreError(.invalid, "two files of the save have one name: \(entry.path)")
            }
            toSync.append(target)
        }
        return Prepared(
            draft: draft, path: folder, toSync: toSync.reversed(), entries: entries.sorted { $0.path < $1.path })
    }

    /// Gives everything its final name. One result a draft, in order, and the folders whose names changed.
    private func place(
        _ ready: [Result<Prepared, StoreError>], _ journal: PlacementJournal
    ) -> ([Result<StoredVersion, StoreError>], Set<String>) {
        let stamp = LibraryName.stamp(now())
        // Making folders is what takes long here, and file systems make several at once.
        let slices = ready.batches(of: 64)
        let placed = Mutex([Int: ([Result<StoredVersion, StoreError>], Set<String>)]())
        let faults: FileCalls.Faults = FileCalls.faults
        DispatchQueue.concurrentPerform(iterations: slices.count) { number in
            var folders: Set<String> = []
            let stored = FileCalls.meeting(faults) {
                slices[number].map { prepared in
                    prepared.flatMap { prepared in
                        Result { () throws(StoreError) in try place(prepared, stamp, journal, &folders) }
                    }
                }
            }
            placed.withLock { $0[number] = (stored, folders) }
        }
        let parts = placed.withLock { placed in slices.indices.compactMap { placed[$0] } }
        return (parts.flatMap(\.0), parts.reduce(into: []) { $0.formUnion($1.1) })
    }

    private nonisolated func place(
        _ prepared: Prepared, _ stamp: String, _ journal: PlacementJournal, _ folders: inout Set<String>
    ) throws(StoreError) -> StoredVersion {
        let draft = prepared.draft
        let folder = LibraryName.folder(of: draft.identity, archival: draft.archival)
        try LibraryPresence.requireSign(root)
        for made in try FileCalls.makeFolders(path(of: folder)) { folders.insert(FileCalls.parent(of: made)) }
        folders.insert(path(of: folder))
        for attempt in 1...10_000 {
            let name = LibraryName.version(of: draft.originalName, shape: draft.shape, stamp: stamp, attempt: attempt)
            let isFolder = draft.shape == .folder
            try journal.add(prepared.path, as: "\(folder)/\(name)")
            guard
                try FileCalls.moveWithoutReplacing(prepared.path, to: path(of: "\(folder)/\(name)"), isFolder: isFolder)
            else { continue }
            let digest =
                isFolder
                ? ContentHash.ofFolder(prepared.entries.map { ($0.path.text, $0.sha256) })
                : draft.files.first?.content.contentDigest
            guard let digest else { throw StoreError(.invalid, "a save without its file") }
            return StoredVersion(
                libraryPath: "\(folder)/\(name)", entries: prepared.entries, digest: digest,
                isBlank: draft.files.allSatisfy(\.content.isBlank), shape: draft.shape, originalName: draft.originalName
            )
        }
        throw StoreError(.alreadyExists, "every name for a version in \(folder) is taken")
    }

    /// One file of a version, to be read. Its bytes are checked against the recorded hash on the way.
    public nonisolated func file(_ entry: StoredVersion.Entry, of version: StoredVersion) -> LibraryFile {
        LibraryFile(path: path(of: entry, in: version), entry: entry, disk: disk)
    }

    /// Absolute path of one file of a version.
    nonisolated func path(of entry: StoredVersion.Entry, in version: StoredVersion) -> String {
        path(of: libraryPath(of: entry, in: version))
    }

    /// The same below the library.
    nonisolated func libraryPath(of entry: StoredVersion.Entry, in version: StoredVersion) -> String {
        version.shape == .folder ? "\(version.libraryPath)/\(entry.path.text)" : version.libraryPath
    }

    /// Copies a version of one identity as a new version of another, durable when it returns.
    func copy(
        _ version: StoredVersion, as identity: SaveIdentity, in staging: Staging
    ) async throws -> StoredVersion {
        var files: [VersionDraft.File] = []
        for entry in version.entries {
            let source = self.file(entry, of: version)
            let file = staging.file(keep: true)
            while let bytes = try await source.read(upTo: 128 << 10) { try await file.append(bytes) }
            files.append(VersionDraft.File(name: entry.path.text, content: try await file.finish()))
        }
        let draft = VersionDraft(
            identity: identity, shape: version.shape, originalName: version.originalName, archival: false, files: files)
        guard let stored = await store([draft], from: staging).first else {
            throw StoreError(.other, "nothing was stored")
        }
        return try stored.get()
    }
}
