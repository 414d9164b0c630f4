import Planner
import TestSupport

/// A device and a library that are in step: all that planning needs of both, without a device and without a database.
struct Shelf {
    /// What the device lists, in no order.
    private(set) var listings: [DirectoryListing] = []
    /// The library's saves.
    private(set) var saves: [ServerSave] = []
    /// What both agreed on, for every save.
    private(set) var baselines: [Baseline] = []

    static let owner = "anna"
    static let filesPerFolder = 100

    private static let stamp = Stamp(size: 32_768, modified: 1_700_000_000)
    private static let platforms = ["gba", "snes", "nes", "Genesis Plus GX", "psx", "n64", "gbc", "pce"]
    /// Save directories: one for each platform, one with a folder for each platform, states, and folder saves.
    static let directories: [SaveDirectory] =
        platforms.enumerated().map { SaveDirectory(id: Int64($0 + 1), path: "/saves/\($1)", platform: .named($1)) } + [
            SaveDirectory(id: 9, path: "/saves/cores", platform: .eachSubfolder),
            SaveDirectory(id: 10, path: "/states", platform: .named("gba"), kind: .state),
            SaveDirectory(id: 11, path: "/saves/psp", platform: .named("psp"), layout: .folders),
        ]

    /// `count` saves in folders of 100 files, which take turns among the save directories.
    ///
    /// The server's side is in the order in which the store reads it, by key. Scattered, it lies all over the memory.
    init(count: Int, isScattered: Bool) {
        var random = SplitMix64(seed: 42)
        var contents = Shelf.directories.map { _ in DirectoryListing.Contents() }
        for folder in 0..<(count + Shelf.filesPerFolder - 1) / Shelf.filesPerFolder {
            let index = folder % Shelf.directories.count
            let first = folder * Shelf.filesPerFolder
            var files: [ListedFile] = []
            for number in first..<min(first + Shelf.filesPerFolder, count) {
                files.append(add(number, folder: folder, to: Shelf.directories[index]))
            }
            files.shuffle(using: &random)
            contents[index].folders.append(path("Folder \(folder)"))
            contents[index].files += files
        }
        listings = zip(Shelf.directories, contents).map { DirectoryListing(directory: $0, state: .listed($1)) }
        if isScattered {
            saves.shuffle(using: &random)
            baselines.shuffle(using: &random)
        } else {
            saves.sort { $0.identity.key < $1.identity.key }
        }
    }

    /// Puts one save on both sides, and returns its file on the device.
    private mutating func add(_ number: Int, folder: Int, to directory: SaveDirectory) -> ListedFile {
        let digits = String(number)
        // Every tenth game has a clock beside the save of the game before it.
        let isClock = number % 10 == 9 && directory.kind == .save && directory.layout == .files
        let name = String(repeating: "0", count: 5 - digits.count) + (isClock ? String(number - 1) : digits)
        let game = "Game \(name) (USA)"
        let platform =
            switch directory.platform {
            case .named(let name): name
            case .eachSubfolder: "Folder \(folder)"
            }
        let (shown, slot, shape): (String, String, SaveShape) =
            switch (directory.layout, directory.kind) {
            case (.folders, _): (game, SaveIdentity.mainSlot, .folder)
            case (.files, .state): ("Folder \(folder)/\(game).state\(number % 10)", "state\(number % 10)", .file)
            case (.files, .save) where isClock: ("Folder \(folder)/\(game).rtc", "rtc", .file)
            case (.files, .save): ("Folder \(folder)/\(game).srm", SaveIdentity.mainSlot, .file)
            }
        let file = shape == .folder ? "\(shown)/DATA.BIN" : shown
        let id = Int64(number + 1)
        let digest = Shelf.digest(number)
        saves.append(
            ServerSave(
                id: id,
                identity: SaveIdentity(
                    owner: Shelf.owner, platform: platform, game: game, kind: directory.kind, slot: slot),
                content: .version(
                    ServerVersion(
                        id: id, digest: digest, shape: shape, size: Shelf.stamp.size, isBlank: false,
                        originalName: path(shown).name, modified: Shelf.stamp.modified))))
        baselines.append(
            Baseline(
                saveID: id, directory: directory.id, path: path(shown), shape: shape, agreement: .content(digest),
                entries: [EntryBaseline(path: path(file), stamp: Shelf.stamp, state: .settled)]))
        return ListedFile(path: path(file), stamp: Shelf.stamp)
    }

    private static func digest(_ number: Int) -> Digest {
        var random = SplitMix64(seed: UInt64(number))
        guard let digest = Digest(bytes: (0..<32).map { _ in UInt8(truncatingIfNeeded: random.next()) }) else {
            fatalError("32 bytes are a digest")
        }
        return digest
    }

    /// A path of its own memory, as one that was read from a device or a database.
    private func path(_ text: String) -> RelativePath {
        guard let path = RelativePath(text) else { fatalError("\(text) is no path") }
        return path
    }
}
