import Testing

@testable import SSHClient

/// What is known of a server's handles, request by request.
@Suite struct HandleTableTests {
    private let h: [UInt8] = [7]

    /// A table in which request 0 opened `h`.
    private func withOneOpen() -> HandleTable {
        var table = HandleTable()
        table.opens(at: 0)
        table.opened(h, at: 0)
        return table
    }

    @Test func `a handle that is open already is shared, and was before`() {
        var table = withOneOpen()
        let first = table.opening(of: h)
        table.opens(at: 1)
        #expect(!first.isShared && !table.hasShared)
        table.opened(h, at: 1)
        #expect(first.isShared && table.opening(of: h).isShared && table.hasShared)
        table.closed(h, freeFrom: 2)
        #expect(!table.isEmpty)
        table.closed(h, freeFrom: 3)
        #expect(table.isEmpty)
    }

    @Test func `OpenSSH gives a handle again as soon as it is closed, to what was asked after that`() {
        var table = withOneOpen()
        // CLOSE is request 1, OPEN request 2, and both are under way.
        table.opens(at: 2)
        table.closed(h, freeFrom: 1)
        table.opened(h, at: 2)
        #expect(!table.hasShared)
    }

    @Test func `what was asked before a handle was closed can't be given it`() {
        var table = withOneOpen()
        table.opens(at: 1)
        table.closed(h, freeFrom: 2)
        table.opened(h, at: 1)
        #expect(table.hasShared)
    }

    @Test func `a handle that an unanswered request names is not free`() {
        var table = withOneOpen()
        table.uses(h)
        table.closed(h, freeFrom: 2)
        table.opens(at: 3)
        table.opened(h, at: 3)
        #expect(table.hasShared)
    }

    @Test func `what was answered is free again`() {
        var table = withOneOpen()
        for _ in 0..<2 { table.uses(h) }
        for _ in 0..<2 { table.used(h) }
        table.closed(h, freeFrom: 3)
        table.opens(at: 4)
        #expect(!table.isEmpty && !table.knowsOpenings(before: 5) && table.knowsOpenings(before: 4))
        table.opened(nil, at: 4)
        #expect(table.isEmpty && table.knowsOpenings(before: 5) && !table.hasShared)
    }

    // MARK: Who is taken for OpenSSH

    private static let openSSH = [
        "posix-rename@openssh.com 1", "statvfs@openssh.com 2", "fstatvfs@openssh.com 2", "hardlink@openssh.com 1",
        "fsync@openssh.com 1", "lsetstat@openssh.com 1", "limits@openssh.com 1", "expand-path@openssh.com 1",
        "copy-data 1", "home-directory 1", "users-groups-by-id@openssh.com 1",
    ]

    static let makers: [(name: String, extensions: [String], resembles: Bool)] = [
        ("OpenSSH 9.2", openSSH, true),
        ("OpenSSH 6.5", Array(openSSH.prefix(5)), true),
        ("OpenSSH without posix-rename", Array(openSSH.dropFirst()), true),
        ("OpenSSH with more to come", openSSH + ["new@openssh.com 1"], true),
        ("OpenSSH without fsync", openSSH.filter { !$0.hasPrefix("fsync") }, false),
        (
            "gesftpserver",
            [
                "fsync@openssh.com 1", "hardlink@openssh.com 1", "posix-rename@openssh.com 1", "statvfs@openssh.com 2",
                "fstatvfs@openssh.com 2", "vendor-id x",
            ], false
        ),
        (
            "asyncssh",
            [
                "vendor-id x", "posix-rename@openssh.com 1", "hardlink@openssh.com 1", "fsync@openssh.com 1",
                "statvfs@openssh.com 2", "fstatvfs@openssh.com 2",
            ], false
        ),
        (
            "ProFTPD's mod_sftp",
            [
                "versions 2,3,4,5,6", "fsync@openssh.com 1", "posix-rename@openssh.com 1", "statvfs@openssh.com 2",
                "fstatvfs@openssh.com 2", "hardlink@openssh.com 1", "home-directory 1",
            ], false
        ),
        ("rclone", ["hardlink@openssh.com 1", "posix-rename@openssh.com 1", "statvfs@openssh.com 2"], false),
        ("Erlang's ssh", [], false),
    ]

    @Test(arguments: makers)
    func `only OpenSSH's own extensions in their order are taken for OpenSSH's server`(
        _ maker: (name: String, extensions: [String], resembles: Bool)
    ) {
        let offered = maker.extensions.map { text in
            let parts = text.split(separator: " ").map(String.init)
            return (name: parts[0], version: parts[1])
        }
        #expect(Capabilities(extensions: offered).resemblesOpenSSH == maker.resembles, "\(maker.name)")
    }

    // MARK: The names of what waits

    @Test(arguments: [1, 241, 242, 255])
    func `what waits for its place is known by its name, however long that is`(_ length: Int) {
        let name = [UInt8](repeating: UInt8(ascii: "n"), count: length)
        if let backup = Leftover.backupName(of: name) {
            #expect(backup.count <= 255 && Leftover.classify(backup) == .backup(of: name))
        } else {
            let folder = Leftover.backupFolderName()
            #expect(length > 241 && folder.count <= 255 && Leftover.classify(folder) == .temporary)
            #expect(Leftover.classify(folder + [UInt8(ascii: "/")] + name) == .backup(of: name))
        }
        #expect(Leftover.classify(name) == nil)
    }
}
