import CLibSSH2
import Logging
import NIOCore

/// A logged-in SSH connection to a device whose host key is the pinned one. An actor on its own event loop.
public actor SSHConnection {
    /// The key that the server proved to have.
    public nonisolated let hostKey: HostKey
    /// The server's identification, for example `SSH-2.0-OpenSSH_9.2p1`, safe to print.
    public nonisolated let serverBanner: String
    /// What both sides agreed on.
    public nonisolated let algorithms: AgreedAlgorithms
    private let driver: SSHDriver
    private let opening = Budget(1)

    /// The connection's event loop runs everything here.
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }
    private nonisolated let executor: any SerialExecutor

    private init(_ handshake: Handshake) {
        driver = handshake.driver
        hostKey = handshake.hostKey
        serverBanner = handshake.serverBanner
        algorithms = handshake.algorithms
        executor = handshake.driver.eventLoop.executor
    }

    /// Connects, exchanges keys, checks the host key, and only then logs in.
    ///
    /// Credentials are tried in order. No authentication packet is sent unless the server's key matches one of `pins`:
    /// without a pin this throws ``SSHError/Code/hostKeyUnknown(offered:)``, with another key
    /// ``SSHError/Code/hostKeyChanged(offered:pinned:)``.
    ///
    /// - Parameter pulse: is told from now to the connection's end whether the device keeps us waiting.
    public static func connect(
        to endpoint: Endpoint, pins: [HostKeyPin], credentials: [Credential], deadlines: Deadlines = Deadlines(),
        pulse: Pulse = Pulse(), logger: Logger
    ) async throws(SSHError) -> SSHConnection {
        var offered: [HostKey] = []
        let attempts = attempts(for: pins)
        guard pins.isEmpty || !attempts.isEmpty else { throw SSHError(unusable: pins, endpoint) }
        for algorithms in attempts {
            let handshake: Handshake
            do throws(SSHError) {
                handshake = try await Handshake.perform(
                    with: endpoint, offering: algorithms, deadlines: deadlines, pulse: pulse)
            } catch  where error.meansNoSuchKey(of: algorithms, after: offered) {
                logger.debug("no common algorithm", metadata: ["device": "\(endpoint)", "reason": "\(error.what)"])
                continue
            }
            guard pins.contains(where: { $0.matches(handshake.hostKey) }) else {
                handshake.abandon()
                if !offered.contains(handshake.hostKey) { offered.append(handshake.hostKey) }
                continue
            }
            let connection = SSHConnection(handshake)
            try await connection.logIn(endpoint, credentials, within: deadlines.handshake)
            return connection
        }
        if offered.isEmpty {
            offered = try await probeHostKeys(of: endpoint, deadlines: deadlines, logger: logger).keys
        }
        throw SSHError(untrusted: offered, pins, endpoint)
    }

    /// Every host key that the server offers, most preferred first, one handshake each. Nothing is authenticated.
    public static func probeHostKeys(
        of endpoint: Endpoint, deadlines: Deadlines = Deadlines(), logger: Logger
    ) async throws(SSHError) -> OfferedHostKeys {
        var keys: [HostKey] = []
        var agreed: AgreedAlgorithms?
        var refusal: SSHError?
        for algorithm in SSHLibrary.hostKeyAlgorithms {
            do throws(SSHError) {
                let handshake = try await Handshake.perform(
                    with: endpoint, offering: [algorithm], deadlines: deadlines)
                handshake.abandon()
                agreed = agreed ?? handshake.algorithms
                if !keys.contains(handshake.hostKey) { keys.append(handshake.hostKey) }
            } catch  where error.meansNoSuchKey(of: [algorithm], after: keys) {
                refusal = error
            }
        }
        guard let agreed else {
            throw refusal ?? SSHError(.noCommonAlgorithm, "\(endpoint.host) offers no host key that can be used")
        }
        return OfferedHostKeys(keys: keys, algorithms: agreed)
    }

    /// Which algorithms to ask for, one handshake after the other: the pinned ones by name, or one at a time where only
    /// a fingerprint is known.
    private static func attempts(for pins: [HostKeyPin]) -> [[String]] {
        let known = pins.compactMap(\.algorithm).flatMap(SSHLibrary.offerNames)
            .filter(SSHLibrary.hostKeyAlgorithms.contains)
        let singly = SSHLibrary.hostKeyAlgorithms.map { [$0] }
        if pins.contains(where: { $0.algorithm == nil }) { return singly }
        return known.isEmpty ? [] : [known]
    }

    /// Opens an SFTP session (the `sftp` subsystem) on a channel of its own.
    ///
    /// - Parameters:
    ///   - directories: will be listed first; that they are known now saves a round trip.
    ///   - mayWiden: whether it may open further channels for its work.
    public func openSFTP(
        toList directories: [RemotePath] = [], mayWiden: Bool = true
    ) async throws(SSHError) -> SFTPClient {
        let stream = try await openSFTPStream()
        let more = { @Sendable () async throws(SSHError) -> any ByteStream in
            try await self.openSFTPStream(isSpeedUp: true)
        }
        do throws(SSHError) {
            // Only silence is watched for elsewhere, and a server may well say much and never what was asked.
            return try await driver.withDeadline(driver.deadlines.idle * 2, "starting SFTP") {
                () async throws(SSHError) in
                try await SFTPClient.start(over: stream, toList: directories, openStream: mayWiden ? more : nil)
            }
        } catch {
            throw SSHError(startingSFTPOver: stream, error)
        }
    }

    func openSFTPStream(isSpeedUp: Bool = false) async throws(SSHError) -> SSHStream {
        try await openChannel(window: 12 << 20, for: .subsystem("sftp"), isSpeedUp: isSpeedUp)
    }

    /// Runs one command, which the work can be done without, and returns what it printed. One that prints more than `maxOutput`
    /// bytes to one stream is given up (``SSHError/Code/failure``).
    ///
    /// - Parameters:
    ///   - input: what it finds on its standard input. The end of that is not told: the command must know it by itself.
    ///   - silence: after how long without output the command alone is given up (``SSHError/Code/timedOut``). Where none is
    ///     set, silence ends the connection, as it does elsewhere.
    ///   - limit: after how long the command alone is given up in any case (``SSHError/Code/timedOut``).
    public func execute(
        _ command: String, input: [UInt8] = [], maxOutput: Int = 1 << 20, silence: Duration? = nil,
        limit: Duration? = nil
    ) async throws(SSHError) -> CommandResult {
        let stream = try await openChannel(window: 256 << 10, for: .command(command), isSpeedUp: true)
        stream.write { $0.writeBytes(input) }
        let result = await CommandResult.collect(from: stream, maxOutput: maxOutput, silence: silence, limit: limit)
        if let failure = driver.failure ?? stream.failure { throw failure }
        // The server counts the channel as open until we close it too.
        stream.close()
        return result
    }

    /// Whether the device ended the connection over something that the work can be done without: a command, or one more channel.
    public var isEndedBySpeedUp: Bool { driver.isEndedBySpeedUp }

    /// Throws what ended the connection, if something has.
    public func checkIsOpen() throws(SSHError) {
        if let failure = driver.failure { throw failure }
    }

    /// Ends the connection at once: everything under way on it fails with ``SSHError/Code/cancelled``. Idempotent; can be
    /// called from anywhere.
    public nonisolated func close() {
        driver.fail(SSHError(.cancelled, "the connection was closed"))
    }

    /// Opens a channel with a receive window of `window` bytes for `program`, which is started with the first bytes.
    private func openChannel(
        window: UInt32, for program: RemoteProgram, isSpeedUp: Bool
    ) async throws(SSHError) -> SSHStream {
        let driver = driver
        if isSpeedUp { driver.speedUpsBeingOpened += 1 }
        defer { if isSpeedUp { driver.speedUpsBeingOpened -= 1 } }
        let channel = try await openChannel(window: window)
        return try await driver.perform { _ in
            let stream = SSHStream(raw: channel.raw, program: program, driver: driver, isSpeedUp: isSpeedUp)
            driver.add(stream)
            return .done(stream)
        }
    }

    /// Opens an empty channel. libssh2 keeps the state of an opening in the session, so there is one at a time.
    private func openChannel(window: UInt32) async throws(SSHError) -> ChannelPointer {
        await opening.acquire()
        defer { opening.release() }
        let driver = driver
        return try await driver.withDeadline(driver.deadlines.handshake, "opening a channel") {
            () async throws(SSHError) in
            try await driver.perform { session throws(SSHError) -> SSHSession.Step<ChannelPointer> in
                if let channel = libssh2_channel_open_ex(session.raw, "session", 7, window, 32_768, nil, 0) {
                    return .done(ChannelPointer(raw: channel))
                }
                return try session.failureOrAgain { _, text in
                    SSHError(.failure, "no channel could be opened: \(text)")
                }
            }
        }
    }

    private func logIn(
        _ endpoint: Endpoint, _ credentials: [Credential], within limit: Duration
    ) async throws(SSHError) {
        let driver = driver
        do throws(SSHError) {
            try await driver.withDeadline(limit, "logging in to \(endpoint)") { () async throws(SSHError) in
                try await Authentication(driver: driver, endpoint: endpoint).logIn(with: credentials)
            }
        } catch {
            driver.fail(error)
            throw error
        }
    }
}

