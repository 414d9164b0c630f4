/// Which directory has the place of a baseline now: rows follow the directories by platform and kind.
///
/// A directory that was taken out of the settings and is back, got another path or was divided is another row. What was agreed
/// on in the old one still says which contents the device had, but its stamps prove nothing in another place.
struct BaselineHomes {
    private let directories: [SaveDirectory]
    private let inner: InnerDirectories

    init(_ directories: [SaveDirectory]) {
        self.directories = directories
        inner = InnerDirectories(directories)
    }

    /// The baseline of `save`, in the directory that has its place now; without a directory where none has.
    func home(of baseline: Baseline, _ save: ServerSave) -> Baseline {
        guard let own = baseline.directory else {
            for directory in directories {
                if let path = path(of: baseline, save.identity, in: directory) {
                    return baseline.moved(to: directory.id, path)
                }
            }
            return baseline
        }
        guard let taken = inner.directories(in: own).first(where: { baseline.path.isBelow($0.path) }) else {
            return baseline
        }
        let below = baseline.path.relative(to: taken.path)
        guard let below, taken.directory.reads(below, baseline.shape, as: save.identity) else {
            return baseline.moved(to: nil, baseline.path)
        }
        return baseline.moved(to: taken.directory.id, below)
    }

    /// Where the save would stand in `directory`, or nil when that is no place for it.
    private func path(of baseline: Baseline, _ identity: SaveIdentity, in directory: SaveDirectory) -> RelativePath? {
        guard directory.kind == identity.kind, directory.layout.holds(baseline.shape) else { return nil }
        let old = baseline.path
        let isUnderPlatform = old.topFolder.map { NameFolding.platform($0) == identity.key.platform } ?? false
        let withoutPlatform = old.topFolder.flatMap(RelativePath.init).flatMap { old.relative(to: $0) }
        let path: RelativePath? =
            switch directory.platform {
            case .named: isUnderPlatform ? withoutPlatform : old
            case .eachSubfolder: isUnderPlatform ? old : RelativePath("\(identity.platform)/\(old.text)")
            }
        return path.flatMap { directory.reads($0, baseline.shape, as: identity) ? $0 : nil }
    }
}

extension Baseline {
    fileprivate func moved(to directory: Int64?, _ path: RelativePath) -> Baseline {
        Baseline(
            saveID: saveID, directory: directory, path: path, shape: shape, agreement: agreement, entries: [],
            isUntracked: isUntracked, isGone: isGone, isWantedBack: isWantedBack)
    }
}

extension SaveDirectory {
    /// Whether what stands at `path` is the save with this identity.
    fileprivate func reads(_ path: RelativePath, _ shape: SaveShape, as identity: SaveIdentity) -> Bool {
        guard kind == identity.kind, layout.holds(shape) else { return false }
        switch layout {
        case .files:
            return SaveFileReader(self).read(path).map { SaveIdentity($0, of: identity.owner).key } == identity.key
        case .folders:
            var platforms = PlatformNames(self)
            guard path.components.count == (platform == .eachSubfolder ? 2 : 1),
                let folder = platforms.platform(of: path)
            else { return false }
            return folder.folded == identity.key.platform && identity.slot == SaveIdentity.mainSlot
                && NameFolding.caseFolded(path.name) == identity.key.game
        }
    }
}
