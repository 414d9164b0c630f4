import Planner
import SSHClient
import Store

/// Repairs what interrupted transfers of ours left in a save directory.
///
/// Nothing is removed that could be the only copy: temporary names are given to copies of library versions alone, and an old
/// content is in the library before it goes.
struct LeftoverRepair: Sendable {
    let device: Device
    let directory: SaveDirectory
    let sftp: SFTPClient
    let store: Store
    /// The server's side.
    let scope: SyncScopeIndex
    let staging: Staging
    /// Reads what is to be kept.
    let reader: ContentReader

    /// Puts old contents back where a swap was interrupted, and removes what else is left. Returns why some could not be
    /// repaired; throws only when the connection or the database is lost.
    func repair(_ leftovers: [RemoteLeftover]) async throws -> [any Error] {
        var refusals: [any Error] = []
        for leftover in leftovers {
            do {
                try await repair(leftover)
            } catch let error as SSHError where error.endsConnection {
                throw error
            } catch let error as CancellationError {
                throw error
            } catch {
                refusals.append(error)
            }
        }
        return refusals
    }

    private func repair(_ leftover: RemoteLeftover) async throws {
        let folder = leftover.folder.map(directory.remotePath.appending) ?? directory.remotePath
        let path = folder.appending(leftover.name)
        if let name = leftover.nameToRestore {
            try await sftp.move(path, to: folder.appending(name))
        } else if let place = leftover.takenPlace, let aside = leftover.path {
            try await finish(
                DisplacedSave(at: aside, from: place, in: directory, over: sftp), isFolder: leftover.isFolder)
        } else if leftover.isFolder {
            try await sftp.removeTree(path)
        } else {
            try await sftp.remove(path)
        }
        // What waited in a folder of its own leaves that behind.
        if path.parent != folder { try? await sftp.removeDirectory(path.parent) }
    }

    /// Ends a swap that was interrupted after the new content had its place.
    private func finish(_ displaced: DisplacedSave, isFolder: Bool) async throws {
        guard isFolder == (directory.layout == .folders) else { throw notOurs(displaced) }
        if isFolder {
            let tree = try await RemoteLister(sftp: sftp).tree(of: displaced.path, in: directory)
            let files = tree.files.map { ListedFile(path: $0, stamp: $1) }.sorted { $0.path < $1.path }
            if !files.isEmpty { try await keep(files, of: displaced) }
            try await displaced.carryOver(tree)
            try await displaced.discard(.folder)
        } else {
            let attributes = try await sftp.attributes(
                of: directory.remotePath.appending(displaced.path), followLinks: false)
            guard attributes.kind == .file else { throw notOurs(displaced) }
            try await keep([ListedFile(path: displaced.path, stamp: attributes.stamp)], of: displaced)
            try await displaced.discard(.file)
        }
    }

    /// Makes sure that the library has what was set aside: a game may have written to it at the last moment. `files` are
    /// below the folder, or the file itself.
    private func keep(_ files: [ListedFile], of displaced: DisplacedSave) async throws {
        guard let save = save(files, of: displaced) else { throw notOurs(displaced) }
        guard let reading = try await reader.read([save]).first, case .read(let content) = reading.knowledge else {
            throw DeviceFailure(code: .other, message: "the old content \(displaced.path) can't be read")
        }
        let server = scope.server(save.identity.key)
        if let server {
            let known = try await store.knownDigests(of: [server.id: [content.digest]])
            if known[server.id]?.contains(content.digest) == true { return }
        }
        let identity = server?.identity ?? save.identity
        guard let staged = reading.staged,
            let version = try await store.library.store(
                [VersionDraft(identity, of: save, named: displaced.place.name, archival: true, contents: staged)],
                from: staging
            ).first?.get()
        else { throw DeviceFailure(code: .other, message: "the old content \(displaced.path) was not received") }
        let commit = ArchiveCommit(
            device: device.id, place: .history(of: identity), version: version, modified: content.modified)
        try await uncancelled { [store] in try await store.archive([commit]) }
        await staging.settle()
    }

    /// What was set aside, as the save whose place it had; nil where that is none.
    private func save(_ files: [ListedFile], of displaced: DisplacedSave) -> DeviceSave? {
        let isFolder = directory.layout == .folders
        let there = files.map {
            isFolder
                ? ListedFile(path: displaced.place.appending($0.path), stamp: $0.stamp)
                : ListedFile(path: displaced.place, stamp: $0.stamp)
        }
        let listing = DirectoryListing(directory: directory, state: .listed(.init(files: there)))
        // Without a baseline, so that it is looked at whatever its stamps are.
        let nothing = SyncScopeIndex(owner: device.settings.owner, saves: [], baselines: [], directories: [])
        guard let found = Pairing(listings: [listing], scope: nothing).saves.first?.save else { return nil }
        return isFolder
            ? DeviceSave(
                identity: found.identity, directory: directory.id, path: displaced.path,
                files: files.map { ListedFile(path: displaced.path.appending($0.path), stamp: $0.stamp) })
            : files.first.map {
                DeviceSave(identity: found.identity, directory: directory.id, path: displaced.path, stamp: $0.stamp)
            }
    }

    private func notOurs(_ displaced: DisplacedSave) -> DeviceFailure {
        DeviceFailure(
            code: .other,
            message:
                "\(directory.remotePath.appending(displaced.path)) has the name of an old content, and is none of a save here",
            advice: "Look at it on the device, and rename or remove it.")
    }
}
