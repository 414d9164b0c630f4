import Planner
import SSHClient

/// Lists the save directories of a device, all of them and all their folders side by side.
struct RemoteLister: Sendable {
    let sftp: SFTPClient

    /// What was found in one save directory.
    struct Found: Sendable {
        let listing: DirectoryListing
        /// What an interrupted transfer of ours left there.
        let leftovers: [RemoteLeftover]
    }

    /// One result a directory, in the order given. Throws only when the connection is lost.
    func list(_ directories: [SaveDirectory]) async throws(SSHError) -> [Found] {
        let inner = InnerDirectories(directories)
        let results = await directories.concurrentMap(atMost: 128) { directory in
            await found(in: directory, of: directories, without: inner.paths(in: directory.id))
        }
        var all: [Found] = []
        for result in results { all.append(try result.get()) }
        return all
    }

    /// What stands in a folder of a save directory now, with all that is below it; no link in it is followed. Throws where a
    /// part can't be listed.
    func tree(of folder: RelativePath, in directory: SaveDirectory) async throws(SSHError) -> RemoteTree {
        var walk = Walk(directory: directory, from: folder)
        if let (_, error) = try await fill(&walk, following: nil).first { throw error }
        return walk.tree(of: folder)
    }

    private func found(
        in directory: SaveDirectory, of directories: [SaveDirectory], without inner: Set<RelativePath>
    ) async -> Result<Found, SSHError> {
        // Asked in the same flight as the listing.
        async let card = card(under: directory)
        var walk = Walk(directory: directory, inner: inner)
        switch await entries(of: directory.remotePath) {
        case .success(let entries):
            walk.add(entries, in: nil)
        case .failure(let error) where error.endsConnection:
            return .failure(error)
        case .failure(let error):
            let state: DirectoryListing.State =
                error.code == .noSuchFile ? .missing : .unreadable(reason: error.what)
            return .success(Found(listing: DirectoryListing(directory: directory, state: state), leftovers: []))
        }
        let links = RemoteLinks(sftp: sftp, directory: directory, directories: directories)
        do throws(SSHError) {
            for (folder, error) in try await fill(&walk, following: links) { walk.addUnreadable(folder, error) }
        } catch {
            return .failure(error)
        }
        return .success(walk.found(on: await card))
    }

    /// Lists the folders of a walk until there are no more: level by level, each level side by side. Returns those that could
    /// not be listed; throws only when the connection is lost.
    private func fill(
        _ walk: inout Walk, following links: RemoteLinks?
    ) async throws(SSHError) -> [(folder: RelativePath, error: SSHError)] {
        var unreadable: [(folder: RelativePath, error: SSHError)] = []
        let root = walk.directory.remotePath
        try await resolveLinks(&walk, links)
        var folders = walk.takeFolders()
        while !folders.isEmpty {
            let showsBackups = walk.showsBackups
            let results = await folders.concurrentMap(atMost: 128) {
                await entries(of: root.appending($0), showingBackups: showsBackups)
            }
            for (folder, result) in zip(folders, results) {
                switch result {
                case .success(let entries): walk.add(entries, in: folder)
                case .failure(let error) where error.endsConnection: throw error
                case .failure(let error): unreadable.append((folder, error))
                }
            }
            try await resolveLinks(&walk, links)
            folders = walk.takeFolders()
        }
        return unreadable
    }

    /// Finds out which folders of the level that was just listed are links in truth, as not every server says, and where all
    /// links of it lead.
    private func resolveLinks(_ walk: inout Walk, _ links: RemoteLinks?) async throws(SSHError) {
        let root = walk.directory.remotePath
        let folders = Dictionary(walk.takeNewFolders().map { (root.appending($0), $0) }) { first, _ in first }
        for link in try await sftp.links(among: Array(folders.keys)) { folders[link].map { walk.addAsLink($0) } }
        guard let links else { return }
        for (link, target) in try await links.targets(of: walk.takeLinks()) { walk.add(link, leadingTo: target) }
    }

    private func card(under directory: SaveDirectory) async -> CardIdentity? {
        guard let status = try? await sftp.freeSpace(at: directory.remotePath) else { return nil }
        return CardIdentity(number: status.number, totalBytes: status.totalBytes)
    }

    private func entries(
        of folder: RemotePath, showingBackups: Bool = true
    ) async -> Result<[RemoteEntry], SSHError> {
        do throws(SSHError) {
            return .success(try await showingBackups ? sftp.listWithBackups(folder) : sftp.list(folder))
        } catch {
            return .failure(error)
        }
    }
}

/// What has been seen of one save directory so far, and which folders are still to be listed.
private struct Walk {
    let directory: SaveDirectory
    /// Folders that are save directories of their own.
    let inner: Set<RelativePath>
    private var contents = DirectoryListing.Contents()
    private var leftovers: [RemoteLeftover] = []
    private var foldersToList: [RelativePath] = []
    /// Those of the level that was just listed.
    private var newFolders: [RelativePath] = []
    private var links: [RelativePath] = []
    /// Folders that are listed by the name of a link to them.
    private var linked: Set<RelativePath> = []
    /// Whether what waits in a folder of ours is shown in that folder's place.
    let showsBackups: Bool

    /// Deeper than any emulator puts a save.
    private static let deepest = 16

    /// A walk through the whole directory without its `inner` ones.
    init(directory: SaveDirectory, inner: Set<RelativePath>) {
        self.directory = directory
        self.inner = inner
        showsBackups = true
    }

    /// A walk through one folder.
    init(directory: SaveDirectory, from folder: RelativePath) {
        self.directory = directory
        inner = []
        foldersToList = [folder]
        showsBackups = false
    }

