import Foundation

/// A program that was run to its end.
public struct Command: Sendable {
    /// Exit status, or 128 plus the signal that ended it.
    public let status: Int32
    /// What it wrote to its standard output.
    public let output: String
    /// What it wrote to its standard error.
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
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [executable] + arguments
        if let environment {
            process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        }
        let output = Pipe()
        let errors = Pipe()
        let inputPipe = Pipe()
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = inputPipe
        try process.run()
        if let input { inputPipe.fileHandleForWriting.write(Data(input.utf8)) }
        try inputPipe.fileHandleForWriting.close()
        let errorReader = Reader(errors)
        let text = output.fileHandleForReading.readDataToEndOfFile()
        let errorText = errorReader.wait()
        process.waitUntilExit()
        let status = process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
        return Command(
            status: status, output: String(decoding: text, as: UTF8.self),
            errorOutput: String(decoding: errorText, as: UTF8.self))
    }

    /// Reads one pipe on a thread of its own, so that neither pipe can fill up while the other is read.
    ///
    /// Sendable because `data` is written before the group is left and read after it was waited for.
    private final class Reader: @unchecked Sendable {
        private var data = Data()
        private let group = DispatchGroup()

        init(_ pipe: Pipe) {
            group.enter()
            let handle = pipe.fileHandleForReading
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
