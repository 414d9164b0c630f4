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
    func credentials(for device: Device) async throws -> [Credential] {
        switch device.settings.authentication {
        case .agent:
            guard let agentSocket else {
                throw DeviceFailure(
                    code: .authentication,
                    message: "\(device.settings.name) logs in with the ssh-agent, and none is running",
                    advice: "Start one and set SSH_AUTH_SOCK, or give the device a key file.")
            }
            return [.agent(socketPath: agentSocket)]
        case .passwordFile(let path):
            return [.password(try await SecretFile.read(path, "password"))]
        case .keyFile(let path?):
            return [try await Credential.keyFile(at: path, passphrase: try await passphrase(of: device))]
        case .keyFile(nil):
            let candidates = [
                "\(keysDirectory)/\(device.settings.name).pem", "\(keysDirectory)/id_ed25519",
            ]
            guard let path = candidates.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
                throw DeviceFailure(
                    code: .authentication, message: "there is no key for \(device.settings.name)",
                    advice: "Put one at \(candidates.joined(separator: " or ")), or name one with "
                        + "`saveferry device edit \(device.settings.name) --key FILE`.")
            }
            return [try await Credential.keyFile(at: path, passphrase: try await passphrase(of: device))]
        }
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

    /// Runs `work` on an SFTP session with the device, and the connection that it goes over where that takes commands too.
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
        return try await withConnection(to: device, toList: directories, pulse: pulse) { try await work($0, $1) }
    }

    /// Opens a connection with a checked host key, runs `work` on it, and closes it however that ends. Cancelling the
    /// task cuts the connection, so that nothing waits for a device that fell silent.
    func withConnection<Result: Sendable>(
        to device: Device, toList directories: [SaveDirectory] = [], pulse: Pulse = Pulse(),
        _ work: (SSHConnection, SFTPClient) async throws -> Result
    ) async throws -> Result {
        let connection = try await connect(to: device, pulse)
        logger.debug(
            "logged in", metadata: ["device": "\(device.settings.name)", "server": "\(connection.serverBanner)"])
        defer { connection.close() }
        return try await withTaskCancellationHandler {
            try await work(connection, try await connection.openSFTP(toList: directories.map(\.remotePath)))
        } onCancel: {
            connection.close()
        }
    }

    private func connect(to device: Device, _ pulse: Pulse) async throws -> SSHConnection {
        let credentials = try await settings.credentials(for: device)
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
