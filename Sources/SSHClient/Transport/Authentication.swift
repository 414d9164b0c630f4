import CLibSSH2
import Glibc
import NIOCore

/// Logs in over a connection whose host key was checked (RFC 4252).
struct Authentication {
    let driver: SSHDriver
    let endpoint: Endpoint

    /// Tries each credential in order until one is accepted.
    func logIn(with credentials: [Credential]) async throws(SSHError) {
        var refusal: SSHError?
        for credential in credentials {
            do throws(SSHError) {
                switch credential {
                case .key(let file, let contents, let passphrase):
                    try await useKey(file, contents, passphrase)
                case .password(let password):
                    try await usePassword(password)
                case .agent(let path):
                    try await AgentAuthentication(driver: driver, endpoint: endpoint).logIn(socketPath: path)
                }
                return
            } catch  where error.code == .authenticationRefused || error.code == .badKeyFile {
                refusal = error
            }
        }
        throw refusal
            ?? SSHError(
                .authenticationRefused, "there is nothing to log in with to \(endpoint)",
                advice: "Give the device a key file, a password file or the ssh-agent.")
    }

    private func useKey(
        _ file: String, _ contents: Secret, _ passphrase: Secret?
    ) async throws(SSHError) {
        let user = endpoint.user
        let key = contents.text
        _ = try await driver.perform { session throws(SSHError) in
            let code = libssh2_userauth_publickey_frommemory(
                session.raw, user, user.utf8.count, nil, 0, key, key.utf8.count, passphrase?.text)
            return try session.step(code) { code, text in
                // A key that can't be used and one that is not accepted come as codes that overlap. The callback is
                // what signs, after the server accepted the public half: it may fail without the passphrase.
                let isKeyAtFault =
                    [LIBSSH2_ERROR_FILE, LIBSSH2_ERROR_KEYFILE_AUTH_FAILED].contains(code)
                    || ["private key", "extract", "Callback"].contains(where: text.contains)
                if isKeyAtFault {
                    return SSHError(
                        .badKeyFile,
                        "the key \(file) can't be used: wrong or missing passphrase, or a kind that "
                            + "libssh2 \(SSHLibrary.version) doesn't know",
                        advice: "Give its passphrase, or make a new key: ssh-keygen -t ed25519")
                }
                return SSHError(
                    .authenticationRefused, "\(endpoint) does not accept the key \(file)",
                    advice: "Append the public half (\(file).pub) to ~/.ssh/authorized_keys of \(user) on the device.")
            }
        }
    }

    private func usePassword(
        _ password: Secret
    ) async throws(SSHError) {
        let methods = try await methods()
        if methods.contains("password"), try await isAccepted(asPassword: password) { return }
        if methods.contains("keyboard-interactive"), try await isAccepted(asAnswer: password) { return }
        throw SSHError(
            .authenticationRefused,
            "\(endpoint) does not accept the password; it allows \(methods.joined(separator: ", "))",
            advice: methods.contains("password") || methods.contains("keyboard-interactive")
                ? "Check the user name and the password file." : "Log in with a key instead.")
    }

    /// The methods that the server allows this user.
    private func methods() async throws(SSHError) -> [String] {
        let user = endpoint.user
        return try await driver.perform { session throws(SSHError) -> SSHSession.Step<[String]> in
            if let list = libssh2_userauth_list(session.raw, user, UInt32(user.utf8.count)) {
                return .done(String(cString: list).split(separator: ",").map { printable($0.utf8) })
            }
            // No list and no error: the server let the user in without anything.
            if libssh2_userauth_authenticated(session.raw) == 1 { return .done([]) }
            return try session.failureOrAgain { _, text in SSHError(.disconnected, "logging in failed: \(text)") }
        }
    }

    private func isAccepted(
        asPassword password: Secret
    ) async throws(SSHError) -> Bool {
        let user = endpoint.user
        return try await driver.perform { session throws(SSHError) in
            try session.acceptance(
                libssh2_userauth_password_ex(
                    session.raw, user, UInt32(user.utf8.count), password.text, UInt32(password.text.utf8.count), nil))
        }
    }

    private func isAccepted(
        asAnswer password: Secret
    ) async throws(SSHError) -> Bool {
        let user = endpoint.user
        return try await driver.perform { session throws(SSHError) in
            session.password = password
            return try session.acceptance(
                libssh2_userauth_keyboard_interactive_ex(
                    session.raw, user, UInt32(user.utf8.count), answerPrompts))
        }
    }
}

extension SSHSession {
    /// Whether a login was accepted; a refusal is an answer, everything else an error.
    func acceptance(_ code: Int32) throws(SSHError) -> Step<Bool> {
        switch code {
        case LIBSSH2_ERROR_AUTHENTICATION_FAILED, LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED, LIBSSH2_ERROR_PASSWORD_EXPIRED:
            return .done(false)
        default:
            switch try step(code, { _, text in SSHError(.disconnected, "logging in failed: \(text)") }) {
            case .again: return .again
            case .done: return .done(true)
            }
        }
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
