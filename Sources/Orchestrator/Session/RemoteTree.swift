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

    /// Folders that hold nothing, which are in no version either.
    var emptyFolders: [RelativePath] {
        let used = Set(files.keys.compactMap(\.parent) + folders.compactMap(\.parent) + skipped.compactMap(\.folder))
        let skippedPaths = Set(skipped.compactMap(\.path))
        return folders.filter { !used.contains($0) && !skippedPaths.contains($0) }
    }
}
