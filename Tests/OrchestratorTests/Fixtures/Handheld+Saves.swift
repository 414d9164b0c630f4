import Foundation
import TestSupport
import Testing

/// The player's saves by the names of their games, in whichever form the handheld keeps them.
extension Handheld {
    /// Where a game's save is, below the save directory.
    func place(of game: String) -> String { form == .file ? "\(game).srm" : game }

    /// The files of a game's save, below the save directory.
    func files(of game: String) -> [String] {
        form == .file ? [place(of: game)] : SaveForm.entries.map { "\(game)/\($0)" }
    }

    /// The game saves; its times move unless `time` says otherwise. A folder gets the entries that no version holds.
    func write(save game: String, _ text: String, time: Int? = nil) throws {
        for file in files(of: game) { try write(file, text, time: time) }
        if form == .folder { try addForeignEntries(to: game) }
    }

    /// The text of a game's save; nil where there is none. A folder in which files differ or are missing says so.
    func read(save game: String) -> String? {
        let texts = files(of: game).map { read($0) }
        return Set(texts).count == 1 ? texts[0] : "a mix: \(texts.map { $0 ?? "-" })"
    }

    /// The modification time of the save's first file, in seconds since 1970.
    func time(ofSave game: String) throws -> Int { try folder.time(of: "saves/\(files(of: game)[0])") }

    func remove(save game: String) throws {
        try remove(place(of: game))
        gamesWithForeignEntries.withLock { _ = $0.remove(Array(game.utf8)) }
    }

    func rename(save game: String, to other: String) throws {
        try rename(place(of: game), to: place(of: other))
        gamesWithForeignEntries.withLock { games in
            if games.remove(Array(game.utf8)) != nil { games.insert(Array(other.utf8)) }
        }
    }

    // MARK: What no version holds

    func addForeignEntries(to game: String) throws {
        for entry in ForeignEntry.all where !exists(entry, in: game) {
            let path = path(of: entry, in: game)
            let isMade =
                switch entry.kind {
                case .link(let target): symlink(target, path) == 0
                case .emptyFolder: mkdir(path, 0o700) == 0
                case .file: close(open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)) == 0
                }
            try #require(isMade, "\(entry)")
        }
        gamesWithForeignEntries.withLock { _ = $0.insert(Array(game.utf8)) }
    }

    func removeForeignEntries(from game: String) throws {
        for entry in ForeignEntry.all {
            try #require(Glibc.remove(path(of: entry, in: game)) == 0, "\(entry)")
        }
        gamesWithForeignEntries.withLock { _ = $0.remove(Array(game.utf8)) }
    }

    /// Fails the test unless what the player has put into folder saves is there, each as it was, and nowhere else. Where the
    /// whole save directory is away, so is this.
    func expectForeignEntries(_ sourceLocation: SourceLocation) {
        guard FileManager.default.fileExists(atPath: folder("saves")) else { return }
        let games = gamesWithForeignEntries.withLock { $0.map { String(decoding: $0, as: UTF8.self) } }
        let expected = games.flatMap { game in ForeignEntry.all.map { "\(game)/\($0)" } }
        #expect(foreignEntries() == expected.sorted(), sourceLocation: sourceLocation)
    }

    /// Those in the saves of the save directory, each as it should be.
    func foreignEntries() -> [String] {
        guard form == .folder else { return [] }
        let games = (try? FileManager.default.contentsOfDirectory(atPath: folder("saves"))) ?? []
        return games.flatMap { game in
            ForeignEntry.all.filter { exists($0, in: game) }.map { "\(game)/\($0)" }
        }.sorted()
    }

    private func exists(_ entry: ForeignEntry, in game: String) -> Bool {
        let path = path(of: entry, in: game)
        var info = stat()
        guard lstat(path, &info) == 0 else { return false }
        switch entry.kind {
        case .link(let target):
            var bytes = [CChar](repeating: 0, count: 256)
            let count = readlink(path, &bytes, bytes.count)
            return count > 0 && bytes.prefix(count).elementsEqual(target.utf8.map { CChar(bitPattern: $0) })
        case .file: return info.st_mode & S_IFMT == S_IFREG
        case .emptyFolder: return info.st_mode & S_IFMT == S_IFDIR
        }
    }

    /// NUL-terminated, because a name need not be text.
    private func path(of entry: ForeignEntry, in game: String) -> [CChar] {
        let folder = folder("saves/\(game)/\(entry.folder)")
        return (Array(folder.utf8) + [UInt8(ascii: "/")] + entry.name + [0]).map { CChar(bitPattern: $0) }
    }
}
