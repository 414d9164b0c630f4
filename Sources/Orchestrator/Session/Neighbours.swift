import Planner
import SSHClient

/// What stands beside the places of new saves: they get the owner, group and mode of a save that is there already.
struct Neighbours: Sendable {
    /// A folder of a save directory; `folder` is nil for the directory itself.
    private struct Place: Hashable {
        let directory: Int64
        let folder: RelativePath?
    }

    private var saves: [Place: RelativePath] = [:]

    /// Looks for a neighbour of each of `targets` among what was listed.
    init(of targets: [PushTarget], in listings: [DirectoryListing]) {
        let wanted = Set(targets.map { Place(directory: $0.directory, folder: $0.path.parent) })
        guard !wanted.isEmpty else { return }
        for listing in listings {
            guard case .listed(let contents) = listing.state else { continue }
            let directory = listing.directory
            switch directory.layout {
            case .files:
                for file in contents.files {
                    let place = Place(directory: directory.id, folder: file.path.parent)
                    guard wanted.contains(place), saves[place] == nil,
                        SaveFileName(file.path.name, kind: directory.kind, extensions: directory.extensions) != nil
                    else { continue }
                    saves[place] = file.path
                }
            case .folders:
                for folder in contents.folders {
                    let place = Place(directory: directory.id, folder: folder.parent)
                    if wanted.contains(place), saves[place] == nil { saves[place] = folder }
                }
            }
        }
    }

    /// The neighbour of a new save, or the folder that it is put into.
    func model(for target: PushTarget, in directory: SaveDirectory) -> RemotePath {
        let place = Place(directory: target.directory, folder: target.path.parent)
        let root = directory.remotePath
        return saves[place].map(root.appending) ?? place.folder.map(root.appending) ?? root
    }
}