    mutating func takeFolders() -> [RelativePath] {
        defer { foldersToList = [] }
        return foldersToList
    }

    mutating func takeNewFolders() -> [RelativePath] {
        defer { newFolders = [] }
        return newFolders
    }

    /// What was listed as a folder is a link.
    mutating func addAsLink(_ folder: RelativePath) {
        contents.folders.removeAll { $0 == folder }
        contents.skipped.removeAll { $0.path == folder }
        foldersToList.removeAll { $0 == folder }
        links.append(folder)
    }

    /// In the order of their names, so that of two links to one folder it is always the same that is followed.
    mutating func takeLinks() -> [RelativePath] {
        defer { links = [] }
        return links.sorted()
    }

    /// Follows a link to a folder of this directory that is not listed otherwise; every other is left alone and told.
    mutating func add(_ link: RelativePath, leadingTo target: RemoteLinks.Target) {
        guard case .inside(let folder, isFolder: true) = target, directory.follows(link, to: folder),
            !(inner.union(linked)).contains(where: { $0 == folder || $0.isBelow(folder) || folder.isBelow($0) })
        else {
            contents.skipped.append(
                SkippedEntry(path: link, reason: directory.reason(link, leadsTo: target)))
            return
        }
        linked.insert(folder)
        contents.folders.append(link)
        foldersToList.append(link)
    }

    mutating func addUnreadable(_ folder: RelativePath, _ error: SSHError) {
        contents.unreadable.append(UnreadableFolder(path: folder, reason: error.what))
    }

    mutating func add(_ entries: [RemoteEntry], in folder: RelativePath?) {
        let names = Set(entries.map(\.name))
        for entry in entries {
            if let leftover = Leftover.classify(entry.name) {
                leftovers.append(
                    RemoteLeftover(
                        folder: folder, name: entry.name, kind: leftover,
                        isFolder: entry.attributes.kind == .directory, siblings: names))
                continue
            }
            // Hidden names beside saves are a desktop's droppings: thumbnails, resource forks, trash, old versions.
            if directory.layout == .files, entry.name.first == UInt8(ascii: ".") { continue }
            do throws(NameProblem) {
                add(try RelativePath(entry.name, in: folder), entry.attributes)
            } catch {
                contents.skipped.append(
                    SkippedEntry(entry.name, in: folder, reason: "the name \(error.explanation)"))
            }
        }
    }

    private mutating func add(_ path: RelativePath, _ attributes: RemoteAttributes) {
        if inner.contains(path) { return }
        if linked.contains(path) {
            contents.skipped.append(
                SkippedEntry(path: path, reason: "listed by the name of a link to it"))
            return
        }
        switch attributes.kind {
        case .file:
            let stamp = Stamp(size: attributes.size, modified: attributes.modified)
            contents.files.append(ListedFile(path: path, stamp: stamp))
        case .directory:
            contents.folders.append(path)
            newFolders.append(path)
            if path.components.count <= Walk.deepest {
                foldersToList.append(path)
            } else {
                contents.skipped.append(
                    SkippedEntry(
                        path: path, reason: "more than \(Walk.deepest) folders down; what is in it is left out"))
            }
        case .symlink:
            links.append(path)
        case .other:
            contents.skipped.append(SkippedEntry(path: path, reason: "not a regular file"))
        }
    }

    /// What was found; folders and what is left alone in the order of their paths.
    func found(on card: CardIdentity?) -> RemoteLister.Found {
        var contents = contents
        contents.folders.sort()
        contents.unreadable.sort { $0.path < $1.path }
        contents.skipped.sort { $0.shownPath < $1.shownPath }
        return RemoteLister.Found(
            listing: DirectoryListing(directory: directory, state: .listed(contents), card: card), leftovers: leftovers)
    }

    /// What was found below `folder`, where the walk began.
    func tree(of folder: RelativePath) -> RemoteTree {
        let files = contents.files.compactMap { file in file.path.relative(to: folder).map { ($0, file.stamp) } }
        let unresolved = links.map { SkippedEntry(path: $0, reason: "a symbolic link") }
        let skipped = (contents.skipped + unresolved).map {
            RemoteTree.Entry(folder: $0.folder?.relative(to: folder), name: $0.name)
        }
        let ours = leftovers.map { RemoteTree.Entry(folder: $0.folder?.relative(to: folder), name: $0.name) }
        let folders = contents.folders.compactMap { $0.relative(to: folder) }
        return RemoteTree(
            files: Dictionary(files, uniquingKeysWith: { first, _ in first }), folders: folders.sorted(),
            skipped: Set(skipped + ours))
    }
}

extension SaveDirectory {
    /// The directory on the device. `~/` and relative paths start at the login directory, as SFTP paths do.
    var remotePath: RemotePath {
        RemotePath(path.hasPrefix("~/") ? String(path.dropFirst(2)) : path == "~" ? "." : path)
    }
}

extension RemotePath {
    /// The path below this one.
    func appending(_ path: RelativePath) -> RemotePath {
        RemotePath(bytes: bytes + [UInt8(ascii: "/")] + Array(path.text.utf8))
    }
}

extension Result where Failure == any Error {
    /// The outcome of `work`.
    init(_ work: () async throws -> Success) async {
        do { self = .success(try await work()) } catch { self = .failure(error) }
    }
}

extension SSHError {
    /// Whether nothing more can be done over this connection.
    var endsConnection: Bool {
        switch code {
        case .disconnected, .timedOut, .protocolError, .cancelled: true
        default: false
        }
    }
}
