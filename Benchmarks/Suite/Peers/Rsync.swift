/// `rsync -a -e ssh`.
struct Rsync: Peer {
    let name = "rsync"
    let note = "`rsync -a -e ssh`"
    let programs = ["rsync", "ssh"]
    let versionCommand = ["rsync", "--version"]

    func command(_ errand: Errand) -> Invocation {
        let there = "\(Link.host):\(errand.remote)/"
        let here = "\(errand.local)/"
        return Invocation(
            "rsync",
            ["-a", "-e", "ssh -F \(errand.link.sshConfig)"] + (errand.action == .push ? [here, there] : [there, here]))
    }
}
