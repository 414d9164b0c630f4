import Planner
import SSHClient

import struct Crypto.SHA256

/// The last look before something on the device is replaced or removed: is it still what the plan was made for?
struct RemoteGuard: Sendable {
    let sftp: SFTPClient
    let directory: SaveDirectory

    private var root: RemotePath { directory.remotePath }

    /// What the plan found at a place.
    struct Expected: Sendable {
        let path: RelativePath
        let shape: SaveShape
        /// Its files, with paths below the save directory.
        let entries: [DeviceContent.Entry]

        init(_ observed: Observed) {
            path = observed.save.path
            shape = observed.save.shape
            entries = observed.content.entries
        }

        /// A folder without a file in it: what is left of a save whose files are all gone.
        init(emptyFolder path: RelativePath) {
            self.path = path
            shape = .folder
            entries = []
        }
    }

    /// Throws unless exactly what is expected stands there. Its files are read again, because a stamp can stay the same while
    /// the content does not.
    ///
    /// Returns what stands in a folder, and the stamps of all files by their paths below the save directory.
    @discardableResult
    func confirm(_ expected: Expected) async throws -> Confirmed {
        var stamps: [RelativePath: Stamp] = [:]
        for entry in expected.entries { stamps[entry.path] = try await confirm(entry) }
        guard expected.shape == .folder else { return Confirmed(stamps: stamps, tree: nil) }
        // Listed after they were read, so that it also shows what was written in the meantime.
        let tree = try await RemoteLister(sftp: sftp).tree(of: expected.path, in: directory)
        try require(tree, toHave: stamps, of: expected)
        let listed = Array(tree.files.keys) + tree.folders
        try await sftp.refuseLinks(among: listed.map { root.appending(expected.path.appending($0)) })
        try await sftp.refuseFollowedLinks(
            among: try tree.skipped.map { entry in
                try root.appending(entry.folder.map(expected.path.appending) ?? expected.path)
                    .appending(listed: entry.name)
            })
        return Confirmed(stamps: stamps, tree: tree)
    }

    /// What ``confirm(_:)`` found.
    struct Confirmed: Sendable {
        let stamps: [RelativePath: Stamp]
        /// Nil for a save of one file.
        let tree: RemoteTree?
    }

    /// Throws unless a save that was confirmed and then displaced to `aside` is still what it was, down to the last
    /// file: a game may have written in the meantime. Returns what stands in it where it is a folder.
    ///
    /// A settled stamp is proof here: a later write would have moved it. Files whose stamp proves nothing are read again.
    func confirm(
        _ expected: Expected, confirmed: Confirmed, at aside: RelativePath
    ) async throws -> RemoteTree? {
        var tree: RemoteTree?
        if expected.shape == .folder {
            let now = try await RemoteLister(sftp: sftp).tree(of: aside, in: directory)
            try require(now, toHave: confirmed.stamps, of: expected)
            tree = now
        } else {
            let now = try await sftp.attributes(of: root.appending(aside), followLinks: false)
            guard now.kind == .file, now.stamp == confirmed.stamps[expected.path] else {
                throw changed(expected.path)
            }
        }
        for entry in expected.entries where entry.state != .settled {
            let place = entry.path.relative(to: expected.path).map(aside.appending) ?? aside
            guard try await hash(place, size: entry.stamp.size) == entry.sha256 else { throw changed(entry.path) }
        }
        return tree
    }

    private func confirm(_ entry: DeviceContent.Entry) async throws -> Stamp {
        let hasher = ChunkHasher()
        let read = try await sftp.read(root.appending(entry.path), expecting: entry.stamp.size) { chunks in
            await hasher.update(chunks)
        }
        guard await hasher.finish() == entry.sha256, read.before.stamp == read.after.stamp else {
            throw changed(entry.path)
        }
        return read.after.stamp
    }

    private func hash(_ path: RelativePath, size: UInt64) async throws -> Digest? {
        let hasher = ChunkHasher()
        _ = try await sftp.read(root.appending(path), expecting: size) { chunks in await hasher.update(chunks) }
        return await hasher.finish()
    }

    /// Throws unless a tree has exactly the files with these stamps, which are named by where they are expected.
    private func require(
        _ tree: RemoteTree, toHave stamps: [RelativePath: Stamp], of expected: Expected
    ) throws {
        for (path, stamp) in tree.files where stamps[expected.path.appending(path)] != stamp {
            throw changed(expected.path.appending(path))
        }
        for path in stamps.keys where path.relative(to: expected.path).flatMap({ tree.files[$0] }) == nil {
            throw changed(path)
        }
    }

    private func changed(_ path: RelativePath) -> DeviceFailure {
        DeviceFailure(
            code: .other, message: "\(root.appending(path)) changed on the device after the plan was made",
            advice: "It was left alone; the next run plans it anew.")
    }
}

/// Hashes a file as its chunks arrive.
private actor ChunkHasher {
    private var hasher = SHA256()

    func update(_ chunks: [[UInt8]]) {
        for chunk in chunks { hasher.update(data: chunk) }
    }

    func finish() -> Digest? {
        Digest(bytes: hasher.finalize())
    }
}