/// A channel of libssh2 on its way from the call that opened it to the stream that owns it.
///
/// Sendable because it never leaves the driver's event loop.
private struct ChannelPointer: @unchecked Sendable {
    let raw: OpaquePointer
}

extension SSHError {
    /// Whether a handshake failed only because the server has no host key of the kinds that were asked for. One for RSA that it
    /// breaks off says so too, once it has `shown` another: dropbear 2022.83 offers RSA without having such a key, and then ends.
    func meansNoSuchKey(of algorithms: [String], after shown: [HostKey]) -> Bool {
        switch code {
        case .noCommonAlgorithm: true
        case .disconnected: !shown.isEmpty && algorithms.allSatisfy { $0.hasPrefix("rsa-") }
        default: false
        }
    }

    /// Why SFTP did not begin: what the device said in its place.
    fileprivate init(startingSFTPOver stream: SSHStream, _ error: SSHError) {
        let text = printable(stream.firstOutput.prefix { $0 != 0 }.trimmed)
        let errors = stream.firstErrors.isEmpty ? "" : ": \"\(printable(stream.firstErrors.trimmed))\""
        if let first = stream.firstOutput.first, first != 0 {
            // An SFTP packet begins with its length, whose first byte is 0.
            self.init(
                .unsupported, "text came before SFTP: \"\(text)\"",
                advice:
                    "A start-up file of the account on the device prints it, such as .bashrc: let it print on a terminal "
                    + "only. An account that may not log in says so like this, too.")
        } else if stream.isEndedByDevice {
            let end = stream.programEnd
            self.init(
                .unsupported,
                "the device accepted the login, but no SFTP came: the program for it ended at once \(end.words)\(errors)",
                advice: SSHError.advice(onSFTPEnding: end))
        } else if error.code == .timedOut, stream.isStarted {
            self.init(
                .timedOut, "the device accepted the login, but no SFTP came: \(error.what)\(errors)",
                advice: "\(SSHError.replacedSFTP) Or the device fell asleep just then; the next run tries again.")
        } else if error.code == .disconnected, stream.failure == nil {
            self.init(
                .disconnected, "\(error.what) when SFTP was to begin\(errors)",
                advice: "The log of its SSH server says why, such as a ChrootDirectory with a wrong owner.")
        } else {
            self = error
        }
    }

