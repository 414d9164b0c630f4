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

    /// Where the old content stood, when another one has its place by now.
    var takenPlace: RelativePath? {
        guard case .backup(let name) = kind, siblings.contains(name) else { return nil }
        return try? RelativePath(name, in: folder)
    }

    /// Its own path; nil where the name can't be part of one.
    var path: RelativePath? {
        // What waits in a folder of ours is listed with that folder's name before its own.
        guard let own = String(validating: name, as: UTF8.self).flatMap({ RelativePath($0) }) else { return nil }
        return folder.map { $0.appending(own) } ?? own
    }
}

extension SFTPClient {
    /// Removes a folder with everything in it; symbolic links in it are removed, not followed, also where the server lists
    /// what they point to. A folder in which something is that the server does not list stays, and is told.
    func removeTree(_ folder: RemotePath) async throws {
        for entry in try await list(folder) {
            let path = try folder.appending(listed: entry.name)
            if entry.attributes.kind == .directory, try await !isLink(path) {
                try await removeTree(path)
            } else {
                try await remove(path)
            }
        }
        do throws(SSHError) {
            try await removeDirectory(folder)
        } catch {
            guard !error.endsConnection, try await list(folder).isEmpty else { throw error }
            throw DeviceFailure(
                code: .other,
                message: "\(folder) can't be removed: something is in it that the device's server does not list",
                advice: "Look into it on the device, move what is in it to where it belongs, and remove the folder.")
        }
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
