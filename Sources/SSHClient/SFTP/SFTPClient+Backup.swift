/// The old content of a place, moved out of the way so that another can take it.
public struct SetAside: Sendable {
    /// Where it stood.
    public let place: RemotePath
    /// Where it waits.
    public let path: RemotePath
    /// The folder that was made for it; nil where it waits beside its place.
    fileprivate let folder: RemotePath?

    /// What an earlier session moved aside from `place` to `path`.
    public init(from place: RemotePath, at path: RemotePath) {
        self.place = place
        self.path = path
        folder = Leftover.isBackupFolder(path.parent.name) ? path.parent : nil
    }
}

/// A swap by way of a backup, for what can't be replaced in one step: files where the server has no
/// ``Capabilities/atomicReplace``, and folders everywhere. ``Leftover`` tells a later session what an interrupted one left.
extension SFTPClient {
    /// Moves a file or folder aside. Its name is kept: with a suffix, or, where that would make it too long for a file system, as
    /// it is in a folder of its own.
    ///
    /// A link is refused, and so is what would replace something else of ours.
    ///
    /// - Parameters:
    ///   - path: what is moved.
    ///   - place: where it stood, if it was moved before: a later session is to know it by that.
    public func setAside(_ path: RemotePath, from place: RemotePath? = nil) async throws(SSHError) -> SetAside {
        try await refuseLink(at: path)
        let place = place ?? path
        if let name = Leftover.backupName(of: place.name) {
            let aside = SetAside(from: place, at: place.parent.appending(name))
            try await move(path, to: aside.path)
            return aside
        }
        let folder = place.parent.appending(Leftover.backupFolderName())
        let aside = SetAside(from: place, at: folder.appending(place.name))
        try await makeDirectory(folder)
        do {
            try await move(path, to: aside.path)
        } catch {
            try? await removeDirectory(folder)
            throw error
        }
        return aside
    }

    /// Puts it back into its place. Fails where that is taken.
    public func putBack(_ aside: SetAside) async throws(SSHError) {
        try await move(aside.path, to: aside.place)
        await removeFolder(of: aside)
    }

    /// Removes the folder that was made for what is not there any more. One that stays is removed by the next session.
    public func removeFolder(of aside: SetAside) async {
        if let folder = aside.folder { try? await removeDirectory(folder) }
    }
}