    /// What to do where the program that was started for SFTP ended at once.
    private static func advice(onSFTPEnding end: ProgramEnd) -> String {
        switch end {
        case .exited(0): replacedSFTP
        case .exited(127):
            "Its SSH server looks for sftp-server where there is none: install it, or set its path there."
        case .exited(255): "Its SSH server's log says why, such as a ChrootDirectory with a wrong owner."
        case .exited: "Can the account run programs there? Its shell and its start-up files decide that."
        case .signal, .untold: "The logs of the device and of its SSH server say why, such as too little memory."
        }
    }

    /// Why a program that is no SFTP server may run in the place of one.
    private static let replacedSFTP =
        "Something else may run in its place: a ForceCommand in sshd_config, a command= in the account's "
        + "authorized_keys, its shell or a start-up file."

    /// No pinned key is of a kind that the SSH library can verify.
    fileprivate init(unusable pins: [HostKeyPin], _ endpoint: Endpoint) {
        let kinds = Set(pins.compactMap(\.algorithm)).sorted().joined(separator: ", ")
        self.init(
            .hostKeyUnusable,
            "the pinned key of \(endpoint.host) is of a kind that libssh2 \(SSHLibrary.version) can't use: \(kinds)",
            advice: "Pin another key of the device (ed25519 is best), or install libssh2 1.11 or later.")
    }

    /// The server's key is not one that the user trusts.
    fileprivate init(untrusted offered: [HostKey], _ pins: [HostKeyPin], _ endpoint: Endpoint) {
        let shown = offered.map { "\($0.algorithm) \($0.fingerprint)" }.joined(separator: ", ")
        if pins.isEmpty, let first = offered.first {
            self.init(
                .hostKeyUnknown(offered: first), "\(endpoint.host) is not trusted yet; it offers \(shown)",
                advice: "Compare that with the device's own fingerprint, then pin it.")
        } else {
            let pinned = pins.map { "\($0.algorithm.map { $0 + " " } ?? "")\($0.fingerprint)" }.joined(separator: ", ")
            self.init(
                .hostKeyChanged(offered: offered, pinned: pins),
                "the host key of \(endpoint.host) is not the pinned one: it offers \(shown.isEmpty ? "none" : shown), "
                    + "pinned is \(pinned)",
                advice:
                    "No credential was sent. If the device was not reflashed, something else answers at its address.")
        }
    }
}
