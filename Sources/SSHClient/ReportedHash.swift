/// What a device says of a file by its own sha256sum(1) and stat(1).
///
/// It saves reading a file that is already known. It proves nothing: the commands may lie, and their paths may begin at
/// another root than those of SFTP.
public struct ReportedHash: Hashable, Sendable {
    /// Bytes.
    public let size: UInt64
    /// Seconds since 1970 by the device's clock, as they were before the file was hashed.
    public let modified: Int64
    /// SHA-256 of the bytes, as hexadecimal digits.
    public let sha256: String

    /// `SIZE MODIFIED DIGITS …`
    fileprivate init?(_ fields: ArraySlice<Substring>) {
        guard fields.count >= 3, let size = UInt64(fields[fields.startIndex]),
            let modified = Int64(fields[fields.startIndex + 1])
        else { return nil }
        self.size = size
        self.modified = modified
        sha256 = String(fields[fields.startIndex + 2])
    }
}

extension SSHConnection {
    /// Lets the device hash these files itself, in one command. One for each path, in order; nil where none was given, as on
    /// devices without a shell or without the commands, and for paths with a line break.
    ///
    /// - Parameters:
    ///   - silence: how long each file may take; then this throws, and the connection stays.
    ///   - limit: how long all of them may take.
    public func hashes(
        of paths: [RemotePath], silence: Duration, limit: Duration
    ) async throws(SSHError) -> [ReportedHash?] {
        let lineBreak = UInt8(ascii: "\n")
        let askable = paths.indices.filter { !paths[$0].bytes.isEmpty && !paths[$0].bytes.contains(lineBreak) }
        // An empty line ends the list.
        let input = askable.flatMap { paths[$0].bytes + [lineBreak] } + [lineBreak]
        let result = try await execute(
            hashingCommand, input: input, maxOutput: (64 << 10) + askable.count * 128, silence: silence,
            limit: limit)
        var hashes = [ReportedHash?](repeating: nil, count: paths.count)
        for line in String(decoding: result.output, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard let number = fields.first.flatMap({ Int($0) }), askable.indices.contains(number - 1) else { continue }
            hashes[askable[number - 1]] = ReportedHash(fields.dropFirst())
        }
        return hashes
    }
}

/// Reads paths line by line and prints the number of each with what stat(1) and sha256sum(1) say.
///
/// The paths come as input and not as arguments, so that no login shell, of whatever kind, ever sees a name, and their number
/// has no limit. They are not printed, because tools differ in how they escape them; the number tells a line from what a
/// login script prints.
private let hashingCommand = """
    sh -c 'n=0; while IFS= read -r f && [ -n "$f" ]; do n=$((n + 1)); \
    echo "$n $(stat -L -c "%s %Y" -- "$f") $(sha256sum < "$f")"; done'
    """
