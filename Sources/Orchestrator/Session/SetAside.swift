import Planner
import SSHClient

/// A save that gave up its name and stands under its backup's, so that another can have its place or nothing is left there.
///
/// As long as it has that name, it may hold what nobody else has: what a game wrote at the last moment, and in a folder what is in
/// no version. An interrupted run leaves it for the next one (``RemoteLeftover``). Only when nothing of that is left in it
/// does it get a temporary name, under which it is removed whenever that may be.
struct SetAside: Sendable {
    let sftp: SFTPClient
    let directory: SaveDirectory
    /// Where the save stood.
    let place: RelativePath
    /// Where it stands now.
    let path: RelativePath

    /// What stands at `place` is about to be set aside.
    init(_ place: RelativePath, in directory: SaveDirectory, over sftp: SFTPClient) throws(NameProblem) {
        self.sftp = sftp
        self.directory = directory
        self.place = place
        path = try RelativePath(Leftover.backupName(of: Array(place.name.utf8)), in: place.parent)
    }

    /// What an interrupted run set aside under the name `path`.
    init(at path: RelativePath, from place: RelativePath, in directory: SaveDirectory, over sftp: SFTPClient) {
        self.sftp = sftp
        self.directory = directory
        self.place = place
        self.path = path
    }

    private var root: RemotePath { directory.remotePath }

    /// Takes the save out of its place.
    func begin() async throws(SSHError) {
        try await sftp.move(root.appending(place), to: root.appending(path))
    }

    /// Puts it back into its place. What has that place by now is one of our copies, and goes.
    func undo(over copy: Bool) async throws {
        let doomed = root.appending(place).parent.appending(Leftover.temporaryName())
        if copy { try await sftp.rename(root.appending(place), to: doomed) }
        try await sftp.move(root.appending(path), to: root.appending(place))
        if copy { try await sftp.removeTree(doomed) }
    }

    /// Moves everything of a folder that is in no version into the folder that has its place now.
    func carryOver(_ tree: RemoteTree) async throws {
        var made: Set<RelativePath> = []
        for entry in tree.foreign {
            for folder in entry.way where made.insert(folder).inserted { try await makeFolder(folder) }
            let from = root.appending(entry.folder.map(path.appending) ?? path)
            let to = root.appending(entry.folder.map(place.appending) ?? place)
            try await sftp.move(from.appending(entry.name), to: to.appending(entry.name))
        }
    }

    /// A folder that only what is carried over needs, like the one that it comes from.
    private func makeFolder(_ folder: RelativePath) async throws {
        let new = root.appending(place.appending(folder))
        do throws(SSHError) {
            try await sftp.makeDirectory(new)
        } catch {
            // It is there already, or the error says what is wrong with it.
            guard try await sftp.attributes(of: new, followLinks: false).kind == .directory else { throw error }
            return
        }
        try await sftp.copyAccess(of: root.appending(path.appending(folder)), to: new)
    }

    /// Removes it: nothing in it is of any further use.
    func discard(_ shape: SaveShape) async throws {
        let doomed = root.appending(place).parent.appending(Leftover.temporaryName())
        try await sftp.rename(root.appending(path), to: doomed)
        switch shape {
        case .file: try await sftp.remove(doomed)
        case .folder: try await sftp.removeTree(doomed)
        }
    }
}
