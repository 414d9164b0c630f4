import Foundation
import TestSupport

/// A server on loopback that a soak can trouble.
protocol TroubledServer: Sendable {
    func freeze()
    func thaw()
    func cutConnections()
    func setAccepting(_ isAccepting: Bool) throws
}

extension OpenSSHServer: TroubledServer {}
extension DropbearServer: TroubledServer {}

/// A pretend handheld: a folder of saves, and a real SSH server before it that comes and goes on one port.
actor Handheld {
    nonisolated let name: String
    nonisolated let owner: String
    nonisolated let port: Int
    private let kind: Kind
    private let folder: TemporaryFolder
    private var server: (any TroubledServer)?
    private var silence: SilentServer?
    private var trouble: Trouble?
    /// Name of the host key in ``SSHKeys`` that it shows, and of the one that the user trusts.
    private var hostKey = "host_ed25519"
    private var trustedKey = "host_ed25519"

    enum Kind: String, Sendable { case openSSH, dropbear }

    /// One that is not switched on yet.
    init(_ name: String, owner: String, _ kind: Kind) throws {
        (self.name, self.owner, self.kind) = (name, owner, kind)
        port = try freePort()
        folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder("saves"), withIntermediateDirectories: true)
    }

    /// Where its saves are.
    nonisolated var saves: String { folder("saves") }

    /// The file of a game's save.
    nonisolated func path(_ game: Int) -> String { "\(saves)/\(Handheld.fileName(game))" }

    static func fileName(_ game: Int) -> String { "Game \(game).srm" }

    // MARK: What befalls it

    /// Starts the server. Does nothing where it runs.
    func switchOn() async throws {
        guard server == nil else { return }
        switch kind {
        case .openSSH:
            var options = OpenSSHServer.Options.forMeasuring
            options.hostKeys = [hostKey]
            server = try await OpenSSHServer(options, port: port)
        case .dropbear: server = try await DropbearServer(port: port, hostKey: hostKey)
        }
    }

    /// Ends the server and all its connections at once.
    func switchOff() {
        // Stopped first: one that could still start a process would leave it behind.
        server?.freeze()
        server = nil
    }

    func fall(into new: Trouble) async throws {
        trouble = new
        switch new {
        case .away: switchOff()
        case .frozen: server?.freeze()
        case .silent:
            switchOff()
            silence = try SilentServer(port: port)
        case .locked: try server?.setAccepting(false)
        case .otherKey: try await show(hostKey == "host_ed25519" ? "other_host_ed25519" : "host_ed25519")
        case .cardMissing, .cardEmptied:
            // Cards are changed while the device is off.
            switchOff()
            try FileManager.default.moveItem(atPath: saves, toPath: folder("card"))
            if new == .cardEmptied {
                try FileManager.default.createDirectory(atPath: saves, withIntermediateDirectories: false)
            }
            try await switchOn()
        }
    }

    /// Ends what is wrong. `trust` is asked to make the user trust the key with this fingerprint where that has changed and
    /// is to be kept; otherwise it has its old key again.
    func recover(keepingKey: Bool, trust: (String) async throws -> Void) async throws {
        defer { trouble = nil }
        switch trouble {
        case .frozen: server?.thaw()
        case .silent: silence = nil
        case .locked: try server?.setAccepting(true)
        case .otherKey:
            if keepingKey {
                try await trust(SSHKeys.shared.fingerprint(hostKey))
                trustedKey = hostKey
            } else {
                try await show(trustedKey)
            }
        case .cardMissing, .cardEmptied:
            switchOff()
            // Fails when something was put where the card's saves were.
            if trouble == .cardEmptied, rmdir(saves) != 0 {
                throw SoakError("\(name): something was put into the directory that was emptied: \(names())")
            }
            try FileManager.default.moveItem(atPath: folder("card"), toPath: saves)
        case .away, nil: break
        }
        try await switchOn()
    }

    /// Cuts every connection; it still listens.
    func cut() { server?.cutConnections() }

    private func show(_ key: String) async throws {
        switchOff()
        hostKey = key
        try await switchOn()
    }

    // MARK: What is on it

    /// Every name in its save directory, hidden ones too.
    nonisolated func names() -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: saves)) ?? []).sorted()
    }
}

/// What went wrong with the soak itself, or was found by it, in words.
struct SoakError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
