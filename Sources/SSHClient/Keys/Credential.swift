import Dispatch
import Foundation

/// One way to log in.
public enum Credential: Sendable {
    /// A private key's text in OPENSSH or PEM format. `file` is its name without the folder: errors and logs travel further
    /// than where keys lie should be known.
    case key(file: String, contents: Secret, passphrase: Secret?)
    /// Tried as `password` (RFC 4252) and as the answer to hidden prompts of `keyboard-interactive` (RFC 4256).
    case password(Secret)
    /// Every key that the agent at this UNIX socket holds.
    case agent(socketPath: String)

    /// Reads a private key file. Refuses one that others can read, and kinds of key that can't work.
    public static func keyFile(at path: String, passphrase: Secret?) async throws(SSHError) -> Credential {
        let result = await withCheckedContinuation { continuation in
            DispatchQueue.global(qos: .userInitiated).async {
                continuation.resume(returning: Result { () throws(SSHError) in try readKey(path) })
            }
        }
        return .key(file: name(of: path), contents: Secret(try result.get()), passphrase: passphrase)
    }

    private static func name(of path: String) -> String { (path as NSString).lastPathComponent }

    private static func readKey(_ path: String) throws(SSHError) -> String {
        let name = name(of: path)
        var info = stat()
        guard stat(path, &info) == 0 else {
            throw SSHError(
                .badKeyFile, "the key file \(name) can't be read: \(String(cString: strerror(errno)))",
                advice: "Make one with: ssh-keygen -t ed25519")
        }
        guard info.st_mode & S_IFMT == S_IFREG else {
            throw SSHError(.badKeyFile, "\(name) is not a file", advice: "Name the private key file itself.")
        }
        guard info.st_mode & 0o077 == 0 else {
            throw SSHError(.badKeyFile, "others can read the key file \(name)", advice: "Give it mode 600 (chmod 600).")
        }
        guard info.st_size < 1 << 20, let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw SSHError(
                .badKeyFile, "the key file \(name) can't be read or is not text",
                advice: "Name the private key file, in OPENSSH or PEM format.")
        }
        if text.hasPrefix("ssh-") || text.hasPrefix("ecdsa-") {
            throw SSHError(
                .badKeyFile, "\(name) holds a public key",
                advice: "Name the private key, usually the same file without .pub.")
        }
        guard text.contains("PRIVATE KEY-----") else {
            throw SSHError(
                .badKeyFile, "\(name) is not a private key", advice: "Name a private key in OPENSSH or PEM format.")
        }
        if isRSA(text), !SSHLibrary.supportsRSA {
            throw SSHError(
                .badKeyFile, "\(name) is an RSA key, which does not work with libssh2 \(SSHLibrary.version)",
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
