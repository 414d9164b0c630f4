extension SFTPClient {
    private static let mostNameBytes = 256 << 20

    /// What `directory` holds, without `.` and `..`, in the server's order. Attributes are the entries' own: links are
    /// not followed. One round trip to open it, and as few more as the server's answers need.
    public func list(_ directory: RemotePath) async throws(SSHError) -> [RemoteEntry] {
        await openDirectories.acquire()
        defer { openDirectories.release() }
        let pipeline = leastBusy()
        let handle = try handle(
            try await pipeline.openDirectory(directory).value(), "list \(directory)")
        defer { pipeline.send(.close(handle: handle)) }

        var entries: [RemoteEntry] = []
        var names = 0
        var nameBytes = 0
        // Several requests are kept under way; those sent past the end are answered with "end of file". Where only a few
        // directories are listed, each may be a long one.
        let atOnce = openDirectories.taken < 8 ? 16 : 4
        var asked = (0..<atOnce).map { _ in pipeline.send(.readDirectory(handle: handle)) }[...]
        var hasEnded = false
        while let next = asked.popFirst() {
            let response = try await next.value()
            if hasEnded { continue }
            switch response {
            case .names(let more):
                entries += more.filter { !SFTPClient.isDots($0.name) }
                names += more.count
                nameBytes += more.reduce(0) { $0 + $1.name.count }
                if more.isEmpty || names > mostEntries || nameBytes > SFTPClient.mostNameBytes {
                    throw breach(more.isEmpty ? "a directory answer without names" : "a directory without end")
                }
                // A long directory gets more requests under way.
                asked.append(pipeline.send(.readDirectory(handle: handle)))
                if asked.count < 16 { asked.append(pipeline.send(.readDirectory(handle: handle))) }
            case .status(let status) where status.code == SFTPStatus.endOfFile:
                // In order: what was asked for beyond the end says nothing else, and need not be waited for.
                if capabilities.isSequential { return entries }
                hasEnded = true
            default:
                throw refusal(response, "list \(directory)")
            }
        }
        return entries
    }

    private static func isDots(_ name: [UInt8]) -> Bool {
        name == [UInt8(ascii: ".")] || name == [UInt8(ascii: "."), UInt8(ascii: ".")]
    }
}
