import Planner
import SSHClient
import Store

/// Knows large saves again without receiving them: the device hashes them itself, and the library has such a content.
///
/// A device's hash answers nothing but "still this one". A save that is not recognized, for whatever reason, is read, and what
/// goes into the library or is about to be overwritten is always hashed here.
struct ContentRecognizer: Sendable {
    /// Nil where the device takes no commands.
    let connection: SSHConnection?
    let sftp: SFTPClient
    let store: Store
    let directories: [Int64: SaveDirectory]
    let scope: SyncScopeIndex
    /// When this run listed the device.
    let listed: Moment
    let clock: any SystemClock
    /// How long the device may take for a file beside the hashing itself.
    let patience: Duration

    /// A large save, and the contents that it has the right sizes for.
    struct Candidate: Sendable {
        let save: DeviceSave
        /// Where its files are, in their order.
        let paths: [RemotePath]
        let versions: [Version]

        struct Version: Sendable {
            let digest: Digest
            let isBlank: Bool
            /// Of each file, in the order of the save's files.
            let sha256: [Digest]
        }
    }

    /// From this size on, in bytes and on average for each file, a round trip more and two small programs on the device cost
    /// less than the bytes over anything slower than 50 MB/s (docs/performance.md).
    private static let worthwhile: UInt64 = 1 << 20

    /// The least that a device hashes in a second, in bytes; one that is slower is given up, for it gains little.
    private static let slowest: UInt64 = 10_000_000

    /// Those of `saves` that may be recognized. Asks the library and not the device.
    func candidates(among saves: [DeviceSave]) async throws -> [Candidate] {
        guard connection != nil else { return [] }
        let large = saves.compactMap { save -> (save: DeviceSave, server: ServerSave)? in
            guard save.size >= UInt64(save.files.count) * Self.worthwhile, !save.files.isEmpty,
                let server = scope.server(save.identity.key)
            else { return nil }
            return (save, server)
        }
        guard !large.isEmpty else { return [] }
        let wanted = large.map { ($0.server.id, contentsNotNeeded(of: $0.save, $0.server)) }
        let versions = try await store.versions(with: Dictionary(wanted, uniquingKeysWith: { $0.union($1) }))
        return large.compactMap { save, server in
            guard let root = directories[save.directory]?.remotePath else { return nil }
            let possible = (versions[server.id] ?? []).compactMap { Candidate.Version($0, as: save) }
            return possible.isEmpty
                ? nil
                : Candidate(save: save, paths: save.files.map { root.appending($0.path) }, versions: possible)
        }
    }

    /// The contents under which no step that could be planned for the save has to receive it: the library has them, and the
    /// save, as its current content or as the one that was agreed on.
    private func contentsNotNeeded(of save: DeviceSave, _ server: ServerSave) -> Set<Digest> {
        let agreed = scope.baseline(for: save.identity.key)?.digest
        return switch server.content {
        // Whatever stands on the device becomes a version again.
        case .absent: []
        case .version(let current): Set([current.digest, agreed].compactMap(\.self))
        case .deleted: Set([agreed].compactMap(\.self))
        }
    }

    /// What the device holds of `candidates`, without those that are not recognized.
    func recognize(_ candidates: [Candidate]) async -> [SaveKey: DeviceContent] {
        let began = clock.moment()
        let largest = candidates.flatMap(\.save.files).map(\.stamp.size).max() ?? 0
        let silence = patience + .seconds(Double(largest) / Double(Self.slowest))
        let bytes = candidates.flatMap(\.save.files).map(\.stamp.size).reduce(0, +)
        let limit = patience * candidates.count + .seconds(Double(bytes) / Double(Self.slowest))
        // Where the connection ended over that, everything else on it fails, and the run is made once more without.
        guard
            let hashes = try? await connection?.hashes(
                of: candidates.flatMap(\.paths), silence: silence, limit: limit)
        else { return [:] }
        var rest = hashes[...]
        var found: [(candidate: Candidate, version: Candidate.Version)] = []
        for candidate in candidates {
            if let version = candidate.version(rest.prefix(candidate.paths.count)) {
                found.append((candidate, version))
            }
            rest = rest.dropFirst(candidate.paths.count)
        }
        let unmoved = await found.concurrentMap(atMost: 64, on: sftp.taskExecutor) { await isUnmoved($0.candidate) }
        return Dictionary(
            zip(found, unmoved).filter(\.1).map { found, _ in
                (found.candidate.save.identity.key, content(of: found.candidate.save, found.version, readSince: began))
            }, uniquingKeysWith: { first, _ in first })
    }

    /// Whether every file still has the stamp that it was listed with.
    private func isUnmoved(_ candidate: Candidate) async -> Bool {
        for (file, path) in zip(candidate.save.files, candidate.paths) {
            let now = try? await sftp.attributes(of: path, followLinks: false)
            guard let now, now.kind == .file, now.stamp == file.stamp else { return false }
        }
        return true
    }

    private func content(
        of save: DeviceSave, _ version: Candidate.Version, readSince began: Moment
    ) -> DeviceContent {
        let previous = scope.previousEntries(of: save)
        return DeviceContent(
            digest: version.digest, isBlank: version.isBlank,
            entries: zip(save.files, version.sha256).map { file, sha256 in
                DeviceContent.Entry(
                    path: file.path, sha256: sha256, stamp: file.stamp,
                    state: .afterRead(
                        of: file.stamp, previous: previous[file.path], listed: listed, readBegan: began))
            })
    }
}

extension ContentRecognizer.Candidate {
    /// The version that the device's hashes of all files say, if each is of the file that was listed: a device whose shell sees
    /// other files than its SFTP server reports other sizes or times.
    fileprivate func version(_ hashes: ArraySlice<ReportedHash?>) -> Version? {
        let isOfTheseFiles = zip(save.files, hashes).allSatisfy { file, hash in
            hash.map { Stamp(size: $0.size, modified: $0.modified) } == file.stamp
        }
        guard isOfTheseFiles else { return nil }
        let reported = hashes.map { $0.flatMap { Digest(hex: $0.sha256) } }
        return versions.first { $0.sha256 == reported }
    }
}

extension ContentRecognizer.Candidate.Version {
    /// Nil where the save's files can't be the version's: others, or of other sizes.
    fileprivate init?(_ version: StoredVersion, as save: DeviceSave) {
        guard version.shape == save.shape, version.entries.count == save.files.count else { return nil }
        let entries = Dictionary(version.entries.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
        var sha256: [Digest] = []
        for file in save.files {
            let entry =
                save.shape == .file ? version.entries.first : file.path.relative(to: save.path).flatMap { entries[$0] }
            guard let entry, entry.size == file.stamp.size else { return nil }
            sha256.append(entry.sha256)
        }
        digest = version.digest
        isBlank = version.isBlank
        self.sha256 = sha256
    }
}
