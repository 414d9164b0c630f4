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

    static func remote(_ errand: Errand) -> String { "bench:\(errand.remote)" }

    /// The remote `bench` is described by the environment alone, so that it has the same name at every delay.
    static func invocation(_ errand: Errand, _ arguments: [String]) -> Invocation {
        let remote = [
            "TYPE": "sftp", "HOST": "127.0.0.1", "PORT": "\(errand.link.port)", "USER": Link.user,
            "KEY_FILE": Link.keyFile, "SHELL_TYPE": "unix", "DISABLE_HASHCHECK": "true",
        ]
        var environment = ["RCLONE_CONFIG": "\(errand.state)/rclone.conf"]
        for (key, value) in remote { environment["RCLONE_CONFIG_BENCH_\(key)"] = value }
        return Invocation(
            "rclone", arguments + ["--transfers", "16", "--checkers", "16", "--quiet"], environment: environment)
    }
}
