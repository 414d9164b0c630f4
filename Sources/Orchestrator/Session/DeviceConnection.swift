import Foundation
import Logging
import Planner
import SSHClient
import Store

extension Device {
    /// Where to connect to.
    var endpoint: Endpoint {
        Endpoint(host: settings.host, port: settings.port, user: settings.user)
    }

    /// The fingerprints that the device's host key must have.
    var pins: [HostKeyPin] {
        hostKeys.map { HostKeyPin(algorithm: $0.algorithm, fingerprint: $0.fingerprint) }
    }
}

extension OrchestratorSettings {
    /// How to log in to `device`: its own key or password file, else `keysDirectory/NAME.pem`, else
    /// `keysDirectory/id_ed25519`.
    ///
    /// - Parameters:
    ///   - keys: decrypts a key that has a passphrase.
    ///   - pulse: is told while that is waited for.
    func credentials(for device: Device, keys: KeyRing, pulse: Pulse = Pulse()) async throws -> [Credential] {
        switch device.settings.authentication {
        case .agent: return [try agent(of: device)]
        case .passwordFile(let path):
            let password = try await SecretFile.read(
                path, "password", mayBeEmpty: device.settings.allowsEmptyPassword)
            return [.password(password)]
        case .keyFile(let path?): return [try await key(path, of: device, keys, pulse)]
        case .keyFile(nil):
            guard let path = keyFiles(of: device).first(where: { FileManager.default.fileExists(atPath: $0) })
            else {
                return [try emptyPassword(of: device)]
            }
            return [try await key(path, of: device, keys, pulse)]
        }
    }

    private func agent(of device: Device) throws -> Credential {
        guard let agentSocket else {
            throw DeviceFailure(
                code: .authentication,
                message: "\(device.settings.name) logs in with the ssh-agent, and none is running",
                advice: "Start one and set SSH_AUTH_SOCK, or give the device a key file.")
        }
        return .agent(socketPath: agentSocket)
    }

    /// Where the key of a device that names none may be.
    private func keyFiles(of device: Device) -> [String] {
        ["\(keysDirectory)/\(device.settings.name).pem", "\(keysDirectory)/id_ed25519"]
    }

    /// For a device without a key: its account may need none.
    private func emptyPassword(of device: Device) throws -> Credential {
        guard device.settings.allowsEmptyPassword else {
            throw DeviceFailure(
                code: .authentication, message: "there is no key for \(device.settings.name)",
                advice: "Put one at \(keyFiles(of: device).joined(separator: " or ")), or name one with "
                    + "`saveferry device edit \(device.settings.name) --key FILE`.")
        }
        return .password(Secret(""))
    }

    // Inlined, it makes the optimizer of Swift 6.3.1 crash.
    @inline(never)
    private func key(_ path: String, of device: Device, _ keys: KeyRing, _ pulse: Pulse) async throws -> Credential {
        let passphrase = try await passphrase(of: device)
        return try await Credential.keyFile(
            at: path, passphrase: passphrase, agentSocket: agentSocket, keys: keys, pulse: pulse)
    }

    private func passphrase(of device: Device) async throws -> Secret? {
        if let passphrase { return passphrase }
        if let passphraseFile { return try await SecretFile.read(passphraseFile, "passphrase") }
        let path = "\(keysDirectory)/\(device.settings.name).passphrase"
        return FileManager.default.fileExists(atPath: path) ? try await SecretFile.read(path, "passphrase") : nil
    }
}

extension Orchestrator {
    #if DEBUG
        /// Stands for all devices in tests of more of them than there can be servers.
        @TaskLocal static var openPeer: (@Sendable (Device) async throws -> SFTPClient)?
    #endif

