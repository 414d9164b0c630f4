import Planner
import SSHClient
import Store

/// Reads saves off the device into staging and says what their contents are.
struct ContentReader: Sendable {
    let sftp: SFTPClient
    let staging: Staging
    let directories: [Int64: SaveDirectory]
    let scope: SyncScopeIndex
    let recognizer: ContentRecognizer
    /// When this run listed the device.
    let listed: Moment
    let clock: any SystemClock
    /// Whether contents that both sides may need are kept; a dry run only needs their hashes.
    let keepsContents: Bool
    /// The saves whose current content the library has no file of any more.
    private var lost: Set<SaveKey> = []

    init(
        sftp: SFTPClient, staging: Staging, directories: [Int64: SaveDirectory], scope: SyncScopeIndex,
        recognizer: ContentRecognizer, listed: Moment, clock: any SystemClock, keepsContents: Bool
    ) {
        self.sftp = sftp
        self.staging = staging
        self.directories = directories
        self.scope = scope
        self.recognizer = recognizer
        self.listed = listed
        self.clock = clock
        self.keepsContents = keepsContents
    }

    /// What was read of one save.
    struct Reading: Sendable {
        let save: DeviceSave
        var knowledge: DeviceKnowledge
        /// In the order of the save's files; nil where the contents are not needed or not known.
        let staged: [StagedContent]?
        /// Whether it could not be read because the server shows it as it was some time ago.
        var isListedOld = false

        var key: SaveKey { save.identity.key }
    }

    /// Reads `saves`, many at once; what can be recognized is not received. One reading a save, in no order. Throws only when
    /// the connection or the database is lost.
    func read(_ saves: [DeviceSave]) async throws -> [Reading] {
        var reader = self
        reader.lost = try await lostContents(of: saves)
        return try await reader.readKnowingLost(saves)
    }

    /// Those of the saves whose current content the library has lost, as far as that is worth looking for: of a save that is read
    /// although nothing says that it changed, which whoever found the loss asked for, the library's files are read. Of one on whose
    /// current content nothing was agreed yet, their sizes are looked at. All others are taken to be there.
    private func lostContents(of saves: [DeviceSave]) async throws -> Set<SaveKey> {
        guard keepsContents else { return [] }
        var doubted: [Int64: SaveKey] = [:]
        var notAgreed: [Int64: SaveKey] = [:]
        for key in saves.map(\.identity.key) {
            guard case .version(let version) = scope.server(key)?.content else { continue }
            if let baseline = scope.baseline(for: key), baseline.digest == version.digest {
                if baseline.entries.isEmpty { doubted[version.id] = key }
            } else {
                notAgreed[version.id] = key
            }
        }
        let store = recognizer.store
        let lost = try await store.lostVersions(among: Array(doubted.keys), reading: true)
            .union(store.lostVersions(among: Array(notAgreed.keys), reading: false))
        return Set(lost.compactMap { doubted[$0] ?? notAgreed[$0] })
    }

    private func readKnowingLost(_ saves: [DeviceSave]) async throws -> [Reading] {
        let truncations = TruncationFinder(
            store: recognizer.store, scope: scope, isDryRun: !keepsContents)
        // What is lost is wanted with its bytes.
        let candidates = try await recognizer.candidates(among: saves.filter { !lost.contains($0.identity.key) })
        guard !candidates.isEmpty else { return try await truncations.compare(receive(saves), areRecognized: false) }
        let hashed = Set(candidates.map(\.save.identity.key))
        async let others = receive(saves.filter { !hashed.contains($0.identity.key) })
        let recognized = await recognizer.recognize(candidates)
        let changed = try await receive(candidates.map(\.save).filter { recognized[$0.identity.key] == nil })
        let known = candidates.map(\.save).compactMap { save in
            recognized[save.identity.key].map { Reading(save: save, knowledge: .read($0), staged: nil) }
        }
        return try await truncations.compare(others + changed, areRecognized: false)
            + truncations.compare(known, areRecognized: true)
    }

    private func receive(_ saves: [DeviceSave]) async throws -> [Reading] {
        try await saves.concurrentMap(atMost: 1_024, on: sftp.taskExecutor) { save in
            await Result { try await receive(save) }
        }.map { try $0.get() }
    }

    private func receive(_ save: DeviceSave) async throws -> Reading {
        do {
            // Twice, because an emulator may be writing just now; then it is left for the next run.
            for attempt in 0..<2 {
                if let reading = try await receiveOnce(save, isRepeated: attempt > 0) { return reading }
            }
            return Reading(
                save: save,
                knowledge: .unreadable(reason: "it keeps changing while it is read; the next run tries again"),
                staged: nil)
        } catch let error as SSHError where !error.endsConnection {
            return Reading(
                save: save, knowledge: .unreadable(reason: error.what), staged: nil,
                isListedOld: error.code == .oldListing)
        } catch let error as StoreError {
            // A large save that finds no room on the server must not keep the small ones from being brought to safety.
            return Reading(save: save, knowledge: .unreadable(reason: error.description), staged: nil)
        }
    }

