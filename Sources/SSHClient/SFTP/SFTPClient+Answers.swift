/// How answers become values and errors with all their words in one place.
extension SFTPClient {
    /// Throws unless the answer is the status OK. `action` completes "the device refused to …".
    func confirm(_ response: SFTPResponse, _ action: @autoclosure () -> String) throws(SSHError) {
        guard case .status(let status) = response, status.code == SFTPStatus.ok else {
            throw refusal(response, action())
        }
    }

    func attributes(_ response: SFTPResponse, _ action: @autoclosure () -> String) throws(SSHError) -> RemoteAttributes
    {
        guard case .attributes(let attributes) = response else { throw refusal(response, action()) }
        return attributes
    }

    func handle(_ response: SFTPResponse, _ action: @autoclosure () -> String) throws(SSHError) -> [UInt8] {
        guard case .handle(let handle) = response else { throw refusal(response, action()) }
        return handle
    }

    /// The error that an unwanted answer amounts to. An answer of the wrong type ends the connection.
    func refusal(_ response: SFTPResponse, _ action: String) -> SSHError {
        guard case .status(let status) = response, status.code != SFTPStatus.ok else {
            return breach("an answer of the wrong type when asked to \(action)")
        }
        return SSHError(status, action)
    }
}

extension SSHError {
    /// A server's refusal (draft-ietf-secsh-filexfer-02, section 7).
    init(_ status: SFTPStatus, _ action: String) {
        let code: Code
        let reason: String
        switch status.code {
        case SFTPStatus.noSuchFile: (code, reason) = (.noSuchFile, "no such file")
        case SFTPStatus.permissionDenied: (code, reason) = (.permissionDenied, "permission denied")
        case SFTPStatus.unsupported: (code, reason) = (.unsupported, "not supported by its server")
        default: (code, reason) = (.failure, status.message.isEmpty ? "error \(status.code)" : status.message)
        }
        self.init(code, "the device refused to \(action): \(reason)")
    }
}
