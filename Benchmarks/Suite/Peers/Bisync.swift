/// `rclone bisync`: both ways, with listings of its own that it compares with.
struct Bisync: Peer {
    let name = "rclone bisync"
    let note = "as `rclone copy`; a first run with `--resync`"
    let programs = ["rclone"]
    let versionCommand = ["rclone", "version"]

    func command(_ errand: Errand) -> Invocation {
        let isFirst = errand.action == .pull || errand.action == .push
        return Rclone.invocation(
            errand,
            ["bisync", errand.local, Rclone.remote(errand), "--workdir", "\(errand.state)/bisync"]
                + (isFirst ? ["--resync"] : []))
    }
}