    /// Runs `work` on an SFTP session with the device, and the connection that it goes over where that may be asked for more.
    ///
    /// A device that ends the connection over something that only saves time gets the whole of `work` once more without that, and so
    /// in later runs.
    ///
    /// - Parameters:
    ///   - directories: will be listed first.
    ///   - pulse: is told whether the device keeps us waiting.
    func withSFTP<Result: Sendable>(
        to device: Device, toList directories: [SaveDirectory], pulse: Pulse,
        _ work: (SSHConnection?, SFTPClient) async throws -> Result
    ) async throws -> Result {
        #if DEBUG
            if let sftp = try await Orchestrator.openPeer?(device) {
                let result = await Swift.Result { try await work(nil, sftp) }
                await sftp.close()
                return try result.get()
            }
        #endif
        guard mayUseSpeedUps(with: device) else {
            return try await withConnection(to: device, pulse: pulse) { connection in
                try await work(nil, try await connection.openSFTP(toList: directories, mayWiden: false))
            }
        }
        var isEndedBySpeedUp = false
        do {
            return try await withConnection(to: device, pulse: pulse) { connection in
                let sftp = try await connection.openSFTP(toList: directories, mayWiden: true)
                do {
                    return try await work(connection, sftp)
                } catch {
                    isEndedBySpeedUp = await connection.isEndedBySpeedUp
                    throw error
                }
            }
        } catch  where isEndedBySpeedUp && !Task.isCancelled {
            logger.notice(
                "the device ended the connection over a command or a further channel; once more without",
                metadata: ["device": "\(device.settings.name)", "reason": "\(error)"])
            return try await withoutSpeedUps(to: device, toList: directories, pulse: pulse, after: error, work)
        }
    }

    private func withoutSpeedUps<Result: Sendable>(
        to device: Device, toList directories: [SaveDirectory], pulse: Pulse, after failure: any Error,
        _ work: (SSHConnection?, SFTPClient) async throws -> Result
    ) async throws -> Result {
        var isConnected = false
        do {
            return try await withConnection(to: device, pulse: pulse) { connection in
                let sftp = try await connection.openSFTP(toList: directories, mayWiden: false)
                isConnected = true
                // A device that fell asleep or left meanwhile would not have been found again.
                try? await store.recordFailedSpeedUp(of: device.id, at: Int64(clock.now().timeIntervalSince1970))
                return try await work(nil, sftp)
            }
        } catch {
            throw isConnected ? error : failure
        }
    }

    /// Whether the device may be asked for more than SFTP over one channel: not for a week after it ended a connection over that.
    private func mayUseSpeedUps(with device: Device) -> Bool {
        guard let failed = device.speedUpsFailedAt else { return true }
        let age = Int64(clock.now().timeIntervalSince1970) - failed
        return age < 0 || age > 7 * 86_400
    }

    /// Opens a connection with a checked host key, runs `work` on it, and closes it however that ends. Cancelling the
    /// task cuts the connection, so that nothing waits for a device that fell silent.
    func withConnection<Result: Sendable>(
        to device: Device, pulse: Pulse = Pulse(), _ work: (SSHConnection) async throws -> Result
    ) async throws -> Result {
        let connection = try await connect(to: device, pulse)
        logger.debug(
            "logged in",
            metadata: [
                "device": "\(device.settings.name)", "server": "\(connection.serverBanner)",
                "algorithms": "\(connection.algorithms.names.joined(separator: " "))",
            ])
        defer { connection.close() }
        return try await withTaskCancellationHandler {
            try await work(connection)
        } onCancel: {
            connection.close()
        }
    }

    private func connect(to device: Device, _ pulse: Pulse) async throws -> SSHConnection {
        let credentials = try await settings.credentials(for: device, keys: keys, pulse: pulse)
        do {
            return try await SSHConnection.connect(
                to: device.endpoint, pins: device.pins, credentials: credentials, deadlines: settings.deadlines,
                pulse: pulse, logger: logger)
        } catch {
            let failure = DeviceFailure(error)
            guard failure.code == .hostKey else { throw failure }
            throw DeviceFailure(
                code: .hostKey, message: failure.message,
                advice: "\(failure.advice) To pin it: saveferry device trust \(device.settings.name)")
        }
    }
}

extension SSHConnection {
    /// Opens an SFTP session that lists these directories first.
    fileprivate func openSFTP(
        toList directories: [SaveDirectory], mayWiden: Bool
    ) async throws(SSHError) -> SFTPClient {
        try await openSFTP(toList: directories.map(\.remotePath), mayWiden: mayWiden)
    }
}
