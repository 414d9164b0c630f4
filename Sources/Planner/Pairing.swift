/// The saves found in one device's directories, paired by ``SaveKey``.
///
/// Every file that belongs to no save, and every group of files that would have to share one, is named with its reason
/// so that nothing is left out in silence.
public struct Pairing: Sendable {
    /// One place on the device for each key, in order of the keys.
    public private(set) var saves: [SaveKey: DeviceSave] = [:]
    /// Keys that two or more places on the device claim.
    public private(set) var clashes: [Clash] = []
    /// Entries that are no saves, in listed order, with the directory they were found in.
    public private(set) var skipped: [(directory: SaveDirectory, entry: SkippedEntry)] = []

    /// Several files or folders of one device that map to the same save: none of them is touched.
    public struct Clash: Hashable, Sendable {
        /// The save that all of them claim to be.
        public let identity: SaveIdentity
        /// At least two, in order of their paths.
        public let saves: [DeviceSave]

        /// Whether the names differ only by case or Unicode normalization.
        public var isSameNameInTwoForms: Bool {
            let first = saves.first.map { NameFolding.caseFolded($0.path.text) }
            return saves.allSatisfy {
                NameFolding.caseFolded($0.path.text) == first && $0.directory == saves[0].directory
            }
        }
    }

    /// Pairs what `listings` hold for `owner`.
    public init(listings: [DirectoryListing], owner: String) {
        var rivals: [SaveKey: [DeviceSave]] = [:]
        saves.reserveCapacity(listings.reduce(0) { $0 + $1.fileCount })
        for listing in listings {
            guard case .listed(let contents) = listing.state else { continue }
            skipped += contents.skipped.map { (listing.directory, $0) }
            for save in Pairing.saves(in: contents, of: listing.directory, owner: owner) {
                if let other = saves.updateValue(save, forKey: save.identity.key) {
                    rivals[save.identity.key, default: []].append(other)
                }
            }
        }
        for (key, others) in rivals {
            guard let last = saves.removeValue(forKey: key) else { continue }
            let sorted = (others + [last]).sorted { ($0.directory, $0.path) < ($1.directory, $1.path) }
            clashes.append(Clash(identity: sorted[0].identity, saves: sorted))
        }
        clashes.sort { $0.identity.key < $1.identity.key }
    }

    private static func saves(
        in contents: DirectoryListing.Contents, of directory: SaveDirectory, owner: String
    ) -> [DeviceSave] {
        switch directory.layout {
        case .files: contents.files.compactMap { fileSave($0, of: directory, owner: owner) }
        case .folders: folderSaves(contents, of: directory, owner: owner)
        }
    }

    private static func fileSave(_ file: ListedFile, of directory: SaveDirectory, owner: String) -> DeviceSave? {
        guard
            let platform = directory.platform(of: file.path),
            let name = SaveFileName(file.path.name, kind: directory.kind, extensions: directory.extensions)
        else { return nil }
        let identity = SaveIdentity(
            owner: owner, platform: platform, game: name.game, kind: directory.kind, slot: name.slot)
        return DeviceSave(identity: identity, directory: directory.id, path: file.path, shape: .file, files: [file])
    }

    /// One save for each folder at the depth where saves stand, made of all files below it.
    private static func folderSaves(
        _ contents: DirectoryListing.Contents, of directory: SaveDirectory, owner: String
    ) -> [DeviceSave] {
        let depth = directory.platform == .eachSubfolder ? 2 : 1
        var files: [RelativePath: [ListedFile]] = [:]
        for file in contents.files {
            if let folder = file.path.prefix(depth) { files[folder, default: []].append(file) }
        }
        // A folder of which a part could not be listed is not known, so it is no save in this run.
        let unknown = Set(contents.unreadable.compactMap { $0.path.prefix(depth) ?? $0.path })
        return files.compactMap { folder, files in
            guard !unknown.contains(folder), let platform = directory.platform(of: folder) else { return nil }
            let identity = SaveIdentity(owner: owner, platform: platform, game: folder.name, kind: directory.kind)
            return DeviceSave(
                identity: identity, directory: directory.id, path: folder, shape: .folder,
                files: files.sorted { $0.path < $1.path })
        }
    }
}

extension SaveDirectory {
    /// The platform of what stands at `path`, or nil for a file beside the platform folders.
    func platform(of path: RelativePath) -> String? {
        switch platform {
        case .named(let name): name
        case .eachSubfolder: path.topFolder
        }
    }
}

extension RelativePath {
    /// The first `count` components, or nil when there are no more than that.
    func prefix(_ count: Int) -> RelativePath? {
        guard components.count > count else { return nil }
        return RelativePath(components.prefix(count).joined(separator: "/"))
    }
}
