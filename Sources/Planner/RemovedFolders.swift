/// Platform folders that are gone from a device, noticed in this run: each is told once, and not for every save of it.
struct RemovedFolders {
    private var counts: [Place: Int] = [:]

    /// Counts a save that has no place because its platform's folder is gone.
    mutating func note(_ draft: Draft) {
        guard let folder = draft.path.topFolder else { return }
        counts[Place(directory: draft.directory, platformFolder: folder), default: 0] += 1
    }

    /// One line for each, in order, but for those of which nothing may be concluded.
    func operations(_ places: Places, _ valves: DirectoryValves) -> [Operation] {
        counts.compactMap { place, count -> Operation? in
            guard valves.halt(over: place) == nil, let path = place.platformFolder.flatMap(RelativePath.init) else {
                return nil
            }
            let shown = places.shownPath(place.directory, path).text
            return Operation(
                identity: nil, saveID: nil, remotePath: shown, size: 0,
                reason: "no folder for it here any more; \(count == 1 ? "a save" : "\(count) saves") of it "
                    + "\(count == 1 ? "stays" : "stay") on the server, and --put-back makes the folder",
                step: .skip(isProblem: false))
        }.sorted { $0.remotePath < $1.remotePath }
    }
}
