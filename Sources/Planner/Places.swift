/// The part of a device that one valve rules over: a save directory, or one platform's folder in it.
struct Place: Hashable {
    let directory: Int64
    /// The platform folder's name where each subfolder is a platform.
    let platformFolder: String?
}

/// Where a save that the device does not show would stand.
struct Target {
    let directory: Int64
    let path: RelativePath
    /// What may be concluded from its absence.
    let side: DeviceSide
    /// Why nothing can be written there.
    let obstacle: String?
    /// Whether its platform had a folder here that is gone.
    var lacksPlatformFolder = false
}

/// What the listings say about places: what stands there, and where a new save belongs.
struct Places {
    private let listings: [DirectoryListing]
    private let directories: [Int64: DirectoryListing]
    /// How each directory's path is shown, with a slash at its end.
    private let shownRoots: [Int64: String]
    /// The directories in which each subfolder is a platform.
    private let dividedByPlatform: Set<Int64>
    /// Looked at only where something is absent.
    private let standing: StandingNames
    private let namingStyles = NamingStyles()
    /// Links and the like, and folders that could not be listed: nothing is known of them and of what is below them.
    private let opaque: [Int64: [RelativePath: String]]

    init(_ listings: [DirectoryListing]) {
        self.listings = listings
        directories = Dictionary(listings.map { ($0.directory.id, $0) }, uniquingKeysWith: { first, _ in first })
        shownRoots = directories.mapValues { FileName.escaped($0.directory.path) + "/" }
        dividedByPlatform = Set(directories.filter { $1.directory.platform == .eachSubfolder }.keys)
        var opaque: [Int64: [RelativePath: String]] = [:]
        for listing in listings {
            guard case .listed(let contents) = listing.state else { continue }
            let unknown =
                contents.skipped.compactMap { entry in entry.path.map { ($0, entry.reason) } }
                + contents.unreadable.map { ($0.path, $0.reason) }
            opaque[listing.directory.id] = Dictionary(unknown, uniquingKeysWith: { first, _ in first })
        }
        self.opaque = opaque
        standing = StandingNames(listings, opaque)
    }

    /// The path on the device.
    func shownPath(_ directory: Int64, _ path: RelativePath) -> ShownPath {
        .below(shownRoots[directory] ?? "", path)
    }

    func place(of path: RelativePath, in directory: Int64) -> Place {
        Place(directory: directory, platformFolder: isDivided(directory) ? path.topFolder ?? path.text : nil)
    }

    /// Whether each subfolder of the directory is a platform.
    func isDivided(_ directory: Int64) -> Bool { dividedByPlatform.contains(directory) }

    /// Whether the directory is one of those that were to be listed.
    func isListed(_ directory: Int64) -> Bool { directories[directory] != nil }

    /// Where a tracked save stood, or nil when its directory is no longer configured.
    func target(of baseline: Baseline) -> Target? {
        guard let id = baseline.directory, let listing = directories[id] else { return nil }
        let path = underListedPlatform(baseline.path, in: listing)
        return Target(
            directory: id, path: path, side: absence(of: path, baseline.shape, in: listing), obstacle: nil,
            lacksPlatformFolder: platformFolder(of: path, in: id).map { !stands($0, in: id) } ?? false)
    }

    /// Where the tracked save of `row` stood, or where a new one like it would go when no directory has its place any more.
    func target(of baseline: Baseline, _ row: ScopeRow) -> Target? {
        if let known = target(of: baseline) { return known }
        guard baseline.directory == nil, case .version(let version) = row.save.content else { return nil }
        return target(for: row.save.identity, version)
    }

    /// The folders on the way to `path` that don't stand in its directory, from the top down.
    func missingFolders(above path: RelativePath, in directory: Int64) -> [RelativePath] {
        sequence(first: path, next: \.parent).dropFirst().prefix { !stands($0, in: directory) }.reversed()
    }

