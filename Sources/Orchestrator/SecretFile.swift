import Foundation
import Planner
import SSHClient

/// A file that holds one secret on its first line.
public enum SecretFile {
    /// Bytes that are read of it.
    private static let longest = 64 << 10

    /// The secret; see ``line(of:_:mayBeEmpty:)``.
    static func read(_ path: String, _ kind: String, mayBeEmpty: Bool = false) async throws -> Secret {
        Secret(try await line(of: path, kind, mayBeEmpty: mayBeEmpty))
    }

    /// The first line, without its end; `kind` says what it is, for messages. Refuses a file that others can read, and one that is
    /// empty unless that is allowed.
    /// Throws ``DeviceFailure`` with ``DeviceFailure/Code/authentication``.
    public static func line(of path: String, _ kind: String, mayBeEmpty: Bool = false) async throws -> String {
        try await offCooperativePool {
            let shown = FileName.escaped(path)
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else {
                let code = errno
                throw DeviceFailure(
                    code: .authentication,
                    message: "the \(kind) file \(shown) can't be read: \(String(cString: strerror(code)))",
                    advice: code == EACCES
                        ? "Give it to the user that runs saveferry (chown), with mode 600."
                        : "Create it with mode 600 and the \(kind) on its first line.")
            }
            let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
            var info = stat()
            guard fstat(descriptor, &info) == 0, info.st_mode & 0o077 == 0 else {
                throw DeviceFailure(
                    code: .authentication, message: "others can read the \(kind) file \(shown)",
                    advice: "Give it mode 600 (chmod 600).")
            }
            // At the end of a file there are no bytes to read, and nil comes instead.
            if let bytes = try? file.read(upToCount: SecretFile.longest) ?? Data(),
                let text = String(data: bytes, encoding: .utf8)
            {
                if let line = text.split(whereSeparator: \.isNewline).first { return String(line) }
                if mayBeEmpty { return "" }
            }
            throw DeviceFailure(
                code: .authentication, message: "the \(kind) file \(shown) is empty or not text",
                advice: "Put the \(kind) on its first line.")
        }
    }
}

/// Runs blocking work on the pool that disk work has, never on Swift's cooperative one.
func offCooperativePool<Result: Sendable>(
    _ work: @escaping @Sendable () throws -> Result
) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global(qos: .userInitiated).async {
            continuation.resume(with: Swift.Result { try work() })
        }
    }
}
