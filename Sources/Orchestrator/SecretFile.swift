import Foundation
import SSHClient

/// A file that holds one secret on its first line.
public enum SecretFile {
    /// The secret; see ``line(of:_:)``.
    static func read(_ path: String, _ kind: String) async throws -> Secret { Secret(try await line(of: path, kind)) }

    /// The first line, without its end; `kind` says what it is, for messages. Refuses a file that others can read.
    /// Throws ``DeviceFailure`` with ``DeviceFailure/Code/authentication``.
    public static func line(of path: String, _ kind: String) async throws -> String {
        try await offCooperativePool {
            let name = (path as NSString).lastPathComponent
            var info = stat()
            guard stat(path, &info) == 0 else {
                throw DeviceFailure(
                    code: .authentication,
                    message: "the \(kind) file \(name) can't be read: \(String(cString: strerror(errno)))",
                    advice: "Create it with mode 0600 and the \(kind) on its first line.")
            }
            guard info.st_mode & 0o077 == 0 else {
                throw DeviceFailure(
                    code: .authentication, message: "others can read the \(kind) file \(name)",
                    advice: "Give it mode 600 (chmod 600).")
            }
            guard let text = try? String(contentsOfFile: path, encoding: .utf8),
                let line = text.split(whereSeparator: \.isNewline).first
            else {
                throw DeviceFailure(
                    code: .authentication, message: "the \(kind) file \(name) is empty or not text",
                    advice: "Put the \(kind) on its first line.")
            }
            return String(line)
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
