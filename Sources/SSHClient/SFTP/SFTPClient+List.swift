extension SFTPClient {
    private static let mostNameBytes = 256 << 20
    private static let namesAfterEnd = "names after the end of a directory"

    /// What `directory` holds, without `.` and `..`, in the server's order. Attributes are the entries' own: links are
    /// not followed, except by servers that do so themselves (``isLink(_:)``). One round trip to open it, and as few more as the
    /// server's answers need. Fails where the server names something twice, also when asked again.
    public func list(_ directory: RemotePath) async throws(SSHError) -> [RemoteEntry] {
        await openDirectories.acquire()
        defer { openDirectories.release() }
        var nameListedTwice: [UInt8]?
        // Again without an answer that counts: the directory is opened alone the next time. And again where a name came twice:
        // what is renamed meanwhile may show under its old place and its new one.
        for _ in 0..<3 {
            guard let entries = try await listOnce(directory) else { continue }
            guard let name = SFTPClient.nameListedTwice(in: entries) else { return entries }
            if nameListedTwice != nil { break }
            nameListedTwice = name
        }
        guard let nameListedTwice else { throw mixedUp("list \(directory)") }
        throw SSHError(
            .failure, "the device lists \(printable(nameListedTwice)) twice in \(directory)",
            advice: "Its card may be damaged, or its SFTP server broken; nothing in there was touched.")
    }

    /// As ``list(_:)``. What ``setAside(_:)`` moved into a folder of ours is shown in that folder's place, under both names with a
    /// `/` between them, as ``Leftover`` reads it.
    public func listWithBackups(_ directory: RemotePath) async throws(SSHError) -> [RemoteEntry] {
        var shown: [RemoteEntry] = []
        for entry in try await list(directory) {
            guard entry.attributes.kind == .directory, Leftover.isBackupFolder(entry.name) else {
                shown.append(entry)
                continue
            }
            let folder = try directory.appending(listed: entry.name)
            let inside = try await list(folder)
            if inside.isEmpty { shown.append(entry) }
            for child in inside {
                _ = try folder.appending(listed: child.name)
                shown.append(
                    RemoteEntry(name: entry.name + [UInt8(ascii: "/")] + child.name, attributes: child.attributes))
            }
        }
        return shown
    }

    /// Nil when the server gave the directory's handle to something else too.
    private func listOnce(_ directory: RemotePath) async throws(SSHError) -> [RemoteEntry]? {
        let folder = try await openDirectory(directory)
        defer { close(folder) }
        do throws(SSHError) {
            let entries = try await entries(of: folder, directory)
            return await isTrusted(folder) ? entries : nil
        } catch {
            if folder.isShared, folder.pipeline.failure == nil { return nil }
            throw error
        }
    }

    private func entries(of folder: OpenHandle, _ directory: RemotePath) async throws(SSHError) -> [RemoteEntry] {
        var entries: [RemoteEntry] = []
        var names = 0
        var nameBytes = 0
        let end = DirectoryEnd()
        // Several requests are kept under way; those sent past the end are answered with "end of file". Where only a few
        // directories are listed, each may be a long one.
        let atOnce = openDirectories.taken < 8 ? 16 : 4
        var asked: ArraySlice<Pending<SFTPResponse>> = []
        for _ in 0..<atOnce { asked.append(ask(folder, end)) }
        while let next = asked.popFirst() {
            let response = try await next.value()
            switch response {
            case .names(let more):
                entries += more.filter { !SFTPClient.isDots($0.name) }
                names += more.count
                nameBytes += more.reduce(0) { $0 + $1.name.count }
                if names > mostEntries || nameBytes > SFTPClient.mostNameBytes {
                    throw breach("a directory without end")
                }
                // An answer without names is an end too, and what is under way shows whether it was one.
                if more.isEmpty || end.isReached { continue }
                // A long directory gets more requests under way.
                asked.append(ask(folder, end))
                if asked.count < 16 { asked.append(ask(folder, end)) }
            case .status(let status) where status.code == SFTPStatus.endOfFile:
                end.isReached = true
                // In order: what was asked for beyond the end says nothing else, and need not be waited for.
                if worksInOrder {
                    end.isLeft = true
                    for late in asked where late.hasArrived {
                        if case .names(let names) = try await late.value(), !names.isEmpty {
                            throw breach(SFTPClient.namesAfterEnd)
                        }
                    }
                    return entries
                }
            default:
                throw refusal(response, "list \(directory)")
            }
        }
        return entries
    }

    /// Whether the end of a directory was reached, and whether nobody waits for what was asked for beyond it.
    private final class DirectoryEnd {
        var isReached = false
        var isLeft = false
    }

    /// Names that come after a directory was taken for listed would be missing from it, and missing looks like deleted.
    private func ask(_ folder: OpenHandle, _ end: DirectoryEnd) -> Pending<SFTPResponse> {
        folder.pipeline.send(.readDirectory(handle: folder.bytes)) { [weak pipeline = folder.pipeline] result in
            if end.isLeft, case .success(.names(let names)) = result, !names.isEmpty {
                pipeline?.fail(SFTPClient.namesAfterEnd)
            }
        }
    }

    private static func isDots(_ name: [UInt8]) -> Bool {
        name == [UInt8(ascii: ".")] || name == [UInt8(ascii: "."), UInt8(ascii: ".")]
    }

    private static func nameListedTwice(in entries: [RemoteEntry]) -> [UInt8]? {
        var seen: Set<[UInt8]> = []
        seen.reserveCapacity(entries.count)
        return entries.first { !seen.insert($0.name).inserted }?.name
    }
}
