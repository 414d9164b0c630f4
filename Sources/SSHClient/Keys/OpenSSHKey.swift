import Crypto
import CryptoExtras
import Foundation
import NIOCore

/// A private key in OpenSSH's own format (OpenSSH's PROTOCOL.key), as it stands in its file.
///
/// SaveFerry decrypts such keys itself. libssh2 does it twice in each login, in the middle of a call on the event loop.
struct OpenSSHKey: Sendable {
    /// The public half in SSH wire format.
    let publicKey: [UInt8]
    /// What the private half is encrypted with; nil where it is not.
    let encryption: Encryption?
    private let privateKey: [UInt8]

    /// How the private half is encrypted.
    struct Encryption: Hashable, Sendable {
        /// For example `aes256-ctr`.
        let cipher: String
        let salt: [UInt8]
        /// How often bcrypt is repeated (ssh-keygen's `-a`).
        let rounds: UInt32

        /// Bytes of the key, and whether the mode is CBC rather than CTR; nil for ciphers that can't be used.
        fileprivate var kind: (keyLength: Int, isCBC: Bool)? {
            switch cipher {
            case "aes128-ctr": (16, false)
            case "aes192-ctr": (24, false)
            case "aes256-ctr": (32, false)
            case "aes128-cbc": (16, true)
            case "aes192-cbc": (24, true)
            case "aes256-cbc": (32, true)
            default: nil
            }
        }

        /// Whether a key with this encryption can be decrypted here.
        var isKnown: Bool { kind != nil }
    }

    /// The first and the last line of a file.
    static let firstLine = "-----BEGIN OPENSSH PRIVATE KEY-----"
    static let lastLine = "-----END OPENSSH PRIVATE KEY-----"
    private static let magic = Array("openssh-key-v1\0".utf8)

    /// The key with these contents, which stand in base64 between the first and the last line; nil when they are damaged.
    init?(_ contents: [UInt8]) {
        guard contents.starts(with: OpenSSHKey.magic) else { return nil }
        var rest = ByteBuffer(bytes: contents.dropFirst(OpenSSHKey.magic.count))
        guard let cipher = rest.readString32(), let kdf = rest.readString32(), let options = rest.readString32(),
            rest.readInteger(as: UInt32.self) == 1, let publicKey = rest.readString32(),
            let privateKey = rest.readString32(), HostKey(blob: publicKey) != nil
        else { return nil }
        self.publicKey = publicKey
        self.privateKey = privateKey
        if cipher == Array("none".utf8) {
            encryption = nil
            guard OpenSSHKey.isWhole(privateKey) else { return nil }
            return
        }
        var parameters = ByteBuffer(bytes: options)
        guard kdf == Array("bcrypt".utf8), let salt = parameters.readString32(), !salt.isEmpty,
            let rounds = parameters.readInteger(as: UInt32.self), rounds > 0
        else { return nil }
        encryption = Encryption(cipher: printable(cipher), salt: salt, rounds: rounds)
    }

    /// The public half's algorithm, for example `ssh-ed25519`.
    var algorithm: String { HostKey(blob: publicKey)?.algorithm ?? "" }

    /// The same key without encryption, as the text of a file; nil when the passphrase is wrong. Takes as long as the key's
    /// maker wanted: never on an event loop or in the cooperative pool.
    func text(with passphrase: Secret) -> Secret? {
        guard let encryption, let kind = encryption.kind else { return plainText(privateKey) }
        let bytes = BcryptKDF.bytes(
            kind.keyLength + 16, passphrase: Array(passphrase.text.utf8), salt: encryption.salt,
            rounds: encryption.rounds)
        let key = SymmetricKey(data: bytes[..<kind.keyLength])
        let start = bytes[kind.keyLength...]
        let decrypted =
            kind.isCBC
            ? try? AES._CBC.decrypt(privateKey, using: key, iv: AES._CBC.IV(ivBytes: start), noPadding: true)
            : try? AES._CTR.decrypt(privateKey, using: key, nonce: AES._CTR.Nonce(nonceBytes: start))
        return decrypted.map(Array.init).flatMap { OpenSSHKey.isWhole($0) ? plainText($0) : nil }
    }

    /// Tells one key with one passphrase from every other.
    func digest(with passphrase: Secret) -> SHA512Digest {
        var hash = SHA512()
        hash.update(data: privateKey)
        hash.update(data: Array(passphrase.text.utf8))
        return hash.finalize()
    }

    /// The text of a key that is not encrypted.
    var plainText: Secret? { encryption == nil ? plainText(privateKey) : nil }

    /// Whether bytes are a private half: they begin with one number twice, so that a wrong passphrase shows.
    private static func isWhole(_ privateKey: [UInt8]) -> Bool {
        privateKey.count > 8 && privateKey[..<4] == privateKey[4..<8]
    }

    private func plainText(_ privateKey: [UInt8]) -> Secret {
        var contents = ByteBuffer(bytes: OpenSSHKey.magic)
        contents.writeString32("none".utf8)
        contents.writeString32("none".utf8)
        contents.writeString32([])
        contents.writeInteger(UInt32(1))
        contents.writeString32(publicKey)
        contents.writeString32(privateKey)
        let body = Data(contents.readableBytesView).base64EncodedString(options: [
            .lineLength76Characters, .endLineWithLineFeed,
        ])
        return Secret("\(OpenSSHKey.firstLine)\n\(body)\n\(OpenSSHKey.lastLine)\n")
    }
}
