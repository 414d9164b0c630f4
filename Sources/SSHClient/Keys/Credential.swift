import Dispatch
import Foundation

/// One way to log in.
public enum Credential: Sendable {
    /// A private key's text in OPENSSH or PEM format. `file` is its path and `publicFile` that of its public half, both safe to
    /// print; the latter is nil where there is no such file beside it.
    case key(file: String, publicFile: String? = nil, contents: Secret, passphrase: Secret?)
    /// Tried as `password` (RFC 4252) and as the answer to hidden prompts of `keyboard-interactive` (RFC 4256).
    case password(Secret)
    /// The keys that the agent at this UNIX socket holds: each of them, or the one with this public half in SSH wire format.
    case agent(socketPath: String, publicKey: [UInt8]? = nil)

    /// Reads a key file. Refuses one that others can read, kinds of key that can't work, and a wrong passphrase. A public half
    /// stands for the agent's key that it belongs to.
    ///
    /// - Parameters:
    ///   - agentSocket: the ssh-agent's UNIX socket, or nil.
    ///   - keys: decrypts it, once for all who share the ring.
    ///   - pulse: is told that the wait for that is nothing that other devices have to wait for.
    public static func keyFile(
        at path: String, passphrase: Secret?, agentSocket: String? = nil, keys: KeyRing = KeyRing(),
        pulse: Pulse = Pulse()
    ) async throws(SSHError) -> Credential {
        let result = await withCheckedContinuation { continuation in
            DispatchQueue.global(qos: .userInitiated).async {
                continuation.resume(
                    returning: Result { () throws(SSHError) in (try KeyFile(at: path), KeyFile.publicFile(beside: path))
                    })
            }
        }
        let file = KeyFile.shown(path)
        let (keyFile, publicFile) = try result.get()
        switch keyFile {
        case .openSSH(let key):
            if let text = key.plainText {
                return .key(file: file, publicFile: publicFile, contents: text, passphrase: nil)
            }
            let passphrase = try needed(passphrase, file)
            pulse.setAwaiting(true)
            defer { pulse.setAwaiting(false) }
            let text = try await keys.text(of: key, in: file, passphrase: passphrase)
            return .key(file: file, publicFile: publicFile, contents: text, passphrase: nil)
        case .pem(let text):
            return .key(
                file: file, publicFile: publicFile, contents: text,
                passphrase: text.isEncryptedPEM ? try needed(passphrase, file) : nil)
        case .publicKey(let blob):
            guard let agentSocket else {
                throw SSHError(
                    .badKeyFile, "\(file) holds a public key, and there is no ssh-agent that may have its private half",
                    advice: "Name the private key, usually the same file without .pub, or start an ssh-agent.")
            }
            return .agent(socketPath: agentSocket, publicKey: blob)
        }
    }

    private static func needed(_ passphrase: Secret?, _ file: String) throws(SSHError) -> Secret {
        guard let passphrase, !passphrase.text.isEmpty else {
            throw KeyFile.unusable(file, "its passphrase is missing", advice: "Give its passphrase.")
        }
        return passphrase
    }
}
