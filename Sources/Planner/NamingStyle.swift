/// How the saves of one place are named: a new one is named like them, because the emulator there looks for that name only.
struct NamingStyle {
    /// What follows the game in a name.
    private struct Ending: Hashable {
        /// Folded.
        let slot: String
        /// As the file has it.
        let fileExtension: String
        /// Whether the ROM's own extension stands before it, as in `Metroid.gba.sav`.
        let hasROMExtension: Bool
    }

    private var counts: [Ending: Int] = [:]
    /// As the files have them.
    private var romExtensions: Set<String> = []

    mutating func count(_ name: SaveNameReader.Name, in fileName: Substring) {
        let between = fileName[name.game.endIndex..<name.fileExtension.startIndex].dropFirst().dropLast()
        if !between.isEmpty { romExtensions.insert(String(between)) }
        let ending = Ending(
            slot: name.slot.folded, fileExtension: String(name.fileExtension), hasROMExtension: !between.isEmpty)
        counts[ending, default: 0] += 1
    }

    /// What a new save in `slot` (folded) gets after its game's name and a dot, the best first: the extension that the
    /// user prefers for `directory`, else the one that most saves in this slot have, else the one that it has `elsewhere`.
    func endings(in slot: String, of directory: SaveDirectory, elsewhere: String?) -> [String] {
        let fitting = SaveFileName.extensions(for: slot, kind: directory.kind, among: directory.extensions)
        let chosen = directory.hasDefaultExtensions ? nil : fitting.first
        let like = mostFrequent { ending in
            ending.slot == slot && (chosen == nil || ending.fileExtension.lowercased() == chosen)
        }
        guard let fileExtension = like?.fileExtension ?? chosen ?? elsewhere ?? fitting.first else { return [] }
        let hasROMExtension = (like ?? mostFrequent { _ in true })?.hasROMExtension ?? false
        guard hasROMExtension, let romExtension = commonROMExtension else { return [fileExtension] }
        return ["\(romExtension).\(fileExtension)", fileExtension]
    }

    /// Of two that are as frequent the one without a ROM's extension, then the first in the alphabet.
    private func mostFrequent(_ isMeant: (Ending) -> Bool) -> Ending? {
        counts.filter { isMeant($0.key) }.min { one, other in
            if one.value != other.value { return one.value > other.value }
            if one.key.hasROMExtension != other.key.hasROMExtension { return other.key.hasROMExtension }
            return (one.key.fileExtension, one.key.slot) < (other.key.fileExtension, other.key.slot)
        }?.key
    }

    /// The ROM's extension that all names agree on; where they don't, nothing tells which the new game's ROM has.
    private var commonROMExtension: String? {
        Set(romExtensions.map { $0.lowercased() }).count == 1 ? romExtensions.min() : nil
    }
}

/// The styles of all places. A directory's files are counted when a save is first to be put there.
final class NamingStyles {
    /// By the directory's number and the platform folder.
    private var styles: [Int64: [Place: NamingStyle]] = [:]

    /// The style of the saves in `place`, which is in the listed directory.
    func style(of place: Place, in listing: DirectoryListing) -> NamingStyle {
        let known = styles[place.directory] ?? NamingStyles.styles(in: listing)
        styles[place.directory] = known
        return known[place] ?? NamingStyle()
    }

    private static func styles(in listing: DirectoryListing) -> [Place: NamingStyle] {
        let directory = listing.directory
        guard case .listed(let contents) = listing.state, directory.layout == .files else { return [:] }
        let reader = SaveNameReader(kind: directory.kind, extensions: directory.extensions)
        let isDivided = directory.platform == .eachSubfolder
        return contents.files.reduce(into: [:]) { styles, file in
            let fileName = file.path.lastComponent
            guard let name = reader.read(fileName) else { return }
            let place = Place(directory: directory.id, platformFolder: isDivided ? file.path.topFolder : nil)
            styles[place, default: NamingStyle()].count(name, in: fileName)
        }
    }
}
