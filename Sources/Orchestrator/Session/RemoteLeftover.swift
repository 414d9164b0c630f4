import Planner
import SSHClient

/// A file or folder that an interrupted transfer of ours left on the device.
struct RemoteLeftover: Sendable {
    /// Nil for the save directory itself.
    let folder: RelativePath?
    let name: [UInt8]
    let kind: Leftover
    let isFolder: Bool
    /// The names that stood beside it.
    let siblings: Set<[UInt8]>

    /// The name whose old content this is, when the interrupted swap left nothing else under that name.
    var nameToRestore: [UInt8]? {
        guard case .backup(let name) = kind, !siblings.contains(name) else { return nil }
        return name
    }
}

extension SFTPClient {
    /// Puts old contents back where a swap was interrupted, and removes what else our transfers left in `directory`.
    ///
    /// What is removed is never the only copy: temporary files are copies of library versions, and a content is in the
    /// library before its place is given to another.
    /// Returns why some could not be repaired; throws only when the connection is lost.
    func repair(_ leftovers: [RemoteLeftover], in directory: SaveDirectory) async throws -> [SSHError] {
        var refusals: [SSHError] = []
        for leftover in leftovers {
            do {
                try await repair(leftover, in: directory)
            } catch let error as SSHError where !error.endsConnection {
                refusals.append(error)
            }
        }
        return refusals
    }

    private func repair(_ leftover: RemoteLeftover, in directory: SaveDirectory) async throws {
        let folder = leftover.folder.map(directory.remotePath.appending) ?? directory.remotePath
        let path = folder.appending(leftover.name)
        if let name = leftover.nameToRestore {
            try await rename(path, to: folder.appending(name))
        } else if leftover.isFolder {
            try await removeTree(path)
        } else {
            try await remove(path)
        }
        // What waited in a folder of its own leaves that behind.
        if path.parent != folder { try? await removeDirectory(path.parent) }
    }

    /// Removes a folder with everything in it; symbolic links in it are removed, not followed, also where the server lists
    /// what they point to.
    func removeTree(_ folder: RemotePath) async throws {
        for entry in try await list(folder) {
            let path = folder.appending(entry.name)
            if entry.attributes.kind == .directory, try await !isLink(path) {
                try await removeTree(path)
            } else {
                try await remove(path)
            }
        }
        try await removeDirectory(folder)
    }
}

extension DirectoryListing {
    /// This listing before that is repaired: a save whose swap was interrupted is unknown until a sync repairs it.
    func awaitingRepair(of leftovers: [RemoteLeftover]) -> DirectoryListing {
        guard case .listed(var contents) = state else { return self }
        for leftover in leftovers {
            guard let bytes = leftover.nameToRestore, let name = try? FileName.parse(bytes),
                let path = RelativePath((leftover.folder.map { $0.text + "/" } ?? "") + name)
            else { continue }
            contents.unreadable.append(
                UnreadableFolder(path: path, reason: "a transfer was interrupted there; the next sync repairs it"))
        }
        return DirectoryListing(directory: directory, state: .listed(contents), card: card)
    }
}
