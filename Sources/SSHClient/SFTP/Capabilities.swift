/// What a server can do, as its VERSION answer says; its banner is not asked.
public struct Capabilities: Hashable, Sendable {
    /// `posix-rename@openssh.com`: a rename that replaces its target in one step.
    public let atomicReplace: Bool
    /// `fsync@openssh.com`: a file can be forced to the card before it is renamed.
    public let fsync: Bool
    /// `statvfs@openssh.com`: free space can be asked for.
    public let statvfs: Bool
    /// `limits@openssh.com`: the server tells its packet sizes.
    public let limits: Bool
    /// Whether a plain RENAME fails where the new name is taken, as the draft wants it (section 6.5) and not all servers do.
    public var renameRefusesTakenNames: Bool { isSequential }
    /// The names and versions of all extensions, in the server's order, safe to print.
    public let extensions: [String]

    /// Whether requests are carried out strictly one after the other, as OpenSSH's own server does. Servers that work in
    /// parallel must have answered the writes before a file's times are set.
    let isSequential: Bool

    init(extensions offered: [(name: String, version: String)]) {
        let names = Set(offered.map(\.name))
        atomicReplace = names.contains("posix-rename@openssh.com")
        fsync = names.contains("fsync@openssh.com")
        statvfs = names.contains("statvfs@openssh.com")
        limits = names.contains("limits@openssh.com")
        // Only OpenSSH's server has these two, and it is single-threaded.
        isSequential = names.contains("fsync@openssh.com") && names.contains("fstatvfs@openssh.com")
        extensions = offered.map { $0.version.isEmpty ? $0.name : "\($0.name) \($0.version)" }
    }
}
