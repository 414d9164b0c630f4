import Planner
import SSHClient

/// What holds for every device.
public struct OrchestratorSettings: Sendable {
    /// Where `NAME.pem` and `id_ed25519` are looked for.
    public let keysDirectory: String
    /// The ssh-agent's socket (`SSH_AUTH_SOCK`), or nil.
    public let agentSocket: String?
    /// The passphrase of a device's key, or nil when it has none.
    public let passphrase: @Sendable (_ device: String) -> Secret?
    /// For devices that have no policy of their own.
    public let conflictPolicy: ConflictPolicy
    /// How many devices are synced at once.
    public let concurrency: Int
    /// How long each part of a connection may take.
    public let deadlines: Deadlines

    /// Settings; see the properties.
    public init(
        keysDirectory: String, agentSocket: String? = nil,
        passphrase: @escaping @Sendable (_ device: String) -> Secret? = { _ in nil },
        conflictPolicy: ConflictPolicy = .ask, concurrency: Int = 8, deadlines: Deadlines = Deadlines()
    ) {
        self.keysDirectory = keysDirectory
        self.agentSocket = agentSocket
        self.passphrase = passphrase
        self.conflictPolicy = conflictPolicy
        self.concurrency = max(1, concurrency)
        self.deadlines = deadlines
    }
}
