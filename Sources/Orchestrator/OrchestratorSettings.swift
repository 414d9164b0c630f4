import Planner
import SSHClient

/// What holds for every device.
public struct OrchestratorSettings: Sendable {
    /// Where `NAME.pem` and `id_ed25519` are looked for.
    public let keysDirectory: String
    /// The ssh-agent's socket (`SSH_AUTH_SOCK`), or nil.
    public let agentSocket: String?
    /// The passphrase of every key that has one; nil looks into ``passphraseFile``.
    public let passphrase: Secret?
    /// A file with that passphrase on its first line; nil looks for `keysDirectory/NAME.passphrase`.
    public let passphraseFile: String?
    /// For devices that have no policy of their own.
    public let conflictPolicy: ConflictPolicy
    /// How many devices are synced at once, besides those that keep us waiting.
    public let concurrency: Int
    /// How long each part of a connection may take.
    public let deadlines: Deadlines

    /// Settings; see the properties.
    public init(
        keysDirectory: String, agentSocket: String? = nil,
        passphrase: Secret? = nil, passphraseFile: String? = nil, conflictPolicy: ConflictPolicy = .ask,
        concurrency: Int = 8, deadlines: Deadlines = Deadlines()
    ) {
        self.keysDirectory = keysDirectory
        self.agentSocket = agentSocket
        self.passphrase = passphrase
        self.passphraseFile = passphraseFile
        self.conflictPolicy = conflictPolicy
        self.concurrency = max(1, concurrency)
        self.deadlines = deadlines
    }
}
