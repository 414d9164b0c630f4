/// The saves found in one device's directories, paired by ``SaveKey``.
///
/// Every file that belongs to no save, and every group of files that would have to share one, is named with its reason
/// so that nothing is left out in silence.
public struct Pairing: Sendable {
    /// One place on the device for each key.
    public let saves: SaveTable<DeviceSave>
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
        let count = listings.reduce(0) { $0 + $1.fileCount }
        var found: [DeviceSave] = []
        var keys = KeyPositions(capacity: count)
        found.reserveCapacity(count)
        var rivals: [SaveKey: [DeviceSave]] = [:]
        for listing in listings {
            guard case .listed(let contents) = listing.state else { continue }
            skipped += contents.skipped.map { (listing.directory, $0) }
            Pairing.eachSave(in: contents, of: listing.directory, owner: owner) { save in
                let key = save.identity.key
                if let first = keys.add(key) {
                    rivals[key, default: [found[first]]].append(save)
                } else {
                    found.append(save)
                }
            }
        }
        for saves in rivals.values {
            let sorted = saves.sorted { ($0.directory, $0.path) < ($1.directory, $1.path) }
            clashes.append(Clash(identity: sorted[0].identity, saves: sorted))
        }
        clashes.sort { $0.identity.key < $1.identity.key }
        if !rivals.isEmpty {
            found.removeAll { rivals[$0.identity.key] != nil }
            keys = KeyPositions(found.map(\.identity.key))
        }
        saves = SaveTable(found, under: keys)
    }

    private static func eachSave(
        in contents: DirectoryListing.Contents, of directory: SaveDirectory, owner: String,
        _ body: (DeviceSave) -> Void
    ) {
        switch directory.layout {
        case .files: eachFileSave(contents.files, of: directory, owner: owner, body)
        case .folders: folderSaves(contents, of: directory, owner: owner).forEach(body)
        }
    }

    private static func eachFileSave(
        _ files: [ListedFile], of directory: SaveDirectory, owner: String, _ body: (DeviceSave) -> Void
    ) {
        let reader = SaveNameReader(kind: directory.kind, extensions: directory.extensions)
        var platforms = PlatformNames(directory)
        for file in files {
            guard let platform = platforms.platform(of: file.path), let name = reader.read(file.path.lastComponent)
            else { continue }
            let identity = SaveIdentity(
                owner: owner, platform: platform, game: name.game, kind: directory.kind, slot: name.slot)
            body(DeviceSave(identity: identity, directory: directory.id, path: file.path, shape: .file, files: [file]))
        }
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
        var platforms = PlatformNames(directory)
        return files.compactMap { folder, files in
            guard !unknown.contains(folder), let platform = platforms.platform(of: folder) else { return nil }
            let identity = SaveIdentity(
                owner: owner, platform: platform, game: folder.name, kind: directory.kind,
                slot: .slot(SaveIdentity.mainSlot))
            return DeviceSave(
                identity: identity, directory: directory.id, path: folder, shape: .folder,
                files: files.sorted { $0.path < $1.path })
        }
    }
}

/// The platforms of what stands in one directory.
private struct PlatformNames {
    private let named: FoldedName?
    /// The last one asked for: listed files of one folder follow each other.
    private var last: FoldedName?

    init(_ directory: SaveDirectory) {
        switch directory.platform {
        case .named(let name): named = .platform(name)
        case .eachSubfolder: named = nil
        }
    }

    /// The platform of what stands at `path`, or nil for a file beside the platform folders.
    mutating func platform(of path: RelativePath) -> FoldedName? {
        if let named { return named }
        guard let folder = path.topFolder else { return nil }
        if let last, last.text.utf8.elementsEqual(folder.utf8) { return last }
        let platform = FoldedName.platform(folder)
        last = platform
        return platform
    }
}

extension RelativePath {
    /// The first `count` components, or nil when there are no more than that.
    func prefix(_ count: Int) -> RelativePath? {
        guard components.count > count else { return nil }
        return RelativePath(components.prefix(count).joined(separator: "/"))
    }
}
