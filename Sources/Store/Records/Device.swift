import Planner

/// A handheld that saves are synced with.
public struct Device: Hashable, Sendable {
    /// The row's number.
    public let id: Int64
    /// What the user configured.
    public let settings: DeviceSettings
    /// The save directories with their numbers, in the user's order.
    public let directories: [SaveDirectory]
    /// Fingerprints of the host keys that the user trusts; none before the first `device trust`.
    public let hostKeys: [PinnedHostKey]
}

/// What the user configures of a device.
public struct DeviceSettings: Hashable, Sendable {
    /// How to log in. No secret: only where one is found.
    public enum Authentication: Hashable, Sendable {
        /// A private key file; nil looks for `NAME.pem` and `id_ed25519` in the keys directory.
        case keyFile(path: String?)
        case passwordFile(path: String)
        case agent
    }

    /// Unique; letters, digits, `.`, `_` and `-`.
    public var name: String
    /// Name or address.
    public var host: String
    /// TCP port.
    public var port: Int
    /// Login name.
    public var user: String
    /// How to log in.
    public var authentication: Authentication
    /// Whose saves these are.
    public var owner: String
    /// Whether a run without names includes it.
    public var isEnabled: Bool
    /// At least one.
    public var directories: [SaveDirectory]
    /// Nil follows the global policy.
    public var conflictPolicy: ConflictPolicy?
    /// What happens to saves that were deleted on the server.
    public var deletionPolicy: DeletionPolicy
    /// When `serve` syncs it: a cron expression or an interval; nil follows the global schedule.
    public var schedule: String?

    /// Settings; see the properties. The directories' numbers are given by the store.
    public init(
        name: String, host: String, port: Int = 22, user: String = "root",
        authentication: Authentication = .keyFile(path: nil), owner: String = "default", isEnabled: Bool = true,
        directories: [SaveDirectory], conflictPolicy: ConflictPolicy? = nil, deletionPolicy: DeletionPolicy = .hold,
        schedule: String? = nil
    ) {
        self.name = name
        self.host = host
        self.port = port
        self.user = user
        self.authentication = authentication
        self.owner = owner
        self.isEnabled = isEnabled
        self.directories = directories
        self.conflictPolicy = conflictPolicy
        self.deletionPolicy = deletionPolicy
        self.schedule = schedule
    }

    /// Throws what is wrong with these settings, in the user's words.
    func validate() throws(StoreError) {
        let allowed = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
        guard !name.isEmpty, name.count <= 64, name.allSatisfy(allowed.contains), name.first != "." else {
            throw StoreError(
                .invalid, "\"\(FileName.escaped(name))\" can't be a device's name",
                advice: "Use up to 64 letters, digits, \".\", \"_\" and \"-\".")
        }
        guard !host.isEmpty, !host.contains(where: \.isWhitespace) else {
            throw StoreError(.invalid, "\(name) has no host", advice: "Give a name or an address with --host.")
        }
        guard (1...65_535).contains(port) else {
            throw StoreError(.invalid, "\(port) is not a TCP port", advice: "Give a number from 1 to 65535.")
        }
        guard !user.isEmpty, !owner.isEmpty else {
            throw StoreError(
                .invalid, "\(name) needs a user and an owner", advice: "Leave them out for root and default.")
        }
        guard !directories.isEmpty else {
            throw StoreError(
                .invalid, "\(name) has no save directory",
                advice: "Give one with --dir PLATFORM=PATH or --platform-dirs PATH.")
        }
        for directory in directories where directory.path.isEmpty || directory.path.utf8.contains(0) {
            throw StoreError(.invalid, "\(name) has a save directory without a path")
        }
        let twice = directories.first { one in
            directories.count { $0.kind == one.kind && $0.isSamePlace(as: one) } > 1
        }
        if let twice {
            throw StoreError(
                .invalid, "\(name) names a directory twice: \(twice.kind) \(FileName.escaped(twice.path))")
        }
    }
}

/// The fingerprint of a host key that the user trusts.
public struct PinnedHostKey: Hashable, Sendable {
    /// For example `ssh-ed25519`; nil when only the fingerprint is known.
    public let algorithm: String?
    /// `SHA256:` and 43 characters of base64.
    public let fingerprint: String

    /// A pin.
    public init(algorithm: String?, fingerprint: String) {
        self.algorithm = algorithm
        self.fingerprint = fingerprint
    }
}
