import Foundation

extension OpenSSHServer.Options {
    /// MySecureShell as sshd's SFTP server. Its listings follow links. It reads its settings from one place only, so it runs in a
    /// mount namespace of its own, where that is a file in `folder` without its usual limits.
    public static func mySecureShell(configuredIn folder: TemporaryFolder) throws -> OpenSSHServer.Options {
        let settings = try folder.write(
            """
            <Default>
                GlobalDownload 0
                GlobalUpload 0
                Download 0
                Upload 0
                StayAtHome false
                VirtualChroot false
                LimitConnection 1000
                LimitConnectionByUser 1000
                LimitConnectionByIP 1000
                Home /
                IdleTimeOut 0
                ResolveIP false
                DefaultRights 0644 0755
            </Default>
            """, to: "sftp_config")
        let script = "mount --bind '\(settings)' /etc/ssh/sftp_config && exec /usr/bin/mysecureshell -c sftp-server"
        var options = OpenSSHServer.Options()
        options.sftpCommand =
            "/bin/sh \(try folder.write("exec unshare -m sh -c \"\(script)\"", to: "mysecureshell.sh"))"
        return options
    }
}