    private func stands(_ path: RelativePath, in directory: Int64) -> Bool {
        standing.exact[directory]?.contains(path) == true
    }

    private func platformFolder(of path: RelativePath, in directory: Int64) -> RelativePath? {
        isDivided(directory) ? path.topFolder.flatMap(RelativePath.init) : nil
    }

    /// The path in the platform's folder as the device writes it now, where it has one under the same name in another form.
    private func underListedPlatform(_ path: RelativePath, in listing: DirectoryListing) -> RelativePath {
        guard case .listed(let contents) = listing.state,
            let folder = platformFolder(of: path, in: listing.directory.id), !stands(folder, in: listing.directory.id),
            let rest = path.relative(to: folder)
        else { return path }
        let platform = NameFolding.platform(folder.name)
        let same = contents.folders.filter { $0.parent == nil && NameFolding.platform($0.name) == platform }.min()
        return same.flatMap { RelativePath("\($0.text)/\(rest.text)") } ?? path
    }

    /// Where a save that the device never had would be put, or nil when the device has no place for it.
    func target(for identity: SaveIdentity, _ version: ServerVersion) -> Target? {
        for listing in listings {
            let directory = listing.directory
            guard directory.acceptsNew, directory.kind == identity.kind, directory.layout.holds(version.shape),
                let prefix = prefix(for: identity, in: listing),
                let name = directory.newName(for: identity, version, like: style(in: listing, below: prefix)),
                let path = RelativePath(prefix + name)
            else { continue }
            if standing.folded[directory.id]?.contains(NameFolding.caseFolded(path.text)) == true {
                let obstacle = "something that is not this save already stands at \(shownPath(directory.id, path).text)"
                return Target(directory: directory.id, path: path, side: .absent, obstacle: obstacle)
            }
            let side = absence(of: path, version.shape, in: listing)
            return Target(directory: directory.id, path: path, side: side, obstacle: nil)
        }
        return nil
    }

    /// How the saves are named among which a new one is put, with `prefix` before its name.
    private func style(in listing: DirectoryListing, below prefix: String) -> NamingStyle {
        let folder = prefix.isEmpty ? nil : String(prefix.dropLast())
        return namingStyles.style(of: Place(directory: listing.directory.id, platformFolder: folder), in: listing)
    }

    /// What not finding a save at `path` means.
    private func absence(of path: RelativePath, _ shape: SaveShape, in listing: DirectoryListing) -> DeviceSide {
        switch listing.state {
        case .missing: return .unknown(reason: "its directory does not exist")
        case .unreadable(let reason): return .unknown(reason: reason)
        case .listed(let contents):
            if let opaque = opaque[listing.directory.id], !opaque.isEmpty,
                let reason = sequence(first: path, next: \.parent).lazy.compactMap({ opaque[$0] }).first
            {
                return .unknown(reason: reason)
            }
            if let file = sequence(first: path, next: \.parent).dropFirst().first(where: {
                standing.files[listing.directory.id]?.contains($0) == true
            }) {
                return .unknown(reason: "\(FileName.escaped(file.text)) is a file there, and no folder")
            }
            guard standing.exact[listing.directory.id]?.contains(path) == true else { return .absent }
            guard shape == .folder, listing.directory.layout == .folders else {
                return .unknown(reason: "it is there, but no longer matches the directory's settings")
            }
            return absence(ofFilesIn: path, contents, of: listing.directory)
        }
    }

    /// What it means that a save's folder stands there without a file. One with nothing in it, or with nothing but such folders,
    /// says that the save is gone, as if the folder were; with something that can't be a file of the save, it says nothing.
    private func absence(
        ofFilesIn folder: RelativePath, _ contents: DirectoryListing.Contents, of directory: SaveDirectory
    ) -> DeviceSide {
        if let unreadable = contents.unreadable.first(where: { $0.path == folder || $0.path.isBelow(folder) }) {
            return .unknown(reason: unreadable.reason)
        }
        // Where an entry whose name can't be a path stands is not known.
        if standing.occupied[directory.id]?.contains(folder) == true
            || contents.skipped.contains(where: { $0.path == nil })
        {
            return .unknown(reason: "its folder is there, but no file that could be the save's")
        }
        return .absent
    }

