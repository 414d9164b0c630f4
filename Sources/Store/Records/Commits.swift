import Planner

/// A save that came from a device and now stands in the library.
public struct PullCommit: Sendable {
    let operation: Int64?
    let device: Int64
    let server: ServerSave?
    let identity: SaveIdentity
    let seen: SeenOnDevice
    let version: StoredVersion

    /// `server` is the save as the plan saw it, nil where it knew none; `operation` is the recorded line, if there is one.
    public init(
        operation: Int64?, device: Int64, over server: ServerSave?, identity: SaveIdentity, directory: Int64,
        path: RelativePath, shape: SaveShape, content: DeviceContent, version: StoredVersion
    ) {
        self.operation = operation
        self.device = device
        self.server = server
        self.identity = identity
        seen = SeenOnDevice(directory: directory, path: path, shape: shape, content: content)
        self.version = version
    }
}

/// What came of recording a save that came from a device.
public enum PullOutcome: Hashable, Sendable {
    /// It is the current version of the save with this number.
    case current(save: Int64)
    /// The save got another content after the plan was made: this one is kept as an archival version, and nothing was
    /// agreed on.
    case superseded
}

/// A version that now stands on a device.
public struct PushCommit: Sendable {
    let operation: Int64?
    let device: Int64
    let save: Int64
    let seen: SeenOnDevice

    /// `content` is what stands there now.
    public init(
        operation: Int64?, device: Int64, save: Int64, directory: Int64, path: RelativePath, shape: SaveShape,
        content: DeviceContent
    ) {
        self.operation = operation
        self.device = device
        self.save = save
        seen = SeenOnDevice(directory: directory, path: path, shape: shape, content: content)
    }
}

/// Both sides turned out to hold the same content.
public struct AgreementCommit: Sendable {
    let device: Int64
    let save: Int64
    let seen: SeenOnDevice

    /// `content` is what both sides hold.
    public init(
        device: Int64, save: Int64, directory: Int64, path: RelativePath, shape: SaveShape, content: DeviceContent
    ) {
        self.device = device
        self.save = save
        seen = SeenOnDevice(directory: directory, path: path, shape: shape, content: content)
    }
}

/// A save that was removed from a device.
public struct RemovalCommit: Sendable {
    let operation: Int64?
    let device: Int64
    let save: Int64

    /// The device's copy of `save` is gone.
    public init(operation: Int64?, device: Int64, save: Int64) {
        self.operation = operation
        self.device = device
        self.save = save
    }
}

/// A content that is kept beside the current version.
public struct ArchiveCommit: Sendable {
    /// Where it is kept.
    public enum Place: Sendable {
        /// As an archival version of this save: listed and restorable, never paired.
        case archive(save: Int64)
        /// The same for a save that the server may not have yet.
        case history(of: SaveIdentity)
        /// As the current version of this save, usually another slot of the same game.
        case slot(SaveIdentity)
    }

    let device: Int64
    let place: Place
    let version: StoredVersion
    let modified: Int64

    /// `modified` in seconds since 1970 by the device's clock.
    public init(device: Int64, place: Place, version: StoredVersion, modified: Int64) {
        self.device = device
        self.place = place
        self.version = version
        self.modified = modified
    }
}

/// A save that both sides changed.
public struct ConflictCommit: Sendable {
    let operation: Int64?
    let device: Int64
    let save: Int64
    let seen: SeenOnDevice
    let version: StoredVersion?
    let serverVersion: Int64
    let endsAgreement: Bool

    /// `version` is the device's content as it was archived, or nil when the save already has it. With `endsAgreement` what was
    /// agreed on is forgotten, so that nothing but a decision ends the conflict.
    public init(
        operation: Int64?, device: Int64, save: Int64, directory: Int64, path: RelativePath, shape: SaveShape,
        content: DeviceContent, version: StoredVersion?, serverVersion: Int64, endsAgreement: Bool = false
    ) {
        self.operation = operation
        self.device = device
        self.save = save
        seen = SeenOnDevice(directory: directory, path: path, shape: shape, content: content)
        self.version = version
        self.serverVersion = serverVersion
        self.endsAgreement = endsAgreement
    }
}

/// Where and how a content was seen on a device.
struct SeenOnDevice: Sendable {
    /// Nil where the directory is no longer configured.
    let directory: Int64?
    let path: RelativePath
    let shape: SaveShape
    let content: DeviceContent
}
