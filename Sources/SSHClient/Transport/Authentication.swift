import CLibSSH2
import Glibc
import NIOCore

/// Logs in over a connection whose host key was checked (RFC 4252).
struct Authentication {
    let driver: SSHDriver
    let endpoint: Endpoint

    /// Tries each credential in order until one is accepted, or the server lets the user in without.
    func logIn(with credentials: [Credential]) async throws(SSHError) {
        var refusal: SSHError?
        for credential in credentials {
            do throws(SSHError) {
                switch credential {
                case .key(let file, let publicFile, let contents, let passphrase):
                    try await useKey(file, publicFile, contents, passphrase)
                case .password(let password):
                    try await usePassword(password)
                case .agent(let path, let publicKey):
                    try await AgentAuthentication(login: self, publicKey: publicKey).logIn(socketPath: path)
                }
                return
            } catch  where error.code == .authenticationRefused || error.code == .badKeyFile {
                refusal = error
            } catch  where error.code == .disconnected {
                // Servers end the connection after some refusals, and then the first of them is what to look at.
                throw refusal ?? error
            }
        }
        throw refusal
            ?? SSHError(
                .authenticationRefused, "there is nothing to log in with to \(endpoint)",
                advice: "Give the device a key file, a password file or the ssh-agent.")
    }

    private func useKey(
        _ file: String, _ publicFile: String?, _ contents: Secret, _ passphrase: Secret?
    ) async throws(SSHError) {
        var answer = try await self.answer(to: contents, passphrase)
        switch answer {
        case .accepted: return
        case .unusable:
            let cause = "libssh2 \(SSHLibrary.version) doesn't know its kind"
            throw passphrase == nil
                ? KeyFile.unusable(file, cause)
                : KeyFile.unusable(
                    file, "its passphrase is wrong, or \(cause)",
                    advice: "Give its passphrase, or make a new key: ssh-keygen -t ed25519")
        case .refused, .signatureRefused, .anotherKeyWanted:
            guard let methods = try await methodsAfterRefusal() else { return }
            answer = try await refined(answer, methods) { () async throws(SSHError) in
                try await self.answer(to: contents, passphrase)
            }
            throw refusal(
                of: "the key \(file)", by: "publickey", answer, methods,
                advice:
                    "Append the public half (\(publicFile ?? "`ssh-keygen -y -f \(KeyFile.word(file))` prints it")) to "
                    + "~/.ssh/authorized_keys of \(endpoint.user) on the device.")
        }
    }

    private func answer(to key: Secret, _ passphrase: Secret?) async throws(SSHError) -> LoginAnswer {
        let user = endpoint.user
        let key = key.text
        let sent = try await driver.perform { session throws(SSHError) in .done(session.sentBytes) }
        return try await driver.perform { session throws(SSHError) -> SSHSession.Step<LoginAnswer> in
            let code = libssh2_userauth_publickey_frommemory(
                session.raw, user, user.utf8.count, nil, 0, key, key.utf8.count, passphrase?.text)
            // Before it asks the server, libssh2 makes the public half.
            if code < 0, code != LIBSSH2_ERROR_EAGAIN, session.sentBytes == sent { return .done(.unusable) }
            return try session.answer(code)
        }
    }

    /// What the answer to a key meant, where the server had nothing against the key itself and still allows keys. libssh2 keeps to
    /// itself whether that was a partial success (RFC 4252, section 5.1). After one, OpenSSH refuses the same key when it is
    /// `offered` again; where the account is what it refuses, it has nothing against the key then either.
    func refined(
        _ answer: LoginAnswer, _ methods: [String], offered: () async throws(SSHError) -> LoginAnswer
    ) async throws(SSHError) -> LoginAnswer {
        guard answer == .signatureRefused, methods.contains("publickey") else { return answer }
        do throws(SSHError) {
            return try await offered() == .refused ? .anotherKeyWanted : answer
        } catch  where error.code == .disconnected {
            return answer
        }
    }

    private func usePassword(
        _ password: Secret
    ) async throws(SSHError) {
        guard let methods = try await methodsUnlessLetIn() else { return }
        if methods.contains("password"), try await isAccepted(asPassword: password) { return }
        if methods.contains("keyboard-interactive"), try await isAccepted(asAnswer: password) { return }
        guard !Set(methods).isDisjoint(with: ["password", "keyboard-interactive"]) else {
            throw SSHError(
                .authenticationRefused,
                "\(endpoint) does not accept the password; it allows \(listed(methods))",
                advice: "Log in with a key instead.")
        }
        // A method that was accepted is asked for no more.
        guard let left = try await methodsAfterRefusal() else { return }
        let isPartial = !left.isEmpty && Set(left).isDisjoint(with: ["password", "keyboard-interactive"])
        throw refusal(
            of: "the password", by: "password", isPartial ? .signatureRefused : .refused, left,
            advice: "Check the user name and the password file.")
    }

