/// Folders in the library that are made while the saves for them are still on the way: making them takes about as long as
/// receiving small saves does, and the disk has little to do meanwhile. An actor that runs where it may block, beside the staging.
actor FolderReserve {
    private nonisolated let disk = DiskExecutor()
    /// The actor runs where it may block.
    nonisolated var unownedExecutor: UnownedSerialExecutor { disk.asUnownedSerialExecutor() }
    /// What had to be made for each that was asked for: absolute paths, outer folders first.
    private var made: [[String]] = []
    private var used: Set<String> = []

    /// Makes folders of the library at `root`, given by their absolute paths, as far as that can be done; ends early when the
    /// task is cancelled.
    func make(_ folders: [String], in root: String) {
        for folder in folders where !Task.isCancelled {
            // Whoever puts something there finds out what is wrong, and says so.
            guard LibraryPresence.hasSign(root), let new = try? FileCalls.makeFolders(folder) else { return }
            made.append(new)
        }
    }

    /// The folders that have new names in them, as absolute paths.
    var changed: [String] { made.joined().map(FileCalls.parent(of:)) }

    /// Something stands in these folders now.
    func use(_ folders: some Sequence<String> & Sendable) { used.formUnion(folders) }

    /// Removes what was made and not used.
    func discard() {
        for new in made.reversed() where new.last.map(used.contains) == false {
            for folder in new.reversed() { FileCalls.removeFolder(folder) }
        }
        made = []
    }
}
