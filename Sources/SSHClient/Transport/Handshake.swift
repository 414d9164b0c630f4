import CLibSSH2
import NIOCore

/// A connection whose keys are exchanged and whose server is not trusted yet.
struct Handshake: Sendable {
    let driver: SSHDriver
    let hostKey: HostKey
    let serverBanner: String
    let algorithms: AgreedAlgorithms

    /// Connects and exchanges keys, accepting only host keys of `algorithms`. Nothing is authenticated.
    static func perform(
        with endpoint: Endpoint, offering algorithms: [String], deadlines: Deadlines, pulse: Pulse = Pulse()
    ) async throws(SSHError) -> Handshake {
        let driver = try await SSHDriver.connect(to: endpoint, deadlines: deadlines, pulse: pulse)
        do throws(SSHError) {
            return try await driver.withDeadline(deadlines.handshake, "the key exchange with \(endpoint.host)") {
                () async throws(SSHError) in
                let (hostKey, banner, agreed) = try await driver.perform { session throws(SSHError) in
                    try exchangeKeys(session, endpoint, algorithms)
                }
                return Handshake(driver: driver, hostKey: hostKey, serverBanner: banner, algorithms: agreed)
            }
        } catch {
            driver.fail(error)
            throw error
        }
    }

    /// Closes the connection.
    func abandon() {
        driver.fail(SSHError(.cancelled, "the connection was closed"))
    }
}

private func exchangeKeys(
    _ session: SSHSession, _ endpoint: Endpoint, _ algorithms: [String]
) throws(SSHError) -> SSHSession.Step<(HostKey, String, AgreedAlgorithms)> {
    try prefer(algorithms, session)
    let step = try session.step(libssh2_session_handshake(session.raw, session.descriptor)) { _, text in
        failure(text, session, endpoint, algorithms)
    }
    switch step {
    case .again: return .again
    case .done: return .done((try hostKey(session, endpoint), banner(session), AgreedAlgorithms(session)))
    }
}

private func prefer(_ algorithms: [String], _ session: SSHSession) throws(SSHError) {
    guard !session.hasPreferences else { return }
    session.hasPreferences = true
    let preferences = [
        (LIBSSH2_METHOD_KEX, SSHLibrary.keyExchanges), (LIBSSH2_METHOD_HOSTKEY, algorithms.joined(separator: ",")),
        (LIBSSH2_METHOD_CRYPT_CS, SSHLibrary.ciphers), (LIBSSH2_METHOD_CRYPT_SC, SSHLibrary.ciphers),
        (LIBSSH2_METHOD_MAC_CS, SSHLibrary.macs), (LIBSSH2_METHOD_MAC_SC, SSHLibrary.macs),
    ]
    for (method, names) in preferences where libssh2_session_method_pref(session.raw, method, names) != 0 {
        throw SSHError(
            .unsupported, "this libssh2 (\(SSHLibrary.version)) has none of: \(names)",
            advice: "Install libssh2 1.10 or later.")
    }
}

private func failure(
    _ text: String, _ session: SSHSession, _ endpoint: Endpoint, _ algorithms: [String]
) -> SSHError {
    if let offer = session.offer, let mismatch = offer.mismatch(hostKeys: algorithms) {
        return offer.hasOnlyOldHostKeys
            ? SSHError(onlyOldHostKeysAt: endpoint, mismatch)
            : SSHError(
                .noCommonAlgorithm, "no algorithm in common with \(endpoint.host): \(mismatch)",
                advice: "Update the device's SSH server, or let it offer what SaveFerry has.")
    }
    let words = session.preambleText
    return SSHError(
        .disconnected,
        "the key exchange with \(endpoint.host) failed: \(text)\(session.farewell)"
            + (words.isEmpty ? "" : "; it said \"\(words)\""),
        advice: "Is it an SSH server that answers at port \(endpoint.port)?")
}

private func hostKey(_ session: SSHSession, _ endpoint: Endpoint) throws(SSHError) -> HostKey {
    var length = 0
    var type: Int32 = 0
    guard let bytes = libssh2_session_hostkey(session.raw, &length, &type) else {
        throw SSHError(.protocolError, "\(endpoint.host) showed no host key")
    }
    let blob = UnsafeRawBufferPointer(start: bytes, count: length)
    guard let key = HostKey(blob: Array(blob)) else {
        throw SSHError(.protocolError, "\(endpoint.host) showed a host key that is not one")
    }
    session.dropPrefix()
    return key
}

private func banner(_ session: SSHSession) -> String {
    libssh2_session_banner_get(session.raw).map { printable(String(cString: $0).utf8) } ?? ""
}

extension AgreedAlgorithms {
    /// Of a session whose handshake is over.
    fileprivate init(_ session: SSHSession) {
        func name(_ method: Int32) -> String {
            libssh2_session_methods(session.raw, method).map { printable(String(cString: $0).utf8) } ?? ""
        }
        self.init(
            keyExchange: name(LIBSSH2_METHOD_KEX), hostKey: name(LIBSSH2_METHOD_HOSTKEY),
            cipher: name(LIBSSH2_METHOD_CRYPT_CS), mac: name(LIBSSH2_METHOD_MAC_CS))
    }
}

extension SSHError {
    /// Systems whose SSH server makes no newer keys mostly have another one that does.
    fileprivate init(onlyOldHostKeysAt endpoint: Endpoint, _ mismatch: String) {
        self.init(
            .noCommonAlgorithm,
            "\(endpoint.host) has only RSA or DSA host keys, which libssh2 \(SSHLibrary.version) can't verify (\(mismatch))",
            advice:
                "Make an ed25519 host key on the device (dropbearkey or ssh-keygen, with -t ed25519). Where its SSH server "
                + "is too old for one, switch to the system's other SSH server, if it has one: many have both dropbear and OpenSSH."
        )
    }
}
