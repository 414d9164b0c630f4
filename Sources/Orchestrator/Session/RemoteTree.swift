import Planner

/// All that stands in the folder of a save on a device, as it was just listed. Paths are below that folder.
struct RemoteTree: Sendable {
    /// Regular files with their stamps: what a version of the save is made of.
    let files: [RelativePath: Stamp]
    /// Folders, each after the one that holds it.
    let folders: [RelativePath]
    /// What no version holds: links, special files, names that can't be carried, folders too deep to be looked at, and what has
    /// a name of ours.
    let skipped: Set<Entry>

    /// Something that is known by its name alone.
    struct Entry: Hashable, Sendable {
        /// The folder that it is in; nil at the top.
        let folder: RelativePath?
        /// The name as it was listed; it may be hostile.
        let name: [UInt8]

        /// The folders on the way to it, from the top down.
        var way: [RelativePath] { folder.map { sequence(first: $0, next: \.parent).reversed() } ?? [] }

        /// Its path; nil where the name can't be part of one.
        var path: RelativePath? { try? RelativePath(name, in: folder) }
    }

    /// What a new folder in the place of this one must get over from it: all that is in no version, and folders that hold
    /// nothing. In the order of their paths.
    var foreign: [Entry] {
        let used = Set(files.keys.compactMap(\.parent) + folders.compactMap(\.parent) + skipped.compactMap(\.folder))
        let skippedPaths = Set(skipped.compactMap(\.path))
        let empty = folders.filter { !used.contains($0) && !skippedPaths.contains($0) }
        return skipped.union(empty.map { Entry(folder: $0.parent, name: Array($0.name.utf8)) }).sorted { a, b in
            let (way, other) = (a.way.last?.text ?? "", b.way.last?.text ?? "")
            return way == other ? a.name.lexicographicallyPrecedes(b.name) : way < other
        }
    }
}
