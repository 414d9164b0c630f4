/// `unison` over ssh: both ways, with archives on both sides.
struct Unison: Peer {
    let name = "unison"
    let note = "`-batch -auto -times`, over ssh"
    let programs = ["unison", "ssh"]
    let versionCommand = ["unison", "-version"]

    func command(_ errand: Errand) -> Invocation {
        Invocation(
            "unison",
            [
                errand.local, "ssh://\(Link.host)/\(errand.remote)", "-sshargs", "-F \(errand.link.sshConfig)",
                "-servercmd", "env UNISON=\(errand.state)/server unison", "-batch", "-auto", "-times", "-silent",
            ], environment: ["UNISON": "\(errand.state)/client"])
    }
}
