/// `ssh tar c | tar x`: everything in one stream, nothing compared.
struct Tar: Peer {
    let name = "tar"
    let note = "`ssh … tar c | tar x`, and the other way round"
    let programs = ["tar", "ssh", "bash"]
    let versionCommand = ["tar", "--version"]

    func can(_ action: Errand.Action) -> Bool { action == .pull || action == .push }

    func command(_ errand: Errand) -> Invocation {
        let ssh = "ssh -F '\(errand.link.sshConfig)' \(Link.host)"
        let pipeline =
            errand.action == .push
            ? "tar c -C '\(errand.local)' . | \(ssh) \"tar x -C '\(errand.remote)'\""
            : "\(ssh) \"tar c -C '\(errand.remote)' .\" | tar x -C '\(errand.local)'"
        return Invocation("bash", ["-c", "set -o pipefail; \(pipeline)"])
    }
}
