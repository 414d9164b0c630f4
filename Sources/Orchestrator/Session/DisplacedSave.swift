import Planner
import SSHClient

/// A save that was moved aside, so that another can have its place or nothing is left there.
///
/// As long as it has a backup's name, it may hold what nobody else has: what a game wrote at the last moment, and in a folder what
/// is in no version. An interrupted run leaves it for the next one (``LeftoverRepair``). Only when nothing of that is left in it
/// does it get a temporary name, under which it is removed whenever that may be.
struct DisplacedSave: Sendable {
    private let sftp: SFTPClient
    private let directory: SaveDirectory
    private let aside: SetAside
    /// Where the save stood, below its directory.
    let place: RelativePath
    /// Where it is now.
    let path: RelativePath

    /// What an interrupted run moved aside from `place` to `path`.
    init(at path: RelativePath, from place: RelativePath, in directory: SaveDirectory, over sftp: SFTPClient) {
        self.sftp = sftp
        self.directory = directory
        self.place = place
        self.path = path
        let root = directory.remotePath
        aside = SetAside(from: root.appending(place), at: root.appending(path))
    }

    /// Moves what stands at `place` aside.
    static func displace(
        _ place: RelativePath, in directory: SaveDirectory, over sftp: SFTPClient
    ) async throws -> DisplacedSave {
        let root = directory.remotePath
        let aside = try await sftp.setAside(root.appending(place))
        let below = aside.path.bytes.dropFirst(root.bytes.count + 1)
        guard let path = String(validating: below, as: UTF8.self).flatMap({ RelativePath($0) }) else {
            try await sftp.putBack(aside)
            throw DeviceFailure(code: .other, message: "\(aside.path) can't be a path")
        }
        return DisplacedSave(at: path, from: place, in: directory, over: sftp)
    }

    private var root: RemotePath { directory.remotePath }

    /// Puts it back into its place, which must be empty.
    func undo() async throws {
        try await sftp.putBack(aside)
    }

    /// Puts it back into its place, which a folder of ours with the files `copy` has by now. That folder goes, unless a game
    /// wrote into it: then it is set aside in turn, and the next run keeps what it holds.
    func undo(over copy: [DeviceContent.Entry]) async throws {
        let withdrawn = try RelativePath(Leftover.temporaryName(), in: place.parent)
        try await sftp.rename(aside.place, to: root.appending(withdrawn))
        try await sftp.putBack(aside)
        let tree = try await RemoteLister(sftp: sftp).tree(of: withdrawn, in: directory)
        let built = copy.map { ($0.path.relative(to: place), $0.stamp) }
        if tree.skipped.isEmpty, tree.files.count == built.count,
            built.allSatisfy({ path, stamp in path.map { tree.files[$0] } == stamp })
        {
            try await sftp.removeTree(root.appending(withdrawn))
        } else {
            _ = try await sftp.setAside(root.appending(withdrawn), from: aside.place)
        }
    }

    /// Moves everything of a folder that is in no version into the folder that has its place now, and makes its empty folders
    /// there.
    func carryOver(_ tree: RemoteTree) async throws {
        var made: Set<RelativePath> = []
        let needed = tree.skipped.flatMap(\.way) + tree.emptyFolders.flatMap { sequence(first: $0, next: \.parent) }
        for folder in needed.sorted() where made.insert(folder).inserted { try await makeFolder(folder) }
        for entry in tree.skipped {
            let from = try root.appending(entry.folder.map(path.appending) ?? path).appending(listed: entry.name)
            let to = try root.appending(entry.folder.map(place.appending) ?? place).appending(listed: entry.name)
            do throws(SSHError) {
                try await sftp.move(from, to: to)
            } catch {
                guard !error.endsConnection, (try? await sftp.attributes(of: to, followLinks: false)) != nil else {
                    throw error
                }
                throw DeviceFailure(
                    code: .other, message: "\(from) is not synced and belongs to \(to), where something else is by now",
                    advice: "Look at both on the device, and remove or rename one of them.")
            }
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

    /// Removes it: nothing in it is of any further use. The folder itself stays in its place, where that is free, if something
    /// is in it that the server does not list.
    func discard(_ shape: SaveShape) async throws {
        let doomed = try RelativePath(Leftover.temporaryName(), in: place.parent)
        try await sftp.rename(aside.path, to: root.appending(doomed))
        await sftp.removeFolder(of: aside)
        switch shape {
        case .file: try await sftp.remove(root.appending(doomed))
        case .folder:
            do {
                try await sftp.removeTree(root.appending(doomed))
            } catch {
                guard await isEmptied(doomed) else { throw error }
                try await sftp.move(root.appending(doomed), to: aside.place)
            }
        }
    }

    /// Whether a folder is there without anything in it that the server lists.
    private func isEmptied(_ folder: RelativePath) async -> Bool {
        guard let tree = try? await RemoteLister(sftp: sftp).tree(of: folder, in: directory) else { return false }
        return tree.files.isEmpty && tree.skipped.isEmpty
    }
}