    /// Why a server let nobody in.
    ///
    /// - Parameters:
    ///   - answer: `signatureRefused` where the server had nothing against this credential itself; see
    ///     ``refined(_:_:offered:)``.
    ///   - methods: what it allows after that.
    func refusal(
        of credential: String, by method: String, _ answer: LoginAnswer, _ methods: [String], advice: String
    ) -> SSHError {
        switch answer {
        case .anotherKeyWanted:
            return SSHError(
                .authenticationRefused, "\(endpoint) accepted \(credential), and wants a second key after it",
                advice: Authentication.oneFactor)
        case .signatureRefused:
            return methods.isEmpty || methods.contains(method)
                ? SSHError(
                    .authenticationRefused, "\(endpoint) knows \(credential), and refused the login all the same",
                    advice: "Its SSH server's log says why: the account may be locked, or not be allowed to log in.")
                : SSHError(
                    .authenticationRefused,
                    "\(endpoint) accepted \(credential), and wants a second factor: \(listed(methods))",
                    advice: Authentication.oneFactor)
        case .accepted, .refused, .unusable: break
        }
        if !methods.isEmpty, !methods.contains(method), method == "publickey" {
            return SSHError(
                .authenticationRefused,
                "\(endpoint) does not accept \(credential): it takes no keys, only \(listed(methods))",
                advice: methods.contains("password") || methods.contains("keyboard-interactive")
                    ? "Give the device a password file (--password-file), or switch keys on in its SSH server."
                    : "Switch keys on in its SSH server.")
        }
        return SSHError(.authenticationRefused, "\(endpoint) does not accept \(credential)", advice: advice)
    }

    private static let oneFactor =
        "SaveFerry logs in with one: let the account do with it (AuthenticationMethods in sshd_config)."

    /// As ``methodsUnlessLetIn()``; none where the server has ended the connection after the refusal.
    func methodsAfterRefusal() async throws(SSHError) -> [String]? {
        do throws(SSHError) {
            return try await methodsUnlessLetIn()
        } catch  where error.code == .disconnected {
            return []
        }
    }

    private func listed(_ methods: [String]) -> String {
        methods.isEmpty ? "nothing" : methods.joined(separator: ", ")
    }

    /// The methods that the server allows this user by now, or nil when it let the user in: accounts without a password need
    /// nothing to log in (RFC 4252, section 5.2).
    private func methodsUnlessLetIn() async throws(SSHError) -> [String]? {
        let user = endpoint.user
        return try await driver.perform { session throws(SSHError) -> SSHSession.Step<[String]?> in
            if let list = libssh2_userauth_list(session.raw, user, UInt32(user.utf8.count)) {
                return .done(String(cString: list).split(separator: ",").map { printable($0.utf8) })
            }
            if libssh2_userauth_authenticated(session.raw) == 1 { return .done(nil) }
            let code = libssh2_session_last_errno(session.raw)
            if code == LIBSSH2_ERROR_EAGAIN { return .again }
            throw session.endedLogin
        }
    }

    private func isAccepted(
        asPassword password: Secret
    ) async throws(SSHError) -> Bool {
        let user = endpoint.user
        let answer = try await driver.perform { session throws(SSHError) in
            try session.answer(
                libssh2_userauth_password_ex(
                    session.raw, user, UInt32(user.utf8.count), password.text, UInt32(password.text.utf8.count), nil))
        }
        return answer == .accepted
    }

    private func isAccepted(
        asAnswer password: Secret
    ) async throws(SSHError) -> Bool {
        let user = endpoint.user
        let answer = try await driver.perform { session throws(SSHError) in
            session.password = password
            return try session.answer(
                libssh2_userauth_keyboard_interactive_ex(
                    session.raw, user, UInt32(user.utf8.count), answerPrompts))
        }
        return answer == .accepted
    }
}

/// What came of one attempt to log in.
enum LoginAnswer: Hashable {
    case accepted
    case refused
    /// The server had accepted the public half, and let nobody in all the same when it was signed for: it wants more than that.
    case signatureRefused
    /// The server accepted the key, and wants another one after it.
    case anotherKeyWanted
    /// No signature could be made.
    case unusable
}

extension SSHSession {
    /// What a login call came to; a refusal is an answer, everything else an error. libssh2 has one code for many things here,
    /// and only its words tell them apart.
    func answer(_ code: Int32) throws(SSHError) -> Step<LoginAnswer> {
        let refusals = [
            LIBSSH2_ERROR_AUTHENTICATION_FAILED, LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED, LIBSSH2_ERROR_PASSWORD_EXPIRED,
        ]
        switch code {
        case 0...: return .done(.accepted)
        case LIBSSH2_ERROR_EAGAIN: return .again
        default:
            let text = lastErrorText
            if text.contains("Callback returned error") { return .done(.unusable) }
            guard refusals.contains(code), !text.hasPrefix("Waiting for") else { throw endedLogin }
            return .done(text.contains("Invalid signature") ? .signatureRefused : .refused)
        }
    }

    /// The connection ended before the server answered.
    fileprivate var endedLogin: SSHError {
        SSHError(
            .disconnected, "the device ended the connection during login\(farewell)",
            advice: "Its SSH server may be overloaded, or refuse this address or account; its own log says why.")
    }
}

/// Answers every hidden prompt with the password and every shown one with nothing.
private let answerPrompts:
    @convention(c) (
        UnsafePointer<CChar>?, Int32, UnsafePointer<CChar>?, Int32, Int32,
        UnsafePointer<LIBSSH2_USERAUTH_KBDINT_PROMPT>?, UnsafeMutablePointer<LIBSSH2_USERAUTH_KBDINT_RESPONSE>?,
        UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> Void = { _, _, _, _, count, prompts, responses, abstract in
        guard let prompts, let responses, let pointer = abstract?.pointee else { return }
        let password = Unmanaged<SSHSession.Buffers>.fromOpaque(pointer).takeUnretainedValue().password
        for index in 0..<Int(max(0, count)) where prompts[index].echo == 0 {
            guard let text = password?.text, let copy = strdup(text) else { continue }
            responses[index].text = copy
            responses[index].length = UInt32(text.utf8.count)
        }
    }
