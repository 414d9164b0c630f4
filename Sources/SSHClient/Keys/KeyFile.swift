import Foundation

/// What a key file holds, read as far as that is possible without its passphrase.
enum KeyFile {
    case openSSH(OpenSSHKey)
    /// PEM or PKCS#8, for libssh2 to read.
    case pem(Secret)
    /// The public half of a key, in SSH wire format.
    case publicKey([UInt8])

    /// Reads the file at `path`; blocks. Throws ``SSHError/Code/badKeyFile`` for one that others can read, and for what can't be
    /// used, as far as that shows by now.
    init(at path: String) throws(SSHError) {
        let file = KeyFile.shown(path)
        let (text, mode) = try KeyFile.contents(of: path, file)
        if let publicKey = KeyFile.publicKey(text) {
            if KeyKind(algorithm: publicKey.algorithm) == .dsa { try KeyFile.check(.dsa, file) }
            self = .publicKey(publicKey.blob)
            return
        }
        guard mode & 0o077 == 0 else {
            throw SSHError(.badKeyFile, "others can read the key file \(file)", advice: "Give it mode 600 (chmod 600).")
        }
        guard text.contains("PRIVATE KEY-----") else {
            throw SSHError(
                .badKeyFile, "\(file) is not a private key", advice: "Name a private key in OPENSSH or PEM format.")
        }
        self = try KeyFile.privateKey(text, file)
    }

    /// The path of a key file, safe to print.
    static func shown(_ path: String) -> String { printable(path.utf8) }

    /// The path, safe to print, of the file that ssh-keygen puts beside a private key, or nil where it is missing; blocks.
    static func publicFile(beside path: String) -> String? {
        FileManager.default.fileExists(atPath: path + ".pub") ? shown(path + ".pub") : nil
    }

