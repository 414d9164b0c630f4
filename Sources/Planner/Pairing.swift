/// The saves found in one device's directories, paired with each other and with the server's by ``SaveKey``.
///
/// Every file that belongs to no save, and every group of files that would have to share one, is named with its reason
/// so that nothing is left out in silence.
public struct Pairing: Sendable {
    /// The saves that are not in step at first sight, in listed order: one place on the device for each key.
    public let saves: [PairedSave]
    /// How many saves the device has in one place each.
    public let count: Int
    /// Keys that two or more places on the device claim, in order.
    public let clashes: [Clash]
    /// Entries that are no saves, in listed order, with the directory they were found in.
    public let skipped: [(directory: SaveDirectory, entry: SkippedEntry)]

    let listings: [DirectoryListing]
    let scope: SyncScopeIndex
    /// Where the device has the save of each of the scope's rows.
    let presences: [Presence]

    /// Where the device has a save of the server's.
    enum Presence: Equatable {
        case nowhere
        /// In one file, of which nothing but its place and stamp had to be looked at: there is nothing to read or to do.
        case inStep
        /// At this place in ``Pairing/saves``.
        case once(Int32)
        case inSeveralPlaces
    }

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

    /// Pairs what `listings` hold with the saves in `scope`.
    public init(listings: [DirectoryListing], scope: SyncScopeIndex) {
        self.listings = listings
        self.scope = scope
        var skipped: [(directory: SaveDirectory, entry: SkippedEntry)] = []
        var found = FoundSaves(scope)
        for listing in listings {
            guard case .listed(let contents) = listing.state else { continue }
            skipped += contents.skipped.map { (listing.directory, $0) }
            switch listing.directory.layout {
            case .files: found.addFiles(contents.files, of: listing.directory)
            case .folders:
                for save in Pairing.folderSaves(contents, of: listing.directory, owner: scope.owner) {
                    found.add(save)
                }
            }
        }
        found.leaveOutRivals()
        self.skipped = skipped
        (saves, presences) = (found.saves, found.presences)
        count = saves.count + presences.count { $0 == .inStep }
        clashes = found.rivals.values.map { saves in
            let sorted = saves.sorted { ($0.directory, $0.path) < ($1.directory, $1.path) }
            return Clash(identity: sorted[0].identity, saves: sorted)
        }.sorted { $0.identity.key < $1.identity.key }
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
        var foreign: [RelativePath: [SkippedEntry]] = [:]
        for entry in contents.skipped {
            guard let folder = entry.folder else { continue }
            let save = folder.prefix(depth) ?? folder
            foreign[save, default: []].append(entry)
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
                identity: identity, directory: directory.id, path: folder, files: files.sorted { $0.path < $1.path },
                foreign: foreign[folder] ?? [])
        }
    }
}
