/// What a server says it can do, read from the plain beginning of a connection: its identification line and its
/// SSH_MSG_KEXINIT packet (RFC 4253, sections 4.2 and 7.1).
///
/// libssh2 does not tell what the other side offered when nothing fits, so a message that names both sides needs this.
struct ServerOffer: Hashable {
    /// For example `SSH-2.0-OpenSSH_9.2p1`.
    let banner: String
    let keyExchanges: [String]
    let hostKeys: [String]
    let ciphers: [String]
    let macs: [String]

    /// Nil when `bytes` do not hold both parts whole.
    init?(_ bytes: [UInt8]) {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 64, omittingEmptySubsequences: false)
        guard let line = lines.first(where: { $0.starts(with: Array("SSH-".utf8)) }), line.endIndex != bytes.endIndex
        else {
            return nil
        }
        banner = printable(line.last == UInt8(ascii: "\r") ? line.dropLast() : line[...])
        let packet = Array(bytes[bytes.index(after: line.endIndex)...])
        // uint32 length, byte padding, byte 20, 16 bytes of cookie, then name lists.
        guard packet.count > 22, packet[5] == 20 else { return nil }
        var position = 22
        func nameList() -> [String]? {
            guard packet.count >= position + 4 else { return nil }
            let length = packet[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
            guard length < 1 << 16, packet.count >= position + 4 + length else { return nil }
            defer { position += 4 + length }
            return printable(packet[(position + 4)..<(position + 4 + length)]).split(separator: ",").map(String.init)
        }
        guard let keyExchanges = nameList(), let hostKeys = nameList(), let ciphers = nameList(),
            nameList() != nil, let macs = nameList()
        else { return nil }
        self.keyExchanges = keyExchanges
        self.hostKeys = hostKeys
        self.ciphers = ciphers
        self.macs = macs
    }

    /// Whether every host key is of a kind that the SSH library can't verify: RSA before libssh2 1.11, RSA with SHA-1, or DSA.
    var hasOnlyOldHostKeys: Bool {
        !hostKeys.isEmpty
            && hostKeys.allSatisfy { ["ssh-rsa", "rsa-sha2-256", "rsa-sha2-512", "ssh-dss"].contains($0) }
            && Set(hostKeys).isDisjoint(with: SSHLibrary.hostKeyAlgorithms)
    }

    /// What both sides have where they have nothing in common, or nil when every kind has a common name. A host key that is
    /// `wanted` is looked for only where the server has any that can be used: a handshake may ask for one kind after the other.
    func mismatch(hostKeys wanted: [String]) -> String? {
        mismatch(accepting: SSHLibrary.hostKeyAlgorithms) ?? mismatch(accepting: wanted)
    }

    private func mismatch(accepting wanted: [String]) -> String? {
        let kinds = [
            ("key exchange", keyExchanges, SSHLibrary.keyExchanges.split(separator: ",").map(String.init)),
            ("host key", hostKeys, wanted),
            ("cipher", ciphers, SSHLibrary.ciphers.split(separator: ",").map(String.init)),
            ("MAC", macs, SSHLibrary.macs.split(separator: ",").map(String.init)),
        ]
        let missing = kinds.filter { Set($0.1).isDisjoint(with: $0.2) }
        guard !missing.isEmpty else { return nil }
        return missing.map { kind, theirs, ours in
            "\(kind): the device has \(theirs.joined(separator: ", ")); SaveFerry has \(ours.joined(separator: ", "))"
        }.joined(separator: "; ")
    }
}
