import Planner
import Store

/// Finds saves of which one side has only the beginning: what an emulator leaves that could not write the whole.
///
/// Saves that are a folder are not looked at: their files grow and shrink by themselves.
struct TruncationFinder: Sendable {
    let store: Store
    let scope: SyncScopeIndex
    /// Whether nothing is to be recorded.
    let isDryRun: Bool

    /// Whether the first bytes of one of `contents`, which the library has, are those of a shorter one.
    private struct Question {
        let reading: Int
        let save: Int64
        let contents: Set<Digest>
        let size: UInt64
        let sha256: Digest
        let truncation: DeviceContent.Truncation
    }

    /// The readings, those marked of which one side has only the beginning. Asks the library only where sizes say that it may
    /// be so. Where the library has lost the server's longer content, that can't be told, and nothing may be concluded.
    ///
    /// - Parameter areRecognized: whether they are of contents that the library has and that were not received. Of others the
    ///   ``ContentReader`` has seen already whether they begin with what the server has.
    func compare(
        _ readings: [ContentReader.Reading], areRecognized: Bool
    ) async throws -> [ContentReader.Reading] {
        let questions = readings.indices.compactMap { index in
            areRecognized ? isServerShorter(readings[index], index) : isDeviceShorter(readings[index], index)
        }
        guard !questions.isEmpty else { return readings }
        let wanted = questions.map { ($0.save, $0.contents) }
        let versions = try await store.versions(with: Dictionary(wanted, uniquingKeysWith: { $0.union($1) }))
        var marked = readings
        for question in questions {
            if let loss = try await loss(
                hiding: question, of: readings[question.reading], versions[question.save] ?? [])
            {
                marked[question.reading].knowledge = .unreadable(reason: loss.description)
                continue
            }
            guard await isSo(question, among: versions[question.save] ?? []),
                case .read(let content) = readings[question.reading].knowledge
            else { continue }
            marked[question.reading].knowledge = .read(
                DeviceContent(
                    digest: content.digest, isBlank: content.isBlank, entries: content.entries,
                    truncation: question.truncation))
        }
        return marked
    }

    private func isDeviceShorter(_ reading: ContentReader.Reading, _ index: Int) -> Question? {
        guard reading.save.shape == .file, case .read(let content) = reading.knowledge, !content.isBlank,
            let entry = content.entries.first, let server = scope.server(reading.key)
        else { return nil }
        let baseline = scope.baseline(for: reading.key)
        var contents: Set<Digest> = []
        if let version = server.content.newest, version.shape == .file, version.size > content.size {
            contents.insert(version.digest)
        }
        // Its size is not known where no stamps are.
        if let agreed = baseline?.digest, baseline?.entries.first.map({ $0.stamp.size > content.size }) ?? true {
            contents.insert(agreed)
        }
        guard !contents.isEmpty, content.digest != baseline?.digest, content.digest != server.content.newest?.digest
        else {
            return nil
        }
        return Question(
            reading: index, save: server.id, contents: contents, size: content.size, sha256: entry.sha256,
            truncation: .onDevice)
    }

    private func isServerShorter(_ reading: ContentReader.Reading, _ index: Int) -> Question? {
        guard case .read(let content) = reading.knowledge, let server = scope.server(reading.key),
            let version = scope.shorterVersion(than: reading.save)
        else { return nil }
        return Question(
            reading: index, save: server.id, contents: [content.digest], size: version.size, sha256: version.digest,
            truncation: .onServer)
    }

    /// The failure that the server's current content is lost, of which the device may have the beginning; nil where it is among
    /// `present`, or not asked about.
    private func loss(
        hiding question: Question, of reading: ContentReader.Reading, _ present: [StoredVersion]
    ) async throws -> StoreError? {
        guard question.truncation == .onDevice, case .version(let current) = scope.server(reading.key)?.content,
            question.contents.contains(current.digest), !present.contains(where: { $0.digest == current.digest }),
            let version = try await store.versions([current.id])[current.id]
        else { return nil }
        return try await store.loss(of: version, isDryRun: isDryRun)
    }

    /// A file that can't be read says nothing; it is told of by whoever needs it.
    private func isSo(_ question: Question, among versions: [StoredVersion]) async -> Bool {
        for version in versions where version.shape == .file && question.contents.contains(version.digest) {
            guard let entry = version.entries.first, entry.size > question.size else { continue }
            let file = store.library.file(entry, of: version)
            if (try? await file.sha256(ofFirst: question.size)) == question.sha256 { return true }
        }
        return false
    }
}

extension SyncScopeIndex {
    /// What the server has of this save where that is a shorter file than the device's.
    func shorterVersion(than save: DeviceSave) -> ServerVersion? {
        guard save.shape == .file, case .version(let version) = server(save.identity.key)?.content,
            version.shape == .file, version.size > 0, version.size < save.size
        else { return nil }
        return version
    }
}
