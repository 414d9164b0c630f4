import Crypto
import Foundation
import Testing

@testable import SSHClient

/// OpenSSH's known_hosts, line by line (sshd(8)).
@Suite struct KnownHostsTests {
    static let key = line("ssh-ed25519", 1)
    static let other = line("ssh-ed25519", 2)
    static let ecdsa = line("ecdsa-sha2-nistp256", 3)

    /// `algorithm base64` of a key that exists only here.
    private static func line(_ algorithm: String, _ byte: UInt8) -> String {
        "\(algorithm) \(Data(blob(algorithm, byte)).base64EncodedString())"
    }

    private static func blob(_ algorithm: String, _ byte: UInt8) -> [UInt8] {
        Wire.string(algorithm) + Wire.string([UInt8](repeating: byte, count: 32))
    }

    /// `|1|salt|hash|` of a name, as `ssh-keygen -H` makes it.
    private static func hashed(_ name: String) -> String {
        let salt = Data((0..<20).map { UInt8($0) })
        let hash = HMAC<Insecure.SHA1>.authenticationCode(for: Data(name.utf8), using: SymmetricKey(data: salt))
        return "|1|\(salt.base64EncodedString())|\(Data(hash).base64EncodedString())"
    }

    private static func pin(_ line: String) -> HostKeyPin {
        let fields = line.split(separator: " ")
        let blob = Data(base64Encoded: String(fields[1])).map(Array.init) ?? []
        return HostKey(blob: blob).map(HostKeyPin.init) ?? HostKeyPin(algorithm: nil, fingerprint: "")
    }

    private func pins(_ text: String, host: String = "deck", port: Int = 22) -> [HostKeyPin] {
        KnownHosts.pins(for: Endpoint(host: host, port: port, user: "deck"), in: text)
    }

    static let lines: [(what: String, line: String, host: String, port: Int, isPinned: Bool)] = [
        ("a plain name", "deck \(key)", "deck", 22, true),
        ("a plain name in capitals", "DECK \(key)", "Deck", 22, true),
        ("another name", "desk \(key)", "deck", 22, false),
        ("one of several names", "desk,deck,10.0.0.5 \(key) Mia's deck", "deck", 22, true),
        ("the address of several names", "deck,10.0.0.5 \(key)", "10.0.0.5", 22, true),
        ("tabs between the fields", "deck\t\(key)", "deck", 22, true),
        ("a name without its port", "deck \(key)", "deck", 2222, false),
        ("a name with its port", "[deck]:2222 \(key)", "deck", 2222, true),
        ("a name with another port", "[deck]:2222 \(key)", "deck", 22, false),
        ("a name with port 22", "[deck]:22 \(key)", "deck", 22, true),
        ("a hashed name", "\(hashed("deck")) \(key)", "deck", 22, true),
        ("a hashed name with its port", "\(hashed("[deck]:2222")) \(key)", "deck", 2222, true),
        ("a hash of another name", "\(hashed("desk")) \(key)", "deck", 22, false),
        ("a hash that is none", "|1|???|!!!|, \(key)", "deck", 22, false),
        ("a hash of another kind", "|2|AAAA|AAAA \(key)", "deck", 22, false),
        ("a star", "* \(key)", "deck", 22, true),
        ("a star in the middle", "d*k.lan \(key)", "deck.lan", 22, true),
        ("a star that must match nothing", "deck* \(key)", "deck", 22, true),
        ("stars that must try again", "*a*ab \(key)", "aaxaab", 22, true),
        ("a star that does not reach", "*.lan \(key)", "deck", 22, false),
        ("a question mark", "de?k \(key)", "deck", 22, true),
        ("a question mark too many", "deck? \(key)", "deck", 22, false),
        ("a star for the port", "[deck]:* \(key)", "deck", 2222, true),
        ("a name that is excluded", "*.lan,!deck.lan \(key)", "deck.lan", 22, false),
        ("a name that is not excluded", "*.lan,!deck.lan \(key)", "desk.lan", 22, true),
        ("an exclusion alone", "!desk \(key)", "deck", 22, false),
        ("an IPv6 address with its port", "[fe80::1]:2222 \(key)", "fe80::1", 2222, true),
        ("a comment", "#deck \(key)", "deck", 22, false),
        ("a certificate authority", "@cert-authority deck \(key)", "deck", 22, false),
        ("an unknown marker", "@trusted deck \(key)", "deck", 22, false),
        ("no key", "deck ssh-ed25519", "deck", 22, false),
        ("no base64", "deck ssh-ed25519 %%%%", "deck", 22, false),
        ("a key of another algorithm than it says", "deck ssh-rsa \(key.split(separator: " ")[1])", "deck", 22, false),
        ("SSH 1", "deck 1024 35 123456789", "deck", 22, false),
    ]

