/// The old content of a place, moved out of the way so that another can take it.
public struct SetAside: Sendable {
    /// Where it stood.
    public let place: RemotePath
    /// Where it waits.
    public let path: RemotePath
    /// The folder that was made for it; nil where it waits beside its place.
    fileprivate let folder: RemotePath?
}

/// A swap by way of a backup, for what can't be replaced in one step: files where the server has no
/// ``Capabilities/atomicReplace``, and folders everywhere. ``Leftover`` tells a later session what an interrupted one left.
extension SFTPClient {
    /// Moves a file or folder aside. Its name is kept: with a suffix, or, where that would make it too long for a file system, as
    /// it is in a folder of its own.
    public func setAside(_ place: RemotePath) async throws(SSHError) -> SetAside {
        if let name = Leftover.backupName(of: place.name) {
            let aside = SetAside(place: place, path: place.parent.appending(name), folder: nil)
            try await rename(place, to: aside.path)
            return aside
        }
        let folder = place.parent.appending(Leftover.backupFolderName())
        let aside = SetAside(place: place, path: folder.appending(place.name), folder: folder)
        try await makeDirectory(folder)
        do {
            try await rename(place, to: aside.path)
        } catch {
            try? await removeDirectory(folder)
            throw error
        }
        return aside
    }

    /// Puts it back into its place, which must be empty.
    public func putBack(_ aside: SetAside) async throws(SSHError) {
        try await rename(aside.path, to: aside.place)
        await removeFolder(of: aside)
    }

    /// Removes the folder that was made for what is not there any more. One that stays is removed by the next session.
    public func removeFolder(of aside: SetAside) async {
        if let folder = aside.folder { try? await removeDirectory(folder) }
    }
}
