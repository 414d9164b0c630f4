/// What the path of a file says of the save that it is.
struct SaveFileNames {
    let platform: FoldedName
    /// As the file has it, without a copy.
    let game: Substring
    let kind: SaveKind
    let slot: FoldedName
}

/// Reads the paths of files in one save directory.
final class SaveFileReader {
    private let directory: SaveDirectory
    private let names: SaveNameReader
    private var platforms: PlatformNames

    init(_ directory: SaveDirectory) {
        self.directory = directory
        names = SaveNameReader(kind: directory.kind, extensions: directory.extensions)
        platforms = PlatformNames(directory)
    }

    /// What the path says, or nil when it is no save's.
    func read(_ path: RelativePath) -> SaveFileNames? {
        guard let platform = platforms.platform(of: path), let name = names.read(path.lastComponent) else { return nil }
        return SaveFileNames(platform: platform, game: name.game, kind: directory.kind, slot: name.slot)
    }

    /// The save that the file is, or nil when it is none.
    func save(of file: ListedFile, owner: String) -> DeviceSave? {
        guard let names = read(file.path) else { return nil }
        return DeviceSave(
            identity: SaveIdentity(names, of: owner), directory: directory.id, path: file.path, stamp: file.stamp)
    }
}

/// The platforms of what stands in one directory.
struct PlatformNames {
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
