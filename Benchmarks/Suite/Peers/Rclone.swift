/// `rclone copy` with an SFTP remote.
struct Rclone: Peer {
    let name = "rclone copy"
    let note = "`--transfers 16 --checkers 16`, without the checksum command on the server for each file"
    let programs = ["rclone"]
    let versionCommand = ["rclone", "version"]

    func command(_ errand: Errand) -> Invocation {
        let there = Self.remote(errand)
        return Self.invocation(
            errand, ["copy"] + (errand.action == .push ? [errand.local, there] : [there, errand.local]))
    }

    static func remote(_ errand: Errand) -> String { "\(Link.host):\(errand.remote)" }

    static func invocation(_ errand: Errand, _ arguments: [String]) -> Invocation {
        Invocation(
            "rclone", arguments + ["--transfers", "16", "--checkers", "16", "--quiet"],
            environment: ["RCLONE_CONFIG": errand.link.rcloneConfig])
    }
}