    @Test(arguments: lines) func `a line pins or does not`(
        _ row: (what: String, line: String, host: String, port: Int, isPinned: Bool)
    ) {
        #expect(
            pins(row.line, host: row.host, port: row.port) == (row.isPinned ? [Self.pin(Self.key)] : []), "\(row.what)")
    }

    @Test func `every key of a host is a pin, once and in order`() {
        let text = "deck \(Self.ecdsa)\n\n  \ndeck \(Self.key)\r\n* \(Self.ecdsa)\ndesk \(Self.other)\n"
        #expect(pins(text) == [Self.pin(Self.ecdsa), Self.pin(Self.key)])
    }

    @Test func `a revoked key is no pin, wherever it is revoked`() {
        let text = "deck \(Self.key)\ndeck \(Self.ecdsa)\n@revoked * \(Self.key)"
        #expect(pins(text) == [Self.pin(Self.ecdsa)])
        #expect(pins("deck \(Self.key)\n@revoked desk \(Self.key)") == [Self.pin(Self.key)])
    }

    @Test func `broken lines leave the others alone`() {
        #expect(pins("deck\n@revoked\n,,, \u{0} x\ndeck \(Self.key)\n@cert-authority") == [Self.pin(Self.key)])
    }

    // MARK: Pins

    private static let fingerprint = "SHA256:" + String(repeating: "A", count: 43)

    @Test func `a fingerprint is read as ssh-keygen prints it`() throws {
        let pin = HostKeyPin(algorithm: nil, fingerprint: Self.fingerprint)
        #expect(try HostKeyPin.parse(Self.fingerprint) == pin)
        #expect(try HostKeyPin.parse("  \(Self.fingerprint)=\n") == pin)
    }

    @Test(arguments: [
        "", "SHA256:", "AAAA", "MD5:16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48",
        "sha256:" + fingerprint.dropFirst(7),
        String(fingerprint.dropLast()), fingerprint + "A", "SHA256:" + String(repeating: "%", count: 43), "\u{1b}[2J",
    ]) func `what is no fingerprint is refused, and shown without harm`(_ text: String) {
        let error = #expect(throws: SSHError.self) { try HostKeyPin.parse(text) }
        #expect(error?.code == .unsupported)
        #expect(error?.what.contains("\u{1b}") == false)
    }

    @Test func `a pin matches its key, and with its algorithm no other`() throws {
        let key = try #require(HostKey(blob: Self.blob("ssh-ed25519", 1)))
        #expect(HostKeyPin(key).matches(key))
        #expect(HostKeyPin(algorithm: nil, fingerprint: key.fingerprint).matches(key))
        #expect(!HostKeyPin(algorithm: "ssh-rsa", fingerprint: key.fingerprint).matches(key))
        #expect(!Self.pin(Self.other).matches(key))
    }

    @Test(arguments: [
        [], [0, 0, 0, 7], [0, 0, 0, 0, 1], [0, 0, 0, 9, 1], [0xff, 0xff, 0xff, 0xff, 1], [0, 0, 0, 1, 0xff, 1],
    ])
    func `bytes that begin with no name are no key`(_ blob: [UInt8]) {
        #expect(HostKey(blob: blob) == nil)
    }
}
