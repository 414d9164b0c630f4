/// A name that our own transfers give, so that a later session knows what an interrupted one left behind.
public enum Leftover: Hashable, Sendable {
    /// A file or folder that was being written; it holds nothing that is not in the library too.
    case temporary
    /// The old content of the file with this name, on servers that can't replace in one step.
    case backup(of: [UInt8])

    private static let temporaryPrefix = Array(".saveferry-".utf8)
    private static let temporarySuffix = Array(".tmp".utf8)
    private static let backupSuffix = Array(".saveferry-bak".utf8)

    /// What kind of leftover has this name, or nil for a name that is not ours.
    public static func classify(_ name: [UInt8]) -> Leftover? {
        if name.starts(with: temporaryPrefix), name.suffix(temporarySuffix.count).elementsEqual(temporarySuffix) {
            return .temporary
        }
        if name.count > backupSuffix.count, name.suffix(backupSuffix.count).elementsEqual(backupSuffix) {
            return .backup(of: Array(name.dropLast(backupSuffix.count)))
        }
        return nil
    }

    /// A name that nothing else has, short enough for every file system.
    public static func temporaryName() -> [UInt8] {
        temporaryPrefix + Array(String(UInt64.random(in: .min ... .max), radix: 16).utf8) + temporarySuffix
    }

    /// Such a name for what is to become `name`, with those of its characters that a file system may refuse: it refuses them
    /// before anything was sent, not at the rename.
    public static func temporaryName(like name: [UInt8]) -> [UInt8] {
        temporaryName().dropLast(temporarySuffix.count) + refusedOnFAT(name) + temporarySuffix
    }

    /// Whether there are such characters in `name`.
    public static func hasRefusableCharacters(_ name: String) -> Bool { !refusedOnFAT(Array(name.utf8)).isEmpty }

    /// The bytes of `name` that FAT and exFAT have in no name, each once.
    static func refusedOnFAT(_ name: [UInt8]) -> [UInt8] {
        Array("\\:*?\"<>|".utf8).filter(name.contains)
    }

    /// The name under which the old content of `name` waits while its place is given to the new one.
    public static func backupName(of name: [UInt8]) -> [UInt8] {
        name + backupSuffix
    }
}
