import Foundation

/// Where words go: answers to standard output, everything else to standard error.
enum Console {
    /// Whether standard error is a terminal that may be written over.
    static let isInteractive = isatty(STDERR_FILENO) == 1
    /// Whether colours are wanted (https://no-color.org).
    static let hasColour =
        isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR"]?.isEmpty ?? true

    /// One line, or several, of what was asked for.
    static func answer(_ text: String, terminator: String = "\n") { write(text + terminator, to: .standardOutput) }

    /// One line of an answer that goes on; false when nobody reads it any more.
    static func stream(_ line: [UInt8]) -> Bool {
        (try? FileHandle.standardOutput.write(contentsOf: Data(line + [UInt8(ascii: "\n")]))) != nil
    }

    /// Something to know beside the answer.
    static func note(_ text: String) { write(text + "\n", to: .standardError) }

    /// What went wrong.
    static func error(_ text: String) { write("error: \(text)\n", to: .standardError) }

    /// Text without a line's end, for a progress line.
    static func progress(_ text: String) { write(text, to: .standardError) }

    private static func write(_ text: String, to handle: FileHandle) {
        // A reader that went away is no reason to stop a sync.
        try? handle.write(contentsOf: Data(text.utf8))
    }
}
