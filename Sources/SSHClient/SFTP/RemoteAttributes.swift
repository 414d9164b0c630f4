/// What a server says of a file (draft-ietf-secsh-filexfer-02, section 5).
public struct RemoteAttributes: Hashable, Sendable {
    /// What kind of thing it is.
    public enum Kind: Hashable, Sendable { case file, directory, symlink, other }

    /// Taken from the permission bits; ``Kind/other`` where the server sends none and nothing else tells.
    public let kind: Kind
    /// Bytes.
    public let size: UInt64
    /// Seconds since 1970 by the device's clock.
    public let modified: Int64
    /// The nine permission bits and the three above them, where the server sends them.
    public let permissions: UInt32?
    /// Whose it is, where the server sends that.
    public let ownership: Ownership?
    /// Whether the server tells the size; ``size`` is 0 where it does not.
    var tellsSize = true
}

/// User and group of a file, by their numbers on the device.
public struct Ownership: Hashable, Sendable {
    /// The user's number.
    public let user: UInt32
    /// The group's number.
    public let group: UInt32

    /// Changes only the group: chown(2) leaves the user as it is where its number is -1.
    static func group(_ group: UInt32) -> Ownership { Ownership(user: .max, group: group) }
}

/// One entry of a listed directory.
public struct RemoteEntry: Hashable, Sendable {
    /// The name's bytes as the server sent them; it may be hostile.
    public let name: [UInt8]
    /// As in the listing; a symbolic link is not followed.
    public let attributes: RemoteAttributes
}

/// What was seen while a file was read.
public struct FileRead: Hashable, Sendable {
    /// When it was opened.
    public let before: RemoteAttributes
    /// After its last byte was read.
    public let after: RemoteAttributes
    /// Bytes that were handed over.
    public let byteCount: UInt64
}

/// Room on the file system of a device (`statvfs@openssh.com`).
public struct FileSystemStatus: Hashable, Sendable {
    /// Bytes that this user may still write.
    public let freeBytes: UInt64
    /// Bytes.
    public let totalBytes: UInt64
    /// Whether it is mounted read-only.
    public let isReadOnly: Bool
    /// The file system's number (`f_fsid`); 0 where the device gives none.
    public let number: UInt64
}
