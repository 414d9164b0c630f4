/// What happens when device and server both changed a save.
public enum ConflictPolicy: String, Hashable, Sendable, CaseIterable {
    /// Keep both contents and let the user decide.
    case ask
    /// The newer modification time wins, where both times are plausible; otherwise ``ask``.
    case newest
    /// The device's content becomes current.
    case device
    /// The server's content is put on the device.
    case server
    /// The device's content becomes a slot of its own, the server's is put on the device.
    case keepBoth = "keep-both"
}

/// What happens to a device's copy of a save that was deleted on the server.
public enum DeletionPolicy: String, Hashable, Sendable, CaseIterable {
    /// It stays on the device.
    case hold
    /// It is removed from the device once its content is safe in the library.
    case propagate
}
