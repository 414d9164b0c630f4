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
    /// When it last ended a connection over something that the work can be done without, in seconds since 1970; nil when it did
    /// not since its settings were last changed.
    public let speedUpsFailedAt: Int64?
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
    /// Whether commands may be run on it, which spares reading large files that did not change.
    public var runsCommands: Bool
    /// Whether its account may have no password: the password file may be empty, and without any key none is needed.
    public var allowsEmptyPassword: Bool

    /// Settings; see the properties. The directories' numbers are given by the store.
    public init(
        name: String, host: String, port: Int = 22, user: String = "root",
        authentication: Authentication = .keyFile(path: nil), owner: String = "default", isEnabled: Bool = true,
        directories: [SaveDirectory], conflictPolicy: ConflictPolicy? = nil, deletionPolicy: DeletionPolicy = .hold,
        schedule: String? = nil, runsCommands: Bool = true, allowsEmptyPassword: Bool = false
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
        self.runsCommands = runsCommands
        self.allowsEmptyPassword = allowsEmptyPassword
    }

    /// Throws what is wrong with these settings, in the user's words: ``StoreError/Code/invalid`` with its
    /// ``StoreError/setting``.
    public func validate() throws(StoreError) {
        func refuse(_ key: DeviceSetting.Key, _ what: String, _ advice: String = "") -> StoreError {
            StoreError(.invalid, what, advice: advice, about: DeviceSetting(device: name, key: key))
        }
        let allowed = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
        guard !name.isEmpty, name.count <= 64, name.allSatisfy(allowed.contains), name.first != "." else {
            throw refuse(
                .name, "\"\(FileName.escaped(name))\" can't be a device's name",
                "Use up to 64 letters, digits, \".\", \"_\" and \"-\".")
        }
        guard !host.isEmpty, !host.contains(where: \.isWhitespace) else {
            throw refuse(.host, "\(name) has no host", "Give a name or an address.")
        }
        guard (1...65_535).contains(port) else {
            throw refuse(.port, "\(port) is not a TCP port", "Give a number from 1 to 65535.")
        }
        guard !user.isEmpty else { throw refuse(.user, "\(name) needs a user", "Leave it out for root.") }
        guard !owner.isEmpty else { throw refuse(.owner, "\(name) needs an owner", "Leave it out for default.") }
        guard !directories.isEmpty else {
            throw refuse(
                .directories, "\(name) has no save directory",
                "Give one with --dir PLATFORM=PATH or --platform-dirs PATH, or under directories in a device file.")
        }
        for directory in directories where directory.path.isEmpty || directory.path.utf8.contains(0) {
            throw refuse(.directories, "\(name) has a save directory without a path")
        }
        let twice = directories.first { one in
            directories.count { $0.kind == one.kind && $0.isSamePlace(as: one) } > 1
        }
        if let twice {
            throw refuse(
                .directories, "\(name) names a directory twice: \(twice.kind) \(FileName.escaped(twice.path))")
        }
    }
}

/// Which setting of which device an error is about.
public struct DeviceSetting: Hashable, Sendable {
    /// A setting by its name in a device file.
    public enum Key: String, Sendable { case name, host, port, user, owner, directories }

    /// The device's name.
    public let device: String
    /// Which of its settings.
    public let key: Key
}

/// A device as it is to be.
public struct DeviceChange: Sendable {
    /// What the device with this name is to have, whether it is there already or not.
    public let settings: DeviceSettings
    /// The host keys to trust instead of those that are trusted; nil leaves these.
    public let hostKeys: [PinnedHostKey]?

    /// A change; see the properties.
    public init(_ settings: DeviceSettings, hostKeys: [PinnedHostKey]?) {
        self.settings = settings
        self.hostKeys = hostKeys
    }
}

/// A device before and after it was changed.
public struct ChangedDevice: Sendable {
    /// Nil where it was added.
    public let old: Device?
    /// As it is now.
    public let new: Device

    /// A device before and after.
    public init(old: Device?, new: Device) {
        self.old = old
        self.new = new
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
