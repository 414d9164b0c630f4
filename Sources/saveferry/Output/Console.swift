import Foundation
import Glibc
import Synchronization

/// Where words go: answers to standard output, everything else to standard error.
enum Console {
    /// Whether standard error is a terminal that may be written over.
    static let isInteractive = isatty(STDERR_FILENO) == 1
    /// Whether colours are wanted (https://no-color.org).
    static let hasColour =
        isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR"]?.isEmpty ?? true

    /// Why the answer is not whole (errno(3)), or nil.
    private static let failure = Mutex<Int32?>(nil)

    /// One line, or several, of what was asked for.
    static func answer(_ text: String, terminator: String = "\n") { _ = add(Array((text + terminator).utf8)) }

    /// One line of an answer that goes on; false when it can't be written, as when nobody reads it any more.
    static func stream(_ line: [UInt8]) -> Bool { add(line + [UInt8(ascii: "\n")]) }

    /// Something to know beside the answer.
    static func note(_ text: String) { write(text + "\n") }

    /// What went wrong.
    static func error(_ text: String) { write("error: \(text)\n") }

    /// Text without a line's end, for a progress line.
    static func progress(_ text: String) { write(text) }

    /// Ends the answer. Returns what kept it from being whole, such as a full disk, or nil. A reader that went away had what it
    /// wanted.
    static func endAnswer() -> String? {
        // Some file systems tell only now that there was no room (close(2)).
        let code = failure.withLock { $0 } ?? (close(STDOUT_FILENO) == 0 ? 0 : errno)
        return code == 0 || code == EPIPE ? nil : String(cString: strerror(code))
    }

    /// Nothing is added to an answer that lacks something already.
    private static func add(_ bytes: [UInt8]) -> Bool {
        failure.withLock { failure in
            if failure == nil { failure = write(bytes, to: STDOUT_FILENO) }
            return failure == nil
        }
    }

    private static func write(_ text: String) { _ = write(Array(text.utf8), to: STDERR_FILENO) }

    /// Writes all of it, or returns why not (errno(3)).
    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32? {
        bytes.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count >= 0 {
                    rest = rest.dropFirst(count)
                } else if errno == EAGAIN {
                    // A terminal or pipe that another program made non-blocking.
                    var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    poll(&room, 1, -1)
                } else if errno != EINTR {
                    return errno
                }
            }
            return nil
        }
    }
}
