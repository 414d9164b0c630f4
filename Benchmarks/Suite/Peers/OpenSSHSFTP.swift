import Foundation

/// OpenSSH's `sftp -r`, in batch mode.
struct OpenSSHSFTP: Peer {
    let name = "sftp -r"
    let note = "OpenSSH's `sftp -b`, with `get -r` and `put -r`"
    let programs = ["sftp"]
    let versionCommand = ["ssh", "-V"]

    let isSequential = true

    func can(_ action: Errand.Action) -> Bool { action == .pull || action == .push }

    func prepare(_ errand: Errand) throws {
        let line =
            errand.action == .push
            ? "put -r \"\(errand.local)\" \"\(errand.remote)\"" : "get -r \"\(errand.remote)\" \"\(errand.local)\""
        try Data("\(line)\n".utf8).write(to: URL(fileURLWithPath: batch(errand)))
    }

    func command(_ errand: Errand) -> Invocation {
        Invocation("sftp", ["-F", errand.link.sshConfig, "-b", batch(errand), Link.host])
    }

    private func batch(_ errand: Errand) -> String { "\(errand.state)/batch" }
}
