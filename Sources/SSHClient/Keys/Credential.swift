import Dispatch
import Foundation

/// One way to log in.
public enum Credential: Sendable {
    /// A private key's text in OPENSSH or PEM format.
    case key(file: String, contents: Secret, passphrase: Secret?)
    /// Tried as `password` (RFC 4252) and as the answer to hidden prompts of `keyboard-interactive` (RFC 4256).
    case password(Secret)
    /// Every key that the agent at this UNIX socket holds.
    case agent(socketPath: String)

    /// Reads a private key file. Refuses one that others can read, and kinds of key that can't work.
    public static func keyFile(at path: String, passphrase: Secret?) async throws(SSHError) -> Credential {
        let result = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(returning: Result { () throws(SSHError) in try readKey(path) })
            }
        }
        return .key(file: path, contents: Secret(try result.get()), passphrase: passphrase)
    }

    private static func readKey(_ path: String) throws(SSHError) -> String {
        var info = stat()
        guard stat(path, &info) == 0 else {
            throw SSHError(
                .badKeyFile, "the key file \(path) can't be read: \(String(cString: strerror(errno)))",
                advice: "Make one with: ssh-keygen -t ed25519 -f \(path)")
        }
        guard info.st_mode & S_IFMT == S_IFREG else {
            throw SSHError(.badKeyFile, "\(path) is not a file", advice: "Name the private key file itself.")
        }
        guard info.st_mode & 0o077 == 0 else {
            throw SSHError(.badKeyFile, "others can read the key file \(path)", advice: "Run: chmod 600 \(path)")
        }
        guard info.st_size < 1 << 20, let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw SSHError(
                .badKeyFile, "the key file \(path) can't be read or is not text",
                advice: "Name the private key file, in OPENSSH or PEM format.")
        }
        if text.hasPrefix("ssh-") || text.hasPrefix("ecdsa-") {
            throw SSHError(
                .badKeyFile, "\(path) holds a public key",
                advice: "Name the private key, usually the same file without .pub.")
        }
        guard text.contains("PRIVATE KEY-----") else {
            throw SSHError(
                .badKeyFile, "\(path) is not a private key", advice: "Name a private key in OPENSSH or PEM format.")
        }
        if isRSA(text), !SSHLibrary.supportsRSA {
            throw SSHError(
                .badKeyFile, "\(path) is an RSA key, which does not work with libssh2 \(SSHLibrary.version)",
                advice: "Make an ed25519 key: ssh-keygen -t ed25519")
        }
        return text
    }

    /// Whether the key's own text says RSA: in the PEM header, or in the public half that OPENSSH files carry unencrypted.
    private static func isRSA(_ text: String) -> Bool {
        if text.contains("BEGIN RSA PRIVATE KEY") { return true }
        guard text.contains("BEGIN OPENSSH PRIVATE KEY") else { return false }
        let body = text.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("-----") }.joined()
        guard let data = Data(base64Encoded: body, options: .ignoreUnknownCharacters) else { return false }
        return data.prefix(256).range(of: Data("\u{7}ssh-rsa".utf8)) != nil
    }
}
