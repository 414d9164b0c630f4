import Foundation
import NIOCore
import TestSupport
import Testing

@testable import SSHClient

/// Key files of every kind, made by ssh-keygen and openssl: which can be used, and why others can't, before anything is sent.
@Suite struct KeyFileTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// A new private key; returns its path.
    private func make(_ arguments: String...) async throws -> String {
        let path = folder("key")
        let made = try await Command.run("ssh-keygen", ["-q", "-C", "test", "-f", path] + arguments)
        try #require(made.status == 0, "\(made.errorOutput)")
        return path
    }

    private func write(_ text: String) throws -> String { try folder.write(text, to: "other", mode: 0o600) }

    private func error(_ path: String, _ passphrase: String? = nil) async -> SSHError? {
        await #expect(throws: SSHError.self) {
            try await Credential.keyFile(at: path, passphrase: passphrase.map { Secret($0) })
        }
    }

    // MARK: Encrypted keys

    @Test(arguments: [
        ("aes128-ctr", "1"), ("aes192-ctr", "2"), ("aes256-ctr", "3"), ("aes128-cbc", "1"), ("aes192-cbc", "1"),
        ("aes256-cbc", "1"),
    ])
    func `a decrypted key is the one that ssh-keygen encrypted`(_ cipher: String, _ rounds: String) async throws {
        let path = try await make("-t", "ed25519", "-N", "correct horse", "-Z", cipher, "-a", rounds)
        let credential = try await Credential.keyFile(at: path, passphrase: Secret("correct horse"))
        guard case .key(_, _, let contents, nil) = credential else {
            Issue.record("\(credential)")
            return
        }
        let plain = try write(contents.text)
        let shown = try await Command.run("ssh-keygen", ["-y", "-P", "", "-f", plain])
        #expect(shown.status == 0 && folder.read("key.pub") == Array(shown.output.utf8), "\(shown.errorOutput)")
    }

    @Test func `a key is decrypted once for all who need it, and forgotten when nobody does`() async throws {
        let path = try await make("-t", "ed25519", "-N", "correct horse", "-a", "1")
        let keys = KeyRing()
        func use(_ passphrase: String, times: Int) async {
            await keys.keeping {
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<times {
                        group.addTask {
                            _ = try? await Credential.keyFile(at: path, passphrase: Secret(passphrase), keys: keys)
                        }
                    }
                }
            }
        }
        await use("correct horse", times: 8)
        #expect(await keys.decryptions == 1)
        await use("wrong", times: 8)
        #expect(await keys.decryptions == 2)
        await use("correct horse", times: 1)
        #expect(await keys.decryptions == 3)
    }

    @Test func `who gives up does not wait for a key`() async throws {
        let path = try await make("-t", "ed25519", "-N", "correct horse", "-a", "1")
        let waiting = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await code { _ = try await Credential.keyFile(at: path, passphrase: Secret("correct horse")) }
        }
        #expect(await waiting.value == .cancelled)
    }

    // MARK: What can't be used

    @Test(arguments: ["wrong", "", nil]) func `a wrong or missing passphrase is said`(_ passphrase: String?)
        async throws
    {
        let path = try await make("-t", "ed25519", "-N", "correct horse", "-a", "1")
        let what = await error(path, passphrase)?.what
        let reason = passphrase == "wrong" ? "the passphrase is wrong" : "its passphrase is missing"
        #expect(what == "the key \(path) can't be used: \(reason)")
    }

    /// OpenSSL would ask for it on the terminal, in the middle of a login.
    @Test(arguments: ["PEM", "PKCS8"]) func `without its passphrase a PEM key is not even tried`(_ format: String)
        async throws
    {
        let path = try await make("-t", "ecdsa", "-N", "correct horse", "-m", format)
        #expect(await error(path)?.what == "the key \(path) can't be used: its passphrase is missing")
    }

    @Test(arguments: ["aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "3des-cbc"])
    func `a key whose cipher is not known says which it is`(_ cipher: String) async throws {
        let path = try await make("-t", "ed25519", "-N", "correct horse", "-Z", cipher, "-a", "1")
        let error = await error(path, "correct horse")
        #expect(error?.code == .badKeyFile)
        #expect(error?.what == "the key \(path) can't be used: it is encrypted with \(cipher)")
        #expect(error?.advice.contains("ssh-keygen -p") == true)
    }

    @Test(arguments: ["RFC4716", "PEM", "PKCS8"]) func `a key that is cut off anywhere is not used`(_ format: String)
        async throws
    {
        let path = try await make("-t", "ecdsa", "-N", "", "-m", format)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        _ = try await Credential.keyFile(at: path, passphrase: nil)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for count in [text.count / 3, text.count / 2, text.count - 40] {
            #expect(await error(try write(String(text.prefix(count))))?.code == .badKeyFile)
            let last = lines.last { !$0.isEmpty } ?? ""
            #expect(await error(try write(text.prefix(count) + "\n\(last)\n"))?.code == .badKeyFile)
        }
        let indented = lines.map { "  \($0)" }.joined(separator: "\n")
        #expect(
            await error(try write(indented))?.what == "the key \(folder("other")) can't be used: its lines are indented"
        )
    }

    @Test(
        .disabled(if: SSHLibrary.supportsRSA, "this libssh2 speaks rsa-sha2"),
        arguments: ["RFC4716", "PEM", "PKCS8"])
    func `an RSA key is known as one in every format`(_ format: String) async throws {
        let path = try await make("-t", "rsa", "-b", "2048", "-N", "", "-m", format)
        #expect(await error(path)?.what.contains("it is an RSA key") == true)
    }

    @Test(.disabled(if: SSHLibrary.supportsRSA, "this libssh2 speaks rsa-sha2"))
    func `an RSA key in encrypted PKCS#8 is known by its length, and others are used`() async throws {
        let path = try await make("-t", "rsa", "-b", "1024", "-N", "correct horse", "-m", "PKCS8")
        let error = await error(path, "correct horse")
        #expect(error?.code == .badKeyFile)
        #expect(error?.what.contains("its length is that of an RSA or DSA key") == true, "\(String(describing: error))")
        #expect(error?.advice.contains("ssh-keygen -p -f ") == true)
        try FileManager.default.removeItem(atPath: path)
        let other = try await make("-t", "ecdsa", "-b", "521", "-N", "correct horse", "-m", "PKCS8")
        let slow = try await Command.run(
            "openssl",
            ["pkcs8", "-topk8", "-scrypt", "-in", other, "-passin", "pass:correct horse", "-passout", "pass:x"])
        for path in [other, try write(slow.output)] {
            _ = try await Credential.keyFile(at: path, passphrase: Secret("correct horse"))
        }
    }

    /// ssh-keygen has not made any since OpenSSH 9.8.
    @Test(arguments: [[], ["-traditional"], ["-traditional", "-aes128", "-passout", "pass:correct horse"]])
    func `a DSA key in PEM form is known as one`(_ options: [String]) async throws {
        let made = try await Command.run("openssl", ["dsaparam", "-genkey", "-noout", "1024"])
        let pem = try await Command.run("openssl", ["pkey"] + options, input: made.output)
        let error = await error(try write(pem.output), "correct horse")
        #expect(error?.code == .badKeyFile)
        #expect(error?.what.contains("it is a DSA key") == true, "\(String(describing: error)) \(pem.errorOutput)")
        #expect(error?.advice.contains("ssh-keygen -t ed25519") == true)
    }

    @Test(arguments: [
        ("ssh-dss", "it is a DSA key, and SSH does not use those any more"),
        (
            "sk-ssh-ed25519@openssh.com",
            "SaveFerry can't log in with a key of the kind sk-ssh-ed25519@openssh.com"
        ),
    ])
    func `a kind of key that can't log in is said in OpenSSH's form`(_ algorithm: String, _ reason: String)
        async throws
    {
        var publicKey = ByteBuffer()
        publicKey.writeString32(algorithm.utf8)
        var contents = ByteBuffer(string: "openssh-key-v1\0")
        for text in ["none", "none", ""] { contents.writeString32(text.utf8) }
        contents.writeInteger(UInt32(1))
        contents.writeString32(publicKey.readableBytesView)
        contents.writeString32([UInt8](repeating: 1, count: 16))
        let body = Data(contents.readableBytesView).base64EncodedString()
        let path = try write("\(OpenSSHKey.firstLine)\n\(body)\n\(OpenSSHKey.lastLine)\n")
        #expect(await error(path)?.what == "the key \(folder("other")) can't be used: \(reason)")
        let line = "\(algorithm) \(Data(publicKey.readableBytesView).base64EncodedString())\n"
        guard algorithm == "ssh-dss" else { return }
        #expect(await error(try write(line))?.what == "the key \(folder("other")) can't be used: \(reason)")
    }
}
