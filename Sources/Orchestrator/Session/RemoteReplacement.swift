import Logging
import Planner
import SSHClient
import Store

/// Puts one version on the device in place of what the plan found there.
struct RemoteReplacement: Sendable {
    let sftp: SFTPClient
    let library: Library
    let clock: any SystemClock
    let directory: SaveDirectory
    let target: PushTarget
    let shape: SaveShape
    /// What a new save is like in owner, group and mode: one beside it, or the folder that it is put into. A save that is
    /// replaced is its own model.
    let neighbour: RemotePath
    /// Seconds since 1970 to give the files, or nil to leave the device's own time.
    let modified: Int64?
    let logger: Logger

    private var root: RemotePath { directory.remotePath }
    private var place: RemotePath { root.appending(target.path) }

    /// Replaces safely and returns what stands there now, one entry a file, with stamps as the device reports them.
    func put(_ version: StoredVersion) async throws -> [DeviceContent.Entry] {
        switch shape {
        case .file: try await putFile(version)
        case .folder: try await putFolder(version)
        }
    }

    private func putFile(_ version: StoredVersion) async throws -> [DeviceContent.Entry] {
        guard let entry = version.entries.first, version.entries.count == 1 else {
            throw DeviceFailure(code: .other, message: "the version in the library is not a single file")
        }
        let stands = try await send(entry, of: version, to: place, like: replaced == nil ? neighbour : place) {
            try await confirmTarget()
        }
        return [seen(entry, at: target.path, stands)]
    }

    /// What the plan found in the place, or nil for an empty one.
    private var replaced: Observed? {
        switch target.over {
        case .nothing: nil
        case .agreed(let save, let content), .preserving(let save, let content, as: _):
            Observed(save: save, content: content)
        }
    }

    /// The last look at a save of one file.
    private func confirmTarget() async throws {
        let check = RemoteGuard(sftp: sftp, directory: directory)
        // At an empty place the client looks itself.
        if let replaced { try await check.confirm(.init(replaced)) }
    }

    /// A folder is built beside its place and swapped in, so that no mix of two versions ever stands there.
    private func putFolder(_ version: StoredVersion) async throws -> [DeviceContent.Entry] {
        let building = place.parent.appending(Leftover.temporaryName(like: place.name))
        do {
            let entries = try await build(version, in: building)
            if let old = try await oldFolder {
                try await swap(building, holding: entries, with: old, version)
            } else {
                try await sftp.move(building, to: place)
            }
            return entries
        } catch {
            try? await sftp.removeTree(building)
            throw error
        }
    }

    /// The folder that makes room for the new one: that of the save, or what is left of it where its files are all gone.
    private var oldFolder: RemoteGuard.Expected? {
        get async throws {
            if let replaced { return .init(replaced) }
            do throws(SSHError) {
                let stands = try await sftp.attributes(of: place, followLinks: false)
                return stands.kind == .directory ? .init(emptyFolder: target.path) : nil
            } catch {
                if error.code == .noSuchFile { return nil }
                throw error
            }
        }
    }

    /// Puts the new folder in the old one's place, gets over to it what is in no version, and only then removes the old one.
    private func swap(
        _ building: RemotePath, holding entries: [DeviceContent.Entry], with old: RemoteGuard.Expected,
        _ version: StoredVersion
    ) async throws {
        let check = RemoteGuard(sftp: sftp, directory: directory)
        let confirmed = try await check.confirm(old)
        try requirePlace(for: confirmed.tree, in: version)
        let displaced = try await DisplacedSave.displace(target.path, in: directory, over: sftp)
        do {
            try await sftp.move(building, to: place)
        } catch {
            // The place is not left empty; where this fails too, the next run repairs it.
            try? await displaced.undo()
            throw error
        }
        let tree: RemoteTree?
        do {
            tree = try await check.confirm(old, confirmed: confirmed, at: displaced.path)
            try requirePlace(for: tree, in: version)
        } catch {
            try? await displaced.undo(over: entries)
            throw error
        }
        if let tree { try await displaced.carryOver(tree) }
        do {
            try await displaced.discard(.folder)
        } catch {
            // The new content has its place. What stays of the old one has a name of ours, and the next run tries again.
            logger.warning("not removed: \(DeviceFailure(error))")
        }
    }

