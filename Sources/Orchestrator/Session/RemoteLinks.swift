import Planner
import SSHClient

/// Finds out where the symbolic links of a save directory lead, as the device's server resolves them.
struct RemoteLinks: Sendable {
    let sftp: SFTPClient
    let directory: SaveDirectory
    /// All of the device's.
    let directories: [SaveDirectory]

    /// Where a link leads.
    enum Target: Sendable {
        /// A file or folder below the save directory.
        case inside(RelativePath, isFolder: Bool)
        /// The save directory itself, or a folder that holds it.
        case around
        /// Elsewhere; another of the device's directories, or a place in one, where `isOwn` is true.
        case outside(RemotePath, isFolder: Bool, isOwn: Bool)
        /// Nothing that can be found, or the server does not say where.
        case unknown
    }

    /// The target of each link, in their order. Throws only when the connection is lost. Two round trips for all of them.
    func targets(of links: [RelativePath]) async throws(SSHError) -> [(link: RelativePath, target: Target)] {
        guard !links.isEmpty else { return [] }
        guard let root = try await canonical(directory.remotePath) else { return links.map { ($0, .unknown) } }
        var others: [RemotePath] = []
        for other in directories where other.id != directory.id {
            others.append(try await canonical(other.remotePath) ?? other.remotePath)
        }
        let results = await links.concurrentMap(atMost: 64) { [others] link in
            await Result { try await target(of: link, root, others) }
        }
        var targets: [(link: RelativePath, target: Target)] = []
        for (link, result) in zip(links, results) {
            switch result {
            case .success(let target): targets.append((link, target))
            case .failure(let error as SSHError) where error.endsConnection: throw error
            case .failure: targets.append((link, .unknown))
            }
        }
        return targets
    }

    private func target(
        of link: RelativePath, _ root: RemotePath, _ others: [RemotePath]
    ) async throws -> Target {
        let place = directory.remotePath.appending(link)
        async let kind = sftp.attributes(of: place).kind
        guard let path = try await resolved(place, root.appending(link)) else { return .unknown }
        let isFolder = try await kind == .directory
        guard path != root.appending(link) else { return .unknown }
        if root == path || root.isBelow(path) { return .around }
        guard let below = path.text(below: root) else {
            let isOwn = others.contains { path == $0 || path.isBelow($0) }
            return .outside(path, isFolder: isFolder, isOwn: isOwn)
        }
        return RelativePath(below).map { .inside($0, isFolder: isFolder) } ?? .unknown
    }

    /// Where a link leads: what the server makes of its path, or of what is written in it, where the server leaves links in paths
    /// as they are (MySecureShell), and `itself` is what comes back.
    private func resolved(_ link: RemotePath, _ itself: RemotePath) async throws(SSHError) -> RemotePath? {
        let path = try await canonical(link)
        guard path == itself, let target = try await sftp.linkTarget(of: link) else { return path }
        let isAbsolute = target.bytes.first == UInt8(ascii: "/")
        return try await canonical(isAbsolute ? target : link.parent.appending(target.bytes))
    }

    private func canonical(_ path: RemotePath) async throws(SSHError) -> RemotePath? {
        do throws(SSHError) {
            return try await sftp.canonicalPath(of: path).normalized
        } catch {
            if error.endsConnection { throw error }
            return nil
        }
    }
}

extension RemotePath {
    /// Without what MySecureShell leaves in a path that it was to resolve: `.`, and a slash at the end.
    fileprivate var normalized: RemotePath {
        var parts: [ArraySlice<UInt8>] = []
        for part in bytes.split(separator: UInt8(ascii: "/")) {
            switch Array(part) {
            case Array(".".utf8): continue
            case Array("..".utf8): _ = parts.popLast()
            default: parts.append(part)
            }
        }
        return RemotePath(bytes: [UInt8(ascii: "/")] + Array(parts.joined(separator: [UInt8(ascii: "/")])))
    }

    /// Whether this path lies somewhere below `folder`.
    fileprivate func isBelow(_ folder: RemotePath) -> Bool {
        let prefix = folder.bytes.last == UInt8(ascii: "/") ? folder.bytes : folder.bytes + [UInt8(ascii: "/")]
        return bytes.count > prefix.count && bytes.starts(with: prefix)
    }

    /// What follows `folder` and its slash, or nil for another place and for bytes that are not UTF-8.
    fileprivate func text(below folder: RemotePath) -> String? {
        guard isBelow(folder) else { return nil }
        let start = folder.bytes.count + (folder.bytes.last == UInt8(ascii: "/") ? 0 : 1)
        return String(validating: bytes.dropFirst(start), as: UTF8.self)
    }
}

extension SaveDirectory {
    /// Whether a link to a folder at `link`, which leads to `target` in this directory, stands for that folder: where the
    /// folder is not listed by a name of its own, or where the link gives it its platform. Each folder is listed once.
    ///
    /// Not for a folder save: putting another in its place would replace the link.
    func follows(_ link: RelativePath, to target: RelativePath) -> Bool {
        let isPlatform = platform == .eachSubfolder && link.parent == nil
        guard layout == .files || isPlatform, !link.isBelow(target) else { return false }
        return target.isHidden(in: self) || isPlatform && target.parent != nil
    }

    /// Why a link is left alone, as one clause.
    func reason(_ link: RelativePath, leadsTo target: RemoteLinks.Target) -> String {
        switch target {
        case .inside(let path, isFolder: _) where path.isHidden(in: self):
            "a symbolic link to \(path), which is hidden; left alone"
        case .inside(let path, isFolder: true): "a symbolic link to \(path), which is listed by its own name"
        case .inside(let path, isFolder: false): "a symbolic link to \(path); that file is listed by its own name"
        case .around: "a symbolic link to a folder that holds it; left alone"
        case .outside(let path, isFolder: _, isOwn: true):
            "a symbolic link to \(path), which is in a save directory of its own"
        case .outside(let path, isFolder: true, isOwn: false):
            "a symbolic link to \(path) outside of the save directory; not followed. Add it with \(option(link, path))"
        case .outside(let path, isFolder: false, isOwn: false):
            "a symbolic link to \(path) outside of the save directory; left alone. Add its folder with "
                + option(link, path.parent)
        case .unknown: "a symbolic link to something that is missing or can't be resolved; left alone"
        }
    }

    private func option(_ link: RelativePath, _ path: RemotePath) -> String {
        let name = kind == .state ? "--state-dir" : layout == .folders ? "--folder-dir" : "--dir"
        let platform = if case .named(let platform) = platform { platform } else { link.topFolder ?? link.name }
        return "\(name) \(FileName.escaped(platform))=\(path)"
    }
}

extension RelativePath {
    /// Whether it is left out of listings because of a hidden folder on the way to it, or its own name.
    fileprivate func isHidden(in directory: SaveDirectory) -> Bool {
        directory.layout == .files && components.contains { $0.utf8.first == UInt8(ascii: ".") }
    }
}
