import Planner
import SSHClient
import Store

/// Puts one version on the device in place of what the plan found there.
struct RemoteReplacement: Sendable {
    let sftp: SFTPClient
    let library: Library
    let clock: any SystemClock
    /// The save directory.
    let root: RemotePath
    let target: PushTarget
    let shape: SaveShape
    /// Seconds since 1970 to give the files, or nil to leave the device's own time.
    let modified: Int64?

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
        let path = root.appending(target.path)
        let stands = try await send(entry, of: version, to: path) { try await confirmTarget() }
        return [seen(entry, at: target.path, stands)]
    }

    /// A folder is built beside its place and swapped in, so that no mix of two versions ever stands there.
    private func putFolder(_ version: StoredVersion) async throws -> [DeviceContent.Entry] {
        let place = root.appending(target.path)
        let building = place.parent.appending(Leftover.temporaryName())
        let backup = place.parent.appending(Leftover.backupName(of: place.name))
        let entries: [DeviceContent.Entry]
        do {
            entries = try await build(version, in: building)
            try await confirmTarget()
            try await swap(building, place, backup)
        } catch {
            try? await sftp.removeTree(building)
            throw error
        }
        if target.over != .nothing { try await sftp.removeTree(backup) }
        return entries
    }

    private func swap(_ building: RemotePath, _ place: RemotePath, _ backup: RemotePath) async throws {
        guard target.over != .nothing else { return try await sftp.rename(building, to: place) }
        try await sftp.rename(place, to: backup)
        do {
            try await sftp.rename(building, to: place)
        } catch {
            // The place is not left empty; where this fails too, the next run repairs it.
            try? await sftp.rename(backup, to: place)
            throw error
        }
    }

    private func build(_ version: StoredVersion, in building: RemotePath) async throws -> [DeviceContent.Entry] {
        try await sftp.makeDirectory(building)
        for folder in version.folders { try await sftp.makeDirectory(building.appending(folder)) }
        var entries: [DeviceContent.Entry] = []
        for entry in version.entries {
            let stands = try await send(entry, of: version, to: building.appending(entry.path)) {}
            if let path = RelativePath(target.path.text + "/" + entry.path.text) {
                entries.append(seen(entry, at: path, stands))
            }
        }
        return entries.sorted { $0.path < $1.path }
    }

    private func send(
        _ entry: StoredVersion.Entry, of version: StoredVersion, to path: RemotePath,
        beforeSwap: @escaping @Sendable () async throws -> Void
    ) async throws -> RemoteAttributes {
        let file = library.file(entry, of: version)
        return try await sftp.replace(
            path, size: entry.size, modified: modified, overwriting: shape == .folder || target.over != .nothing,
            source: { try await file.read(upTo: $0) }, beforeSwap: beforeSwap)
    }

    private func confirmTarget() async throws {
        let check = RemoteGuard(sftp: sftp, root: root)
        switch target.over {
        // Where the rename itself refuses, a look before it adds nothing.
        case .nothing where shape == .file && sftp.capabilities.renameRefusesTakenNames: break
        case .nothing:
            if shape == .folder { await removeEmptyFolder() }
            try await check.confirmAbsent(target.path)
        case .agreed(_, let content), .preserving(_, let content, as: _): try await check.confirm(content)
        }
    }

    /// The folder of a save whose files are all gone makes room for the save. It is listed first, because not every server
    /// refuses to remove a folder that has something in it.
    private func removeEmptyFolder() async {
        let place = root.appending(target.path)
        guard let entries = try? await sftp.list(place), entries.isEmpty else { return }
        try? await sftp.removeDirectory(place)
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