    /// Nil when a file changed while it was read.
    private func receiveOnce(_ save: DeviceSave, isRepeated: Bool) async throws -> Reading? {
        let previous = scope.previousEntries(of: save)
        var entries: [DeviceContent.Entry] = []
        var staged: [StagedContent] = []
        for file in save.files {
            let began = clock.moment()
            guard let (content, stamp) = try await stage(file, of: save, isListedSizeRight: !isRepeated) else {
                for content in staged { await content.discard() }
                return nil
            }
            let state = StampState.afterRead(
                of: stamp, previous: previous[file.path], listed: stamp == file.stamp ? listed : began, readBegan: began
            )
            entries.append(
                DeviceContent.Entry(path: file.path, sha256: content.sha256, stamp: stamp, state: state))
            staged.append(content)
        }
        guard try await isWhole(save, entries) else {
            for content in staged { await content.discard() }
            return nil
        }
        let isServerTruncated = staged.first?.beginning.map { $0 == scope.shorterVersion(than: save)?.digest } == true
        let content = DeviceContent(
            digest: digest(of: save, staged), isBlank: staged.allSatisfy(\.isBlank), entries: entries,
            truncation: isServerTruncated ? .onServer : nil)
        let isNeeded = keepsContents && !isKnownOnServer(content.digest, save)
        if !isNeeded, save.shape == .folder { for content in staged { await content.discard() } }
        return Reading(save: save, knowledge: .read(content), staged: isNeeded ? staged : nil)
    }

    /// Whether a folder holds exactly what was read of it, now that all of it was: no mix of what stood there before and
    /// after a game wrote several files.
    private func isWhole(_ save: DeviceSave, _ entries: [DeviceContent.Entry]) async throws -> Bool {
        guard save.shape == .folder, let directory = directories[save.directory] else { return true }
        let tree = try await RemoteLister(sftp: sftp).tree(of: save.path, in: directory)
        return tree.files.count == entries.count
            && entries.allSatisfy { entry in
                entry.path.relative(to: save.path).flatMap { tree.files[$0] } == entry.stamp
            }
    }

    /// Receives one file. Nil when it changed on the way, with nothing left behind.
    private func stage(
        _ file: ListedFile, of save: DeviceSave, isListedSizeRight: Bool
    ) async throws -> (StagedContent, Stamp)? {
        guard let root = directories[save.directory]?.remotePath else { return nil }
        let receiver = staging.file(keep: keepsContents, hashingFirst: scope.shorterVersion(than: save)?.size)
        do {
            let expected = isListedSizeRight ? file.stamp.size : nil
            let read = try await sftp.read(root.appending(file.path), expecting: expected) {
                try await receiver.append($0)
            }
            guard read.before.stamp == read.after.stamp, read.byteCount == read.after.size else {
                await receiver.discard()
                return nil
            }
            // One file of a folder says nothing about the whole of it.
            let content = try await receiver.finish { save.shape == .folder || !isKnownOnServer($0, save) }
            return (content, read.after.stamp)
        } catch let error as SSHError where error.code == .mixedUp {
            await receiver.discard()
            return nil
        } catch {
            await receiver.discard()
            throw error
        }
    }

    private func digest(of save: DeviceSave, _ staged: [StagedContent]) -> Digest {
        if save.shape == .file, let only = staged.first { return only.contentDigest }
        return ContentHash.ofFolder(
            zip(save.files, staged).map { file, content in
                (file.path.relative(to: save.path)?.text ?? file.path.name, content.sha256)
            })
    }

    /// Whether the server's current version is this very content, and not lost: then it need not be received again.
    private func isKnownOnServer(_ digest: Digest, _ save: DeviceSave) -> Bool {
        if !lost.contains(save.identity.key), case .version(let version) = scope.server(save.identity.key)?.content {
            version.digest == digest
        } else {
            false
        }
    }
}

extension SyncScopeIndex {
    /// What was recorded for each file of this save when it was last seen, by the file's path.
    func previousEntries(of save: DeviceSave) -> [RelativePath: EntryBaseline] {
        let entries = baseline(for: save.identity.key)?.entries ?? []
        return Dictionary(entries.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
    }
}

extension RemoteAttributes {
    /// Size and modification time.
    var stamp: Stamp { Stamp(size: size, modified: modified) }
}
