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
        let entries: [DeviceContent.Entry]
        let aside: SetAside?
        do {
            entries = try await build(version, in: building)
            try await confirmTarget()
            aside = try await swap(building, place)
        } catch {
            try? await sftp.removeTree(building)
            throw error
        }
        if let aside {
            try await sftp.removeTree(aside.path)
            await sftp.removeFolder(of: aside)
        }
        return entries
    }

    /// Returns what stood there before, moved aside.
    private func swap(_ building: RemotePath, _ place: RemotePath) async throws -> SetAside? {
        guard target.over != .nothing else {
            try await sftp.rename(building, to: place)
            return nil
        }
        try await sftp.refuseLink(at: place)
        let aside = try await sftp.setAside(place)
        do {
            try await sftp.rename(building, to: place)
        } catch {
            // The place is not left empty; where this fails too, the next run repairs it.
            try? await sftp.putBack(aside)
            throw error
        }
        return aside
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
        // The client looks itself before it puts a new file there.
        case .nothing where shape == .file: break
        case .nothing: try await check.confirmAbsent(target.path)
        case .agreed(_, let content), .preserving(_, let content, as: _): try await check.confirm(content)
        }
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
