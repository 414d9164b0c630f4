import CLibSSH2
import Glibc
import NIOCore

/// Logs in with the keys of an ssh-agent.
///
/// libssh2 asks for the signature in the middle of a call. It is told to wait, the agent is asked without blocking the
/// event loop, and the call is repeated once the signature is there.
struct AgentAuthentication {
    let login: Authentication
    /// The public half of the only key that is tried; nil tries each.
    let publicKey: [UInt8]?
    private var driver: SSHDriver { login.driver }
    private var endpoint: Endpoint { login.endpoint }

    init(login: Authentication, publicKey: [UInt8]?) {
        self.login = login
        self.publicKey = publicKey
    }

    func logIn(socketPath: String) async throws(SSHError) {
        let agent = AgentClient(socketPath: socketPath)
        let identities = try await usableIdentities(agent)
        var last = LoginAnswer.refused
        var accepted: AgentClient.Identity?
        for (refused, identity) in identities.enumerated() {
            do throws(SSHError) {
                last = try await answer(to: identity, agent)
            } catch  where error.code == .disconnected && refused > 0 {
                throw SSHError(
                    .authenticationRefused,
                    "\(endpoint) ended the login after \(refused + 1) of the ssh-agent's \(identities.count) keys (\(error.what))",
                    advice: "Name the right one: --key with its public half (FILE.pub) picks it out of the ssh-agent.")
            }
            if last == .accepted { return }
            if last == .signatureRefused {
                accepted = identity
                break
            }
        }
        guard let methods = try await login.methodsAfterRefusal() else { return }
        if let accepted {
            last = try await login.refined(last, methods) { () async throws(SSHError) in
                try await answer(to: accepted, agent)
            }
        }
        throw login.refusal(
            of: identities.count == 1
                ? "the ssh-agent's key"
                : "\(accepted == nil ? "any" : "a key") of the ssh-agent's \(identities.count) keys",
            by: "publickey", last, methods,
            advice: "Add the public half of one to ~/.ssh/authorized_keys on the device.")
    }

    /// The agent's keys that can be used; at least one.
    private func usableIdentities(_ agent: AgentClient) async throws(SSHError) -> [AgentClient.Identity] {
        let identities = try await agent.identities().filter { identity in
            HostKey(blob: identity.blob).map { [.rsa, .dsa].contains(KeyKind(algorithm: $0.algorithm)) } == false
        }
        let chosen = identities.filter { publicKey == nil || $0.blob == publicKey }
        guard chosen.isEmpty else { return chosen }
        throw SSHError(
            .authenticationRefused,
            identities.isEmpty
                ? "the ssh-agent holds no key that can be used (RSA and DSA keys can't)"
                : "the ssh-agent does not hold the key that is named for \(endpoint)",
            advice: "Add an ed25519 key with ssh-add, and its public half to ~/.ssh/authorized_keys on the device.")
    }

    private func answer(
        to identity: AgentClient.Identity, _ agent: AgentClient
    ) async throws(SSHError) -> LoginAnswer {
        let user = endpoint.user
        let outcome = try await driver.perform { session throws(SSHError) -> SSHSession.Step<Outcome> in
            let code = libssh2_userauth_publickey(
                session.raw, user, identity.blob, identity.blob.count, signWithAgent,
                libssh2_session_abstract(session.raw))
            if code == LIBSSH2_ERROR_EAGAIN, case .wanted(let data) = session.agentSignature {
                return .done(.signatureWanted(data))
            }
            switch try session.answer(code) {
            case .again: return .again
            case .done(let answer): return .done(.answered(answer))
            }
        }
        let data: [UInt8]
        switch outcome {
        case .answered(let answer): return answer
        case .signatureWanted(let wanted): data = wanted
        }
        let signature = try await agent.sign(data, with: identity.blob)
        return try await driver.perform { session throws(SSHError) in
            session.agentSignature = signature.map { .made($0) } ?? .refused
            let code = libssh2_userauth_publickey(
                session.raw, user, identity.blob, identity.blob.count, signWithAgent,
                libssh2_session_abstract(session.raw))
            let step = try session.answer(code)
            if case .done = step { session.agentSignature = .none }
            return step
        }
    }

    private enum Outcome {
        case signatureWanted([UInt8])
        case answered(LoginAnswer)
    }
}

/// Called by libssh2 when it needs a signature: hands over the one that the agent made, or asks to be called again.
private let signWithAgent:
    @convention(c) (
        OpaquePointer?, UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?, UnsafeMutablePointer<Int>?,
        UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> Int32 = { _, signature, length, data, count, abstract in
        guard let signature, let length, let data, let pointer = abstract?.pointee else { return -1 }
        let buffers = Unmanaged<SSHSession.Buffers>.fromOpaque(pointer).takeUnretainedValue()
        switch buffers.agentSignature {
        case .none, .wanted:
            buffers.agentSignature = .wanted(data: Array(UnsafeBufferPointer(start: data, count: count)))
            return LIBSSH2_ERROR_EAGAIN
        case .made(let bytes):
            // libssh2 frees it with its allocator, which is malloc's.
            guard let copy = malloc(max(1, bytes.count)) else { return -1 }
            bytes.withUnsafeBytes { source in
                if let base = source.baseAddress { memcpy(copy, base, bytes.count) }
            }
            signature.pointee = copy.assumingMemoryBound(to: UInt8.self)
            length.pointee = bytes.count
            return 0
        case .refused:
            return -1
        }
    }