    /// Throws where the new folder has something of its own in the place of what is to be carried over to it, and where that has
    /// what can't be a name.
    private func requirePlace(for tree: RemoteTree?, in version: StoredVersion) throws {
        guard let tree else { return }
        let files = Set(version.entries.map { NameFolding.caseFolded($0.path.text) })
        let folders = Set(version.folders.map { NameFolding.caseFolded($0.text) })
        func isFile(_ path: RelativePath) -> Bool { files.contains(NameFolding.caseFolded(path.text)) }
        for entry in tree.skipped {
            let listed = try (entry.folder.map(place.appending) ?? place).appending(listed: entry.name)
            let isTaken = entry.path.map { isFile($0) || folders.contains(NameFolding.caseFolded($0.text)) } ?? false
            guard isTaken || entry.way.contains(where: isFile) else { continue }
            throw taken(listed)
        }
        if let folder = tree.emptyFolders.first(where: { sequence(first: $0, next: \.parent).contains(where: isFile) })
        {
            throw taken(place.appending(folder))
        }
    }

    private func taken(_ path: RemotePath) -> DeviceFailure {
        DeviceFailure(
            code: .other, message: "\(path) is not synced, and the server's save has something else under that name",
            advice: "Rename or remove it on the device.")
    }

    private func build(_ version: StoredVersion, in building: RemotePath) async throws -> [DeviceContent.Entry] {
        try await makeDirectory(building, named: place)
        for folder in version.folders {
            let path = building.appending(folder)
            try await makeDirectory(path, named: path)
        }
        let known = Set(replaced?.content.entries.map(\.path) ?? [])
        let knownFolders = Set(known.flatMap { sequence(first: $0, next: \.parent).dropFirst() })
        var entries: [DeviceContent.Entry] = []
        for entry in version.entries.unusualNamesFirst {
            let path = target.path.appending(entry.path)
            // Like the file that it replaces, else like another one of the save.
            let model = known.contains(path) ? path : known.min()
            let stands = try await send(
                entry, of: version, to: building.appending(entry.path), like: model.map(root.appending) ?? neighbour
            ) {}
            entries.append(seen(entry, at: path, stands))
        }
        // After the files: a folder may be like one that the login can't write to.
        let model = replaced == nil ? neighbour : place
        try await sftp.copyAccess(of: model, to: building)
        for folder in version.folders {
            // Like the folder that it replaces, else like that of the save.
            let old = target.path.appending(folder)
            try await sftp.copyAccess(
                of: knownFolders.contains(old) ? root.appending(old) : model, to: building.appending(folder))
        }
        return entries.sorted { $0.path < $1.path }
    }

    /// Makes a folder that is to be `name`.
    private func makeDirectory(_ path: RemotePath, named name: RemotePath) async throws {
        do throws(SSHError) { try await sftp.makeDirectory(path) } catch {
            throw await sftp.explained(error, named: name)
        }
    }

    private func send(
        _ entry: StoredVersion.Entry, of version: StoredVersion, to path: RemotePath, like model: RemotePath,
        beforeSwap: @escaping @Sendable () async throws -> Void
    ) async throws -> RemoteAttributes {
        let file = library.file(entry, of: version)
        return try await sftp.replace(
            path, size: entry.size, modified: modified, like: model,
            overwriting: shape == .folder || target.over != .nothing,
            source: { try await file.read(upTo: $0) }, beforeSwap: beforeSwap)
    }

    private func seen(
        _ entry: StoredVersion.Entry, at path: RelativePath, _ attributes: RemoteAttributes
    ) -> DeviceContent.Entry {
        DeviceContent.Entry(
            path: path, sha256: entry.sha256, stamp: attributes.stamp,
            state: .unsettled(firstListed: clock.moment()))
    }
}

extension StoredVersion {
    /// The folders inside a folder save, each after the one that holds it.
    fileprivate var folders: [RelativePath] {
        Set(entries.flatMap { Array(sequence(first: $0.path, next: \.parent).dropFirst()) }).sorted()
    }
}

extension [StoredVersion.Entry] {
    /// Those before the others whose names the card may refuse: then nothing of the folder was sent yet.
    fileprivate var unusualNamesFirst: [StoredVersion.Entry] {
        filter { Leftover.hasRefusableCharacters($0.path.name) }
            + filter { !Leftover.hasRefusableCharacters($0.path.name) }
    }
}
