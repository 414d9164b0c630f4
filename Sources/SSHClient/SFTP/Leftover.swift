/// A name that our own transfers give, so that a later session knows what an interrupted one left behind.
public enum Leftover: Hashable, Sendable {
    /// A file or folder that was being written; it holds nothing that is not in the library too.
    case temporary
    /// The old content of the file or folder with this name, which stood in the same folder.
    case backup(of: [UInt8])

    private static let prefix = Array(".saveferry-".utf8)
    private static let temporarySuffix = Array(".tmp".utf8)
    private static let backupSuffix = Array(".saveferry-bak".utf8)
    private static let backupFolderSuffix = Array(".bak".utf8)
    /// Bytes that a name may have on every file system (ext4, F2FS, exFAT).
    private static let longestName = 255

    /// What kind of leftover has this name, or nil for a name that is not ours. A name inside a backup folder is given with that
    /// folder's before it (``SFTPClient/listWithBackups(_:)``). Any other that could lead elsewhere is not ours.
    public static func classify(_ name: [UInt8]) -> Leftover? {
        if let slash = name.firstIndex(of: UInt8(ascii: "/")) {
            let (folder, inside) = (Array(name[..<slash]), Array(name[(slash + 1)...]))
            return RemotePath.isPlain(folder) && isBackupFolder(folder) && RemotePath.isPlain(inside)
                ? .backup(of: inside) : nil
        }
        guard RemotePath.isPlain(name) else { return nil }
        if name.starts(with: prefix), name.ends(with: temporarySuffix) || isBackupFolder(name) { return .temporary }
        if name.count > backupSuffix.count, name.ends(with: backupSuffix) {
            return .backup(of: Array(name.dropLast(backupSuffix.count)))
        }
        return nil
    }

    /// A name that nothing else has, short enough for every file system.
    public static func temporaryName() -> [UInt8] { uniqueName(temporarySuffix) }

    /// Such a name for what is to become `name`, with those of its characters that a file system may refuse: it refuses them
    /// before anything was sent, not at the rename.
    public static func temporaryName(like name: [UInt8]) -> [UInt8] { uniqueName(refusedOnFAT(name) + temporarySuffix) }

    /// Whether there are such characters in `name`.
    public static func hasRefusableCharacters(_ name: String) -> Bool { !refusedOnFAT(Array(name.utf8)).isEmpty }

    /// The bytes of `name` that FAT and exFAT have in no name, each once.
    static func refusedOnFAT(_ name: [UInt8]) -> [UInt8] {
        Array("\\:*?\"<>|".utf8).filter(name.contains)
    }

    /// The name under which the old content of `name` waits while its place is given to the new one; nil where it would be too
    /// long, and the content waits under its own name in a folder of ours.
    static func backupName(of name: [UInt8]) -> [UInt8]? {
        name.count + backupSuffix.count <= longestName ? name + backupSuffix : nil
    }

    /// A name for such a folder.
    static func backupFolderName() -> [UInt8] { uniqueName(backupFolderSuffix) }

    static func isBackupFolder(_ name: [UInt8]) -> Bool {
        name.starts(with: prefix) && name.ends(with: backupFolderSuffix)
    }

    private static func uniqueName(_ suffix: [UInt8]) -> [UInt8] {
        prefix + Array(String(UInt64.random(in: .min ... .max), radix: 16).utf8) + suffix
    }
}

extension [UInt8] {
    fileprivate func ends(with suffix: [UInt8]) -> Bool { self.suffix(suffix.count).elementsEqual(suffix) }
}