    /// A path as one word of a command for a shell.
    static func word(_ path: String) -> String {
        let isPlain = path.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "/._-+@:".utf8.contains(byte)
            }
        }
        return isPlain ? path : "'" + path.replacing("'", with: "'\\''") + "'"
    }

    private static func contents(of path: String, _ file: String) throws(SSHError) -> (text: String, mode: mode_t) {
        var info = stat()
        guard stat(path, &info) == 0 else { throw unreadable(file, errno) }
        guard info.st_mode & S_IFMT == S_IFREG else {
            throw SSHError(.badKeyFile, "\(file) is not a file", advice: "Name the private key file itself.")
        }
        guard access(path, R_OK) == 0 else { throw unreadable(file, errno) }
        guard info.st_size < 1 << 20, let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw SSHError(
                .badKeyFile, "the key file \(file) can't be read or is not text",
                advice: "Name the private key file, in OPENSSH or PEM format.")
        }
        return (text, info.st_mode)
    }

    private static func unreadable(_ file: String, _ code: Int32) -> SSHError {
        SSHError(
            .badKeyFile, "the key file \(file) can't be read: \(String(cString: strerror(code)))",
            advice: code == EACCES
                ? "Give it to the user that runs saveferry (chown), with mode 600."
                : "Make one with: ssh-keygen -t ed25519 -f \(KeyFile.word(file))")
    }

    /// The key of a line like that of a `.pub` file, or nil when the text is none.
    private static func publicKey(_ text: String) -> HostKey? {
        let fields = text.split(maxSplits: 2, omittingEmptySubsequences: true, whereSeparator: \.isWhitespace)
        guard fields.count >= 2, fields[0].hasPrefix("ssh-") || fields[0].hasPrefix("ecdsa-"),
            let blob = Data(base64Encoded: String(fields[1])), let key = HostKey(blob: Array(blob)),
            key.algorithm == fields[0]
        else { return nil }
        return key
    }

    // MARK: Private keys

    private static func privateKey(_ text: String, _ file: String) throws(SSHError) -> KeyFile {
        // The line by which a key is known may follow others, such as an elliptic curve's parameters.
        let lines = text.split(whereSeparator: \.isNewline)
        guard let start = lines.firstIndex(where: { $0.contains("-----BEGIN") && $0.contains("PRIVATE KEY-----") })
        else { throw unusable(file, "its first line is damaged") }
        guard lines[start].hasPrefix("-----"), !lines[start...].dropFirst().contains(where: isIndented) else {
            throw unusable(file, "its lines are indented", advice: "Copy it again: no line begins with a space.")
        }
        let end = lines[start].replacing("BEGIN", with: "END").trimmingCharacters(in: .whitespaces)
        guard let last = lines[start...].firstIndex(where: { $0.trimmingCharacters(in: .whitespaces) == end }) else {
            throw unusable(file, "it is cut off", advice: "Copy it again, with its last line: \(end)")
        }
        let headers = lines[(start + 1)..<last].prefix { $0.contains(":") }
        let body = lines[(start + 1)..<last].dropFirst(headers.count).joined()
        guard let data = Data(base64Encoded: body.filter { !$0.isWhitespace }), !data.isEmpty else {
            throw unusable(file, "it is cut off or damaged", advice: "Copy it again.")
        }
        if lines[start].hasPrefix(OpenSSHKey.firstLine) { return try openSSH(Array(data), file) }
        return try pem(text, String(lines[start]), headers.map(String.init), Array(data), file)
    }

    private static func isIndented(_ line: Substring) -> Bool { line.first == " " || line.first == "\t" }

    private static func openSSH(_ contents: [UInt8], _ file: String) throws(SSHError) -> KeyFile {
        guard let key = OpenSSHKey(contents) else {
            throw unusable(file, "it is cut off or damaged", advice: "Copy it again.")
        }
        try check(KeyKind(algorithm: key.algorithm), file)
        if let encryption = key.encryption, !encryption.isKnown {
            throw unusable(
                file, "it is encrypted with \(encryption.cipher)",
                advice: "Change that: ssh-keygen -p -Z aes256-ctr -f \(KeyFile.word(file))")
        }
        return .openSSH(key)
    }

    private static func pem(
        _ text: String, _ firstLine: String, _ headers: [String], _ data: [UInt8], _ file: String
    ) throws(SSHError) -> KeyFile {
        let isInsideEncrypted = headers.contains { $0.contains("ENCRYPTED") }
        guard isInsideEncrypted || isWholeElement(data) else {
            throw unusable(file, "it is cut off or damaged", advice: "Copy it again.")
        }
        if firstLine.contains("ENCRYPTED") { try checkLength(ofEncrypted: data, file) }
        try check(kind(firstLine, data), file)
        return .pem(Secret(text))
    }

    /// The kind of key that a PEM file holds: its first line may tell, or the beginning of what it holds in PKCS#8 (RFC 5208).
    private static func kind(_ firstLine: String, _ data: [UInt8]) -> KeyKind {
        let start = Data(data.prefix(32))
        let rsaEncryption = Data([0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01])
        let dsa = Data([0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01])
        if firstLine.contains("BEGIN RSA") || start.range(of: rsaEncryption) != nil { return .rsa }
        if firstLine.contains("BEGIN DSA") || start.range(of: dsa) != nil { return .dsa }
        return .usable
    }

    /// Refuses a PKCS#8 file that is encrypted as a whole (RFC 5958, section 3) and can't hold a key that works. Which kind of key
    /// it holds does not show, but those on elliptic curves are short: the longest, P-521's, has 241 bytes,
    /// and what is said of its encryption about 100.
    private static func checkLength(ofEncrypted data: [UInt8], _ file: String) throws(SSHError) {
        guard !SSHLibrary.supportsRSA, data.count > 400 else { return }
        throw unusable(
            file,
            "it is encrypted PKCS#8, and its length is that of an RSA or DSA key, which does not work with libssh2 "
                + SSHLibrary.version,
            advice:
                "Make an ed25519 key: ssh-keygen -t ed25519. To see what this one is, and for libssh2 1.11 or later, "
                + "convert it: ssh-keygen -p -f \(KeyFile.word(file))")
    }

    /// Whether these bytes are a SEQUENCE as long as it says (X.690, section 8.1.3).
    private static func isWholeElement(_ data: [UInt8]) -> Bool {
        guard data.count > 2, data[0] == 0x30 else { return false }
        if data[1] < 0x80 { return data.count == 2 + Int(data[1]) }
        let digits = Int(data[1] & 0x7f)
        guard digits > 0, digits <= 4, data.count > 2 + digits else { return false }
        return data.count == 2 + digits + data[2..<2 + digits].reduce(0) { $0 << 8 | Int($1) }
    }

    /// Refuses kinds of keys that can't log in.
    private static func check(_ kind: KeyKind, _ file: String) throws(SSHError) {
        let reason: String
        switch kind {
        case .usable: return
        case .rsa:
            guard !SSHLibrary.supportsRSA else { return }
            reason = "it is an RSA key, which does not work with libssh2 \(SSHLibrary.version)"
        case .dsa: reason = "it is a DSA key, and SSH does not use those any more"
        case .other(let algorithm): reason = "SaveFerry can't log in with a key of the kind \(algorithm)"
        }
        throw unusable(file, reason, advice: "Make an ed25519 key: ssh-keygen -t ed25519")
    }

    /// Why a key can't be used. Nothing is sent anywhere then.
    static func unusable(
        _ file: String, _ reason: String, advice: String = "Make a new key: ssh-keygen -t ed25519"
    ) -> SSHError {
        SSHError(.badKeyFile, "the key \(file) can't be used: \(reason)", advice: advice)
    }
}

extension Secret {
    /// Whether a PEM file with this text wants a passphrase. OpenSSL asks on the terminal for one that it is not given.
    var isEncryptedPEM: Bool { text.contains("ENCRYPTED") }
}
