/// The common pattern: a loop over libssh2's own SFTP calls (`Benchmarks/SequentialSFTP`).
struct SequentialLoop: Peer {
    let program: String
    let name = "SFTP loop"
    let note = "one request at a time: stat, open, read or write, close for each file"
    var programs: [String] { [program] }
    let versionCommand = ["dpkg-query", "-W", "-f", "libssh2 ${Version}", "libssh2-1"]

    let isSequential = true

    func can(_ action: Errand.Action) -> Bool { action != .changes && action != .touches }

    func command(_ errand: Errand) -> Invocation {
        let verb =
            switch errand.action {
            case .pull: "pull"
            case .push: "push"
            case .noOp, .changes, .touches: "check"
            }
        return Invocation(
            program, [verb, "\(errand.link.port)", Link.user, Link.keyFile, errand.remote, errand.local])
    }
}
