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
    /// The names and versions of all extensions, in the server's order, safe to print.
    public let extensions: [String]

    /// Whether the extensions are those of OpenSSH's own server: in its order, and none of another maker. That server carries out
    /// one request after the other. A guess that saves round trips, and no more than that: see ``SFTPClient/worksInOrder``.
    let resemblesOpenSSH: Bool

    init(extensions offered: [(name: String, version: String)]) {
        let names = Set(offered.map(\.name))
        atomicReplace = names.contains("posix-rename@openssh.com")
        fsync = names.contains("fsync@openssh.com")
        statvfs = names.contains("statvfs@openssh.com")
        limits = names.contains("limits@openssh.com")
        resemblesOpenSSH = Capabilities.areOpenSSHs(offered)
        extensions = offered.map { $0.version.isEmpty ? $0.name : "\($0.name) \($0.version)" }
    }

    /// What OpenSSH's sftp-server.c writes into its VERSION answer, in that order. Administrators can leave some out (`-P`), and
    /// older versions have only the first ones; those of later versions follow at the end.
    private static let openSSHs = [
        "posix-rename@openssh.com 1", "statvfs@openssh.com 2", "fstatvfs@openssh.com 2", "hardlink@openssh.com 1",
        "fsync@openssh.com 1", "lsetstat@openssh.com 1", "limits@openssh.com 1", "expand-path@openssh.com 1",
        "copy-data 1", "home-directory 1", "users-groups-by-id@openssh.com 1",
    ]

    /// Two of them at least must be there: gesftpserver, asyncssh and ProFTPD's mod_sftp have them too, but among others.
    private static func areOpenSSHs(_ offered: [(name: String, version: String)]) -> Bool {
        let offered = offered.map { "\($0.name) \($0.version)" }
        guard offered.contains("fsync@openssh.com 1"), offered.contains("fstatvfs@openssh.com 2") else { return false }
        var rest = openSSHs[...]
        for (index, name) in offered.enumerated() {
            if let place = rest.firstIndex(of: name) {
                rest = rest[(place + 1)...]
            } else {
                return offered[index...].allSatisfy { !openSSHs.contains($0) && $0.contains("@openssh.com ") }
            }
        }
        return true
    }
}
