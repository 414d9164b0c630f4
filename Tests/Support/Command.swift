import Foundation

/// A program that was run to its end.
public struct Command: Sendable {
    /// Exit status, or 128 plus the signal that ended it.
    public let status: Int32
    /// Its standard output.
    public let output: String
    /// Its standard error.
    public let errorOutput: String

    /// Runs `executable` (a path, or a name on PATH) and waits for it.
    public static func run(
        _ executable: String, _ arguments: [String] = [], environment: [String: String]? = nil, input: String? = nil
    ) async throws -> Command {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(with: Result { try runBlocking(executable, arguments, environment, input) })
            }
        }
    }

    private static func runBlocking(
        _ executable: String, _ arguments: [String], _ environment: [String: String]?, _ input: String?
    ) throws -> Command {
        let (standardInput, output, errors) = (try connectedPair(), try connectedPair(), try connectedPair())
        let pid = try spawn("/usr/bin/env", [executable] + arguments, environment: environment ?? [:]) { actions in
            for (standard, pair) in [(Int32(0), standardInput), (1, output), (2, errors)] {
                posix_spawn_file_actions_adddup2(&actions, pair.theirs, standard)
            }
        }
        for pair in [standardInput, output, errors] { close(pair.theirs) }
        let errorReader = Reader(errors.ours)
        let writer = FileHandle(fileDescriptor: standardInput.ours, closeOnDealloc: true)
        // A program that ends without reading all of it is no fault, and no reason to end with it.
        signal(SIGPIPE, SIG_IGN)
        if let input { try? writer.write(contentsOf: Data(input.utf8)) }
        try writer.close()
        let text = FileHandle(fileDescriptor: output.ours, closeOnDealloc: true).readDataToEndOfFile()
        let errorText = errorReader.wait()
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return Command(
            status: status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f),
            output: String(decoding: text, as: UTF8.self), errorOutput: String(decoding: errorText, as: UTF8.self))
    }

    /// Reads one stream on a thread of its own, so that neither can fill up while the other is read.
    ///
    /// Sendable because `data` is written before the group is left and read after it was waited for.
    private final class Reader: @unchecked Sendable {
        private var data = Data()
        private let group = DispatchGroup()

        init(_ descriptor: Int32) {
            group.enter()
            let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
            Thread.detachNewThread { [self] in
                data = handle.readDataToEndOfFile()
                group.leave()
            }
        }

        func wait() -> Data {
            group.wait()
            return data
        }
    }
}