    /// What stands before the name of a save of this platform: nothing, or the platform's own folder as the device
    /// writes it. Nil when the directory has no place for the platform.
    private func prefix(for identity: SaveIdentity, in listing: DirectoryListing) -> String? {
        switch listing.directory.platform {
        case .named(let platform):
            return NameFolding.platform(platform) == identity.key.platform ? "" : nil
        case .eachSubfolder:
            guard case .listed(let contents) = listing.state else { return nil }
            let match = contents.folders.filter {
                $0.parent == nil && NameFolding.platform($0.name) == identity.key.platform
            }.min()
            return match.map { $0.text + "/" }
        }
    }
}

/// Every listed path and every folder on the way to it, by directory. Gathered when first asked for: a device on which
/// nothing is absent doesn't need it.
private final class StandingNames {
    /// As the device writes them.
    private(set) lazy var exact: [Int64: Set<RelativePath>] = names.mapValues { Set($0) }
    /// Those that are files.
    private(set) lazy var files: [Int64: Set<RelativePath>] = listings.reduce(into: [:]) { files, listing in
        guard case .listed(let contents) = listing.state else { return }
        files[listing.directory.id] = Set(contents.files.map(\.path))
    }
    /// Folded, for file systems that fold names, and with what is no file.
    private(set) lazy var folded: [Int64: Set<String>] = Dictionary(
        uniqueKeysWithValues: names.map { directory, paths in
            let all = paths + Array((opaque[directory] ?? [:]).keys)
            return (directory, Set(all.map { NameFolding.caseFolded($0.text) }))
        })
    /// The folders in which something stands that is no folder, or can't be listed, also further down.
    private(set) lazy var occupied: [Int64: Set<RelativePath>] = listings.reduce(into: [:]) { occupied, listing in
        guard case .listed(let contents) = listing.state else { return }
        let things = contents.files.map(\.path) + Array((opaque[listing.directory.id] ?? [:]).keys)
        occupied[listing.directory.id] = Set(things.flatMap { sequence(first: $0, next: \.parent).dropFirst() })
    }
    private lazy var names: [Int64: [RelativePath]] = listings.reduce(into: [:]) { names, listing in
        guard case .listed(let contents) = listing.state else { return }
        let files = contents.files.map(\.path)
        names[listing.directory.id] = files + Set(contents.folders + files.compactMap(\.parent))
    }
    private let listings: [DirectoryListing]
    private let opaque: [Int64: [RelativePath: String]]

    init(_ listings: [DirectoryListing], _ opaque: [Int64: [RelativePath: String]]) {
        self.listings = listings
        self.opaque = opaque
    }
}

extension SaveDirectory.Layout {
    func holds(_ shape: SaveShape) -> Bool {
        switch self {
        case .files: shape == .file
        case .folders: shape == .folder
        }
    }
}

extension SaveDirectory {
    /// The name that a save gets here among others of this style, or nil when this directory can't hold its slot.
    func newName(for identity: SaveIdentity, _ version: ServerVersion, like style: NamingStyle) -> String? {
        switch layout {
        case .folders:
            return identity.key.slot == SaveIdentity.mainSlot ? version.originalName : nil
        case .files:
            let elsewhere = SaveFileName(version.originalName, kind: kind, extensions: extensions)?.fileExtension
            return SaveFileName.make(
                game: identity.game, kind: kind, slot: identity.key.slot,
                preferred: style.endings(in: identity.key.slot, of: self, elsewhere: elsewhere), extensions: extensions)
        }
    }
}
